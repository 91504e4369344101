//! Enums whose variants have one name in text, JSON and configuration.

use crate::event::error::{ConfigError, ConfigErrorKind};

/// Implements `as_str`, `Display`, `FromStr`, `Serialize` and `Deserialize` with the names of the variants. `$field` is
/// the field in the error of `FromStr`.
macro_rules! named {
    ($type:ident as $field:literal { $($variant:ident = $name:literal,)+ }) => {
        impl $type {
            /// Returns the name in JSON and configuration.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)+
                }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = $crate::event::error::ConfigError;

            fn from_str(text: &str) -> Result<$type, $crate::event::error::ConfigError> {
                match text {
                    $($name => Ok($type::$variant),)+
                    _ => Err($crate::event::names::unknown($field, text, &[$($name),+])),
                }
            }
        }

        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = <::std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use named;

/// Returns the error for a text that is not the name of a variant.
pub(crate) fn unknown(field: &str, text: &str, names: &[&str]) -> ConfigError {
    let nearest = trigger_grammar::hint::did_you_mean(text, names.iter().copied());
    let hint = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    ConfigError::new(ConfigErrorKind::Invalid, field, text, format!("{hint}use one of: {}", names.join(", ")))
}
