//! The decoding of the data of a CloudEvent into a type.

use serde::de::value::{Error as ValueError, UnitDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_path_to_error::Segment;

use crate::event::media_type::MediaType;

/// Decodes data. JSON, or data without a media type, is decoded by its fields. Other data is a text, or bytes if it is not
/// UTF-8. Without data, a type that needs none is decoded, such as an `Option`.
pub(crate) fn decode<T: DeserializeOwned>(data: &[u8], media_type: Option<&str>) -> Result<T, String> {
    if data.is_empty() {
        let nothing: UnitDeserializer<ValueError> = ().into_deserializer();
        return T::deserialize(nothing).map_err(|error| format!("the event has no data: {error}"));
    }
    match media_type.filter(|text| !MediaType::parse(text).is_some_and(|media_type| media_type.is_json())) {
        Some(other) => T::deserialize(Plain(data)).map_err(|error| format!("the data is `{other}`: {error}")),
        None => decode_json(data),
    }
}

fn decode_json<T: DeserializeOwned>(data: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(data);
    let decoded =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().iter().next() {
            // The fault is no value of a field, such as a syntax error.
            None | Some(Segment::Unknown) => format!("the data: {}", error.inner()),
            Some(_) => format!("`{}` of the data: {}", error.path(), error.inner()),
        })?;
    json.end().map_err(|error| format!("the data: {error}"))?;
    Ok(decoded)
}

/// Data that is not JSON.
struct Plain<'a>(&'a [u8]);

impl<'de> Deserializer<'de> for Plain<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match str::from_utf8(self.0) {
            Ok(text) => visitor.visit_str(text),
            Err(_) => visitor.visit_bytes(self.0),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_bytes(self.0)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_bytes(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let text = str::from_utf8(self.0).map_err(ValueError::custom)?;
        visitor.visit_enum(text.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
