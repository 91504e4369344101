//! The attributes of a CloudEvent, and their rules (CloudEvents 1.0.2 section 3).

use serde_json::{Map, Value};

use super::error::CloudEventError;
use super::time::time;
use crate::event::media_type::MediaType;

/// The attributes that each event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// The maximum number of attributes. The head of a request has no more headers.
pub(crate) const MAX_COUNT: usize = 64;

/// The maximum size of all names and values, in bytes. A consumer should accept an event of 64 KiB (section 5). The
/// capacity of a queue counts bodies, so without a limit the attributes would escape it.
const MAX_BYTES: usize = 64 * 1024;

/// The maximum length of a name, in bytes (section 3.1).
const MAX_NAME: usize = 20;

/// The attributes of one event, each of which is valid. A value is a string, an integer or a boolean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes {
    map: Map<String, Value>,
    bytes: usize,
}

impl Attributes {
    /// Adds an attribute, whose name was checked.
    ///
    /// # Errors
    ///
    /// 400 if the value is not valid, if the attribute repeats, or if a limit is exceeded.
    pub(crate) fn add(&mut self, name: &str, value: Value) -> Result<(), CloudEventError> {
        if let Err(fault) = check(name, &value) {
            return Err(CloudEventError::invalid(format!("the attribute `{name}` {fault}")));
        }
        self.bytes += name.len() + value.as_str().map_or(size_of::<i32>(), str::len);
        if self.map.len() == MAX_COUNT || self.bytes > MAX_BYTES {
            return Err(CloudEventError::invalid("the event has over 64 attributes, or over 64 KiB of them"));
        }
        match self.map.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(CloudEventError::invalid(format!("the attribute `{name}` is there twice"))),
        }
    }

    /// Returns the attributes if none of the required ones is missing.
    pub(crate) fn complete(self) -> Result<Attributes, CloudEventError> {
        match REQUIRED.iter().find(|name| !self.map.contains_key(**name)) {
            None => Ok(self),
            Some(name) => Err(CloudEventError::invalid(format!("the attribute `{name}` is missing"))),
        }
    }

    pub(crate) fn map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// Returns the media type of the data.
    pub(crate) fn media_type(&self) -> Option<MediaType<'_>> {
        text_of(&self.map, "datacontenttype").and_then(MediaType::parse)
    }
}

/// Returns an attribute that is text.
pub(crate) fn text_of<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str)
}

/// Checks the name of an attribute. `data` is that of the data.
///
/// # Errors
///
/// 400 if it is not valid. The error does not repeat the name, which may be as long as the body.
pub(crate) fn check_name(name: &str) -> Result<(), CloudEventError> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_allowed) && name != "data" {
        return Ok(());
    }
    Err(CloudEventError::invalid("the name of an attribute has 1 to 20 characters of `a-z` and `0-9`"))
}

/// Checks the value of an attribute. The error continues the sentence "the attribute .. ".
fn check(name: &str, value: &Value) -> Result<(), &'static str> {
    let standard = check_of(name);
    let Some(text) = value.as_str() else {
        return if standard.is_some() { Err("is no string") } else { Ok(()) };
    };
    if text.chars().any(is_disallowed) {
        return Err("has a control character or a noncharacter");
    }
    standard.map_or(Ok(()), |check| check(text))
}

type Check = fn(&str) -> Result<(), &'static str>;

/// Returns the rule of an attribute of the specification, and `None` for an extension.
fn check_of(name: &str) -> Option<Check> {
    Some(match name {
        "specversion" => |text| if text == "1.0" { Ok(()) } else { Err("is not `1.0`") },
        "id" | "type" | "subject" => |text| if text.is_empty() { Err("is empty") } else { Ok(()) },
        "source" => |text| if is_uri_reference(text) { Ok(()) } else { Err("is no URI reference") },
        "dataschema" => |text| if is_uri(text) { Ok(()) } else { Err("is no URI with a scheme") },
        "datacontenttype" => |text| MediaType::parse(text).map(drop).ok_or("is no media type"),
        "time" => |text| time(text).map(drop).ok_or("is no time of RFC 3339"),
        _ => return None,
    })
}

/// Returns `true` if a character is not allowed in a string (CloudEvents 1.0.2 section 3): a control character or a
/// noncharacter of Unicode. A `char` is no surrogate.
fn is_disallowed(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || matches!(code, 0xFDD0..=0xFDEF) || code & 0xFFFE == 0xFFFE
}

/// Returns `true` if a text has only the characters of a URI reference (RFC 3986 section 4.1), and is not empty.
fn is_uri_reference(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let is_allowed = |(at, byte): (usize, &u8)| match byte {
        b'%' => is_hex(bytes.get(at + 1)) && is_hex(bytes.get(at + 2)),
        byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
    };
    let fragments = bytes.iter().filter(|byte| **byte == b'#').count();
    !text.is_empty() && fragments <= 1 && bytes.iter().enumerate().all(is_allowed)
}

/// Returns `true` if a text is a URI with a scheme (RFC 3986 section 3).
fn is_uri(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_allowed)
    };
    let rest = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).map(|(_, rest)| rest);
    rest.is_some_and(|rest| !rest.is_empty()) && is_uri_reference(text)
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn source_is_a_uri_reference_and_dataschema_has_a_scheme() {
        for text in ["/", "a", "../a?b=c#d", "urn:uuid:6e8bc430", "https://[::1]:80/a%20b", "mailto:a@b.c"] {
            assert!(is_uri_reference(text), "{text}");
        }
        for text in
            ["", "/a b", "/%", "/%2", "/%2g", "/ä", "/a#b#c", "<a>", "\"", "a\\b", "{id}", "a|b", "^", "`"]
        {
            assert!(!is_uri_reference(text), "{text}");
        }
        for text in ["https://example.com/schema/1#a", "urn:x", "a+b-c.d:e"] {
            assert!(is_uri(text), "{text}");
        }
        for text in ["/schema/1", "1a:b", ":b", "a:", "a_b:c", "schema", "a/b:c", "http://a b"] {
            assert!(!is_uri(text), "{text}");
        }
    }

    #[test]
    fn string_has_no_control_character_and_no_noncharacter() {
        for character in
            ['\0', '\t', '\n', '\x1f', '\x7f', '\u{80}', '\u{9f}', '\u{fdd0}', '\u{fdef}', '\u{fffe}']
                .into_iter()
                .chain(['\u{ffff}', '\u{1fffe}', '\u{10ffff}'])
        {
            assert!(is_disallowed(character), "{character:?}");
        }
        for character in [' ', '~', '\u{a0}', 'ä', '\u{fdcf}', '\u{fdf0}', '\u{fffd}', '😀', '\u{10fffd}']
        {
            assert!(!is_disallowed(character), "{character:?}");
        }
    }

    #[test]
    fn attributes_have_a_maximum_number_and_size() {
        let mut attributes = Attributes::default();
        for number in 0..MAX_COUNT {
            assert_eq!(attributes.add(&format!("a{number}"), number.into()), Ok(()));
        }
        assert!(attributes.add("b", 1.into()).is_err());
        let mut attributes = Attributes::default();
        assert_eq!(attributes.add("a", "x".repeat(MAX_BYTES - 1).into()), Ok(()));
        assert!(attributes.add("b", "".into()).is_err());
    }
}
