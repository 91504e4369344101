//! The media type of a body.

use std::borrow::Cow;

/// A media type with its parameters (RFC 9110 section 8.3.1), such as `application/json; charset=utf-8`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaType<'a> {
    /// The type and the subtype, such as `application/json`.
    name: &'a str,
    /// The text after the first `;`.
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// Returns `None` if the text has no type or no subtype.
    pub(crate) fn parse(text: &'a str) -> Option<MediaType<'a>> {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let name = name.trim_ascii();
        let (kind, subtype) = name.split_once('/')?;
        (is_token(kind) && is_token(subtype)).then_some(MediaType { name, parameters })
    }

    /// Returns `true` if the type and the subtype are these, without regard to case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns what follows `prefix` in the type and the subtype, without regard to case.
    pub(crate) fn strip_prefix(&self, prefix: &str) -> Option<&'a str> {
        let (start, rest) = self.name.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    }

    /// Returns `true` if the body is JSON: the subtype is `json` or ends with `+json`.
    pub(crate) fn is_json(&self) -> bool {
        let subtype = self.name.rsplit('/').next().unwrap_or_default();
        let suffix = subtype.rsplit('+').next().unwrap_or_default();
        suffix.eq_ignore_ascii_case("json")
    }

    /// Returns `true` if no parameter names another charset than UTF-8.
    pub(crate) fn is_utf_8(&self) -> bool {
        let mut rest = self.parameters;
        while let Some((key, value)) = rest.split_once('=') {
            let (value, behind) = value_of(value);
            rest = behind;
            // A parameter without a value may come before this one.
            let key = key.rsplit(';').next().unwrap_or_default().trim_ascii();
            if key.eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
                return false;
            }
        }
        true
    }
}

/// Returns the value of a parameter, without its quotes, and the text behind it.
fn value_of(text: &str) -> (Cow<'_, str>, &str) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim_ascii().into(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value.into(), &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value.into(), "")
}

/// Returns `true` if a text is a token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> MediaType<'_> {
        MediaType::parse(text).expect(text)
    }

    #[test]
    fn media_type_has_a_type_and_a_subtype() {
        assert!(parsed("Application/JSON; q=1").is("application/json"));
        assert!(parsed(" text/plain ").is("text/plain"));
        for text in
            ["", "json", "/json", "text/", "text/pl ain", "text/a/b", "a b/c", "; charset=utf-8", "téxt/a"]
        {
            assert!(MediaType::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn subtype_says_whether_a_body_is_json() {
        for text in ["application/json", "text/JSON; charset=utf-8", "application/problem+json", "a/b+c+json"]
        {
            assert!(parsed(text).is_json(), "{text}");
        }
        for text in ["application/jsonp", "json/xml", "application/json+xml", "application/xml; a=json"] {
            assert!(!parsed(text).is_json(), "{text}");
        }
    }

    #[test]
    fn every_charset_must_be_utf_8() {
        for text in [
            "a/b",
            "a/b; charset=UTF-8",
            "a/b;Charset = \"utf-8\" ; x=1",
            "a/b; x=\"; charset=utf-16\"",
            "a/b; x; charset=utf-8",
            "a/b; mycharset=utf-16",
            "a/b; charset=\"\\utf-8\"",
        ] {
            assert!(parsed(text).is_utf_8(), "{text}");
        }
        for text in [
            "a/b; charset=utf-16",
            "a/b; charset=utf-8; charset=latin1",
            "a/b; x; charset=",
            "a/b; x=\"\\\"\"; charset=utf8",
        ] {
            assert!(!parsed(text).is_utf_8(), "{text}");
        }
    }
}
