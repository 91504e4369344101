//! Encodes data as JSON. serde_json writes an infinite float or NaN as `null`, and bytes as a list of numbers. Here
//! both are errors, because a handler would decode other data than was published.

use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::marker::PhantomData;

use serde::ser::{self, Error, Serialize, Serializer};

/// Writes data as JSON.
///
/// # Errors
///
/// A failure of the data's own `Serialize`, a float that is infinite or not a number, and data that consists of bytes,
/// such as `Bytes` or `Vec<u8>`. Bytes inside other data become a list of numbers.
pub(super) fn write(data: impl Serialize, to: impl io::Write) -> Result<(), serde_json::Error> {
    data.serialize(Strict { inner: &mut serde_json::Serializer::new(to), place: Top })
}

/// The position of a value in the data.
trait Place: Copy {
    /// Returns `true` for the published value itself.
    const IS_TOP: bool = false;

    /// Counts the value as a byte.
    fn note_byte(self) {}
}

#[derive(Clone, Copy)]
struct Top;

impl Place for Top {
    const IS_TOP: bool = true;
}

/// A value inside other data.
#[derive(Clone, Copy)]
struct Inside;

impl Place for Inside {}

/// An element of the published list, whose bytes are counted.
#[derive(Clone, Copy)]
struct Listed<'a>(&'a Cell<usize>);

impl Place for Listed<'_> {
    #[inline]
    fn note_byte(self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A serializer that refuses data without a JSON form, and passes everything else on.
struct Strict<S, P> {
    inner: S,
    place: P,
}

/// A value and its position in other data.
struct Part<'a, T: ?Sized, P>(&'a T, P);

impl<T: Serialize + ?Sized, P: Place> Serialize for Part<'_, T, P> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Strict { inner: serializer, place: self.1 })
    }
}

#[cold]
fn no_number<E: Error>(float: impl Display) -> E {
    E::custom(format_args!("{float} is not a number that JSON can hold"))
}

#[cold]
fn bytes<E: Error>() -> E {
    E::custom("bytes would become a list of numbers; publish them with `emit_raw` or `publish_raw`")
}

/// Defines methods that pass a value on.
macro_rules! pass {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
                self.inner.$method(value)
            }
        )+
    };
}

impl<S: Serializer, P: Place> Serializer for Strict<S, P> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = List<S::SerializeSeq, P>;
    type SerializeTuple = Fields<S::SerializeTuple>;
    type SerializeTupleStruct = Fields<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Fields<S::SerializeTupleVariant>;
    type SerializeMap = Fields<S::SerializeMap>;
    type SerializeStruct = Fields<S::SerializeStruct>;
    type SerializeStructVariant = Fields<S::SerializeStructVariant>;

    pass! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
        serialize_unit_struct: &'static str,
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<S::Ok, S::Error> {
        self.place.note_byte();
        self.inner.serialize_u8(value)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.inner.serialize_f32(value) } else { Err(no_number(value)) }
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.inner.serialize_f64(value) } else { Err(no_number(value)) }
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        if P::IS_TOP { Err(bytes()) } else { self.inner.serialize_bytes(value) }
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Part(value, Inside))
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Part(value, Inside))
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, &Part(value, Inside))
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let inner = self.inner.serialize_seq(len)?;
        Ok(List { inner, values: 0, bytes: Cell::new(0), place: PhantomData })
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.inner.serialize_tuple(len).map(Fields)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.inner.serialize_tuple_struct(name, len).map(Fields)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.inner.serialize_tuple_variant(name, index, variant, len).map(Fields)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.inner.serialize_map(len).map(Fields)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.inner.serialize_struct(name, len).map(Fields)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.inner.serialize_struct_variant(name, index, variant, len).map(Fields)
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A list. The published list must not consist only of bytes.
struct List<C, P> {
    inner: C,
    values: usize,
    bytes: Cell<usize>,
    place: PhantomData<P>,
}

impl<C: ser::SerializeSeq, P: Place> ser::SerializeSeq for List<C, P> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        if !P::IS_TOP {
            return self.inner.serialize_element(&Part(value, Inside));
        }
        self.values += 1;
        self.inner.serialize_element(&Part(value, Listed(&self.bytes)))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        if P::IS_TOP && self.values > 0 && self.values == self.bytes.get() {
            return Err(bytes());
        }
        self.inner.end()
    }
}

/// The parts of a tuple, a struct or a map.
struct Fields<C>(C);

/// Implements the traits of data with unnamed parts.
macro_rules! fields_by_position {
    ($($trait:ident: $method:ident),+ $(,)?) => {
        $(
            impl<C: ser::$trait> ser::$trait for Fields<C> {
                type Ok = C::Ok;
                type Error = C::Error;

                #[inline]
                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                    self.0.$method(&Part(value, Inside))
                }

                #[inline]
                fn end(self) -> Result<C::Ok, C::Error> {
                    self.0.end()
                }
            }
        )+
    };
}

fields_by_position! {
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// Implements the traits of data with named parts.
macro_rules! fields_by_name {
    ($($trait:ident),+) => {
        $(
            impl<C: ser::$trait> ser::$trait for Fields<C> {
                type Ok = C::Ok;
                type Error = C::Error;

                #[inline]
                fn serialize_field<T: Serialize + ?Sized>(
                    &mut self,
                    name: &'static str,
                    value: &T,
                ) -> Result<(), C::Error> {
                    self.0.serialize_field(name, &Part(value, Inside))
                }

                #[inline]
                fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                    self.0.skip_field(name)
                }

                #[inline]
                fn end(self) -> Result<C::Ok, C::Error> {
                    self.0.end()
                }
            }
        )+
    };
}

fields_by_name!(SerializeStruct, SerializeStructVariant);

impl<C: ser::SerializeMap> ser::SerializeMap for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.0.serialize_key(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Part(value, Inside))
    }

    #[inline]
    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), C::Error>
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        self.0.serialize_entry(key, &Part(value, Inside))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}
