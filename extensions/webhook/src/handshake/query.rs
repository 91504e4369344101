//! The query of a handshake, decoded strictly: an echo of a guess is no proof for the sender.

/// The value of a query key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Absent,
    Value(String),
    /// The key is there more than once, or its value has an invalid percent-encoding or is not UTF-8.
    Invalid,
}

/// Returns the value of a key in a query (`application/x-www-form-urlencoded`).
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Parameter {
    let pairs = query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| decode(key).is_some_and(|key| key == name));
    match (values.next(), values.next()) {
        (None, _) => Parameter::Absent,
        (Some((_, value)), None) => decode(value).map_or(Parameter::Invalid, Parameter::Value),
        (Some(_), Some(_)) => Parameter::Invalid,
    }
}

/// Returns a decoded text, or `None` if its percent-encoding is invalid or its bytes are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_is_decoded_strictly_and_is_there_once() {
        let value = |text: &str| Parameter::Value(text.to_owned());
        for (query, expected) in [
            ("", Parameter::Absent),
            ("d=1&cc=2&C=3", Parameter::Absent),
            ("%zz=1", Parameter::Absent),
            ("c", value("")),
            ("c=", value("")),
            ("a=1&c=x&b=2", value("x")),
            ("%63=x", value("x")),
            ("c=a=b", value("a=b")),
            ("c=Validation%3a+a%2Bb%20%C3%A9", value("Validation: a+b \u{e9}")),
            ("c=%00", value("\0")),
            ("c=1&c=1", Parameter::Invalid),
            ("c=1&%63=2", Parameter::Invalid),
            ("c=%", Parameter::Invalid),
            ("c=%4", Parameter::Invalid),
            ("c=%4g", Parameter::Invalid),
            ("c=%+1", Parameter::Invalid),
            ("c=%ff", Parameter::Invalid),
        ] {
            assert_eq!(parameter(Some(query), "c"), expected, "{query}");
        }
        assert_eq!(parameter(None, "c"), Parameter::Absent);
    }
}
