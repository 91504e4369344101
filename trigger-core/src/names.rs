//! Enums whose variants have a name, which is the same in text, in JSON and in configuration.

use crate::error::{ConfigError, ConfigErrorKind};

/// Implements `as_str`, `Display`, `FromStr`, `Serialize` and `Deserialize` by the names of the variants. `$field` is the
/// field that the error of `FromStr` names.
macro_rules! named {
    ($type:ident as $field:literal { $($variant:ident = $name:literal,)+ }) => {
        impl $type {
            /// The name, as in JSON and configuration.
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
            type Err = $crate::error::ConfigError;

            fn from_str(text: &str) -> Result<$type, $crate::error::ConfigError> {
                match text {
                    $($name => Ok($type::$variant),)+
                    _ => Err($crate::names::unknown($field, text, &[$($name),+])),
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

/// The error for a text that names no variant.
pub(crate) fn unknown(field: &str, text: &str, names: &[&str]) -> ConfigError {
    let meant = trigger_grammar::hint::did_you_mean(text, names.iter().copied());
    let meant = meant.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    ConfigError::new(
        ConfigErrorKind::Invalid,
        field,
        text,
        format!("{meant}use one of: {}", names.join(", ")),
    )
}
