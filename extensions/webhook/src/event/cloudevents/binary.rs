//! Binary mode: the attributes are `ce-` headers, and the body is the data (HTTP protocol binding 1.0.2 section 3.1).

use http::{HeaderMap, HeaderValue};

use super::attributes::{Attributes, check_name};
use super::error::CloudEventError;
use super::parts::{CloudEventParts, Data};

/// The prefix of a header with an attribute.
pub(crate) const PREFIX: &str = "ce-";

/// Reads the event of a request in binary mode.
pub(crate) fn read(
    headers: &HeaderMap,
    content_type: Option<&HeaderValue>,
) -> Result<CloudEventParts, CloudEventError> {
    let mut attributes = Attributes::default();
    if let Some(content_type) = content_type {
        let text =
            content_type.to_str().map_err(|_| CloudEventError::invalid("the content type is not ASCII"))?;
        attributes.add("datacontenttype", text.into())?;
    }
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        if name == "datacontenttype" {
            let message = "in binary mode `datacontenttype` is the header `content-type`, without `ce-`";
            return Err(CloudEventError::invalid(message));
        }
        check_name(name)?;
        let fault = |fault| CloudEventError::invalid(format!("the header `{PREFIX}{name}` {fault}"));
        attributes.add(name, decode(value.as_bytes()).map_err(fault)?.into())?;
    }
    Ok(CloudEventParts { attributes: attributes.complete()?, data: Data::Body })
}

/// Decodes the value of a header (section 3.1.3.2): first the quotes with their escapes, then one round of
/// percent-encoding. The error continues the sentence "the header .. ".
fn decode(value: &[u8]) -> Result<String, &'static str> {
    let unquoted = unquote(value).ok_or("has a quote that is not closed, or text after it")?;
    let mut decoded = Vec::with_capacity(unquoted.len());
    let mut bytes = unquoted.into_iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()).zip(hex(bytes.next())).map(|(high, low)| high << 4 | low),
            byte => byte.is_ascii().then_some(byte),
        });
    }
    let decoded = decoded.into_iter().collect::<Option<Vec<u8>>>();
    let decoded = decoded.ok_or("is not ASCII, or has a `%` without two hexadecimal digits")?;
    String::from_utf8(decoded).map_err(|_| "is not UTF-8 after the decoding")
}

/// Returns the value without its quotes. A value that does not begin with a quote has none to remove.
fn unquote(value: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = value.strip_prefix(b"\"") else { return Some(value.to_vec()) };
    let mut text = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return bytes.as_slice().is_empty().then_some(text),
            b'\\' => text.push(*bytes.next()?),
            byte => text.push(*byte),
        }
    }
    None
}

/// Returns the value of a hexadecimal digit.
fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn value_of_a_header_is_unquoted_and_decoded_once() {
        for (value, expected) in [
            ("", ""),
            ("a b", "a b"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%e2%82%ac", "€"),
            ("%2541", "%41"),
            (r#""a \"b\" \\ c%20""#, r#"a "b" \ c "#),
            (r#""\%41""#, "A"),
            (r#""""#, ""),
            (r#"W/"abc""#, r#"W/"abc""#),
            ("a+b", "a+b"),
        ] {
            assert_eq!(decode(value.as_bytes()).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn value_that_two_readers_could_understand_differently_is_refused() {
        for value in [
            "100%",
            "%4",
            "%zz",
            "%+1",
            "% 1",
            "%C0%AF",
            "%FF",
            "%ED%A0%80",
            "\"a",
            "\"a\"b",
            "\"a\\",
            "\"",
            "é",
        ] {
            assert!(decode(value.as_bytes()).is_err(), "{value}");
        }
        assert!(decode(b"caf\xe9").is_err());
    }
}
