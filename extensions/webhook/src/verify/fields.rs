//! The parts of a request that schemes have in common: a header that may be there once, the signed time, and the id.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use smol_str::SmolStr;

use super::error::VerifyError;
use super::verified::is_id;

/// The number of digits of the longest timestamp. Each of them fits a `u64`.
const LONGEST_TIMESTAMP: usize = 18;

/// The largest number of signatures of one request that are compared. It bounds the work before the request is known to be
/// genuine. A sender has two while a secret is replaced.
pub(crate) const MOST_SIGNATURES: usize = 16;

/// The reasons of the faults of one part.
#[derive(Debug)]
pub(crate) struct Part {
    missing: &'static str,
    ambiguous: &'static str,
    malformed: &'static str,
}

pub(crate) const SIGNATURE: Part =
    Part { missing: "signature_missing", ambiguous: "signature_ambiguous", malformed: "signature_malformed" };

pub(crate) const TIMESTAMP: Part =
    Part { missing: "timestamp_missing", ambiguous: "timestamp_ambiguous", malformed: "timestamp_malformed" };

pub(crate) const ID: Part =
    Part { missing: "id_missing", ambiguous: "id_ambiguous", malformed: "id_malformed" };

impl Part {
    /// Returns the value of a header that is there once, without the white space around it, which is no part of the value
    /// (RFC 9110 section 5.5).
    ///
    /// Of two values a proxy may look at one, and the receiver at the other.
    pub(crate) fn of<'a>(&self, headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a [u8], VerifyError> {
        let mut values = headers.get_all(name).iter();
        let value = values
            .next()
            .ok_or_else(|| VerifyError::new(self.missing, format_args!("there is no `{name}`")))?;
        if values.next().is_some() {
            return Err(VerifyError::new(self.ambiguous, format_args!("`{name}` is there more than once")));
        }
        Ok(trimmed(value.as_bytes()))
    }

    pub(crate) fn missing(&self, message: impl fmt::Display) -> VerifyError {
        VerifyError::new(self.missing, message)
    }

    pub(crate) fn ambiguous(&self, message: impl fmt::Display) -> VerifyError {
        VerifyError::new(self.ambiguous, message)
    }

    pub(crate) fn malformed(&self, message: impl fmt::Display) -> VerifyError {
        VerifyError::new(self.malformed, message)
    }
}

/// Returns a value without the spaces and tabs around it.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns the error of a signature that no secret made.
#[cold]
pub(crate) fn mismatch(scheme: &str) -> VerifyError {
    VerifyError::new("signature_mismatch", format_args!("no secret of `{scheme}` made the signature"))
}

/// Reads a signed time in Unix seconds, and compares it with the time at the receiver.
///
/// The text has 1 to 18 ASCII digits, no sign and no leading zero. So a time has one text, and the signed text is that of the
/// header.
pub(crate) fn signed_time(
    text: &[u8],
    now: SystemTime,
    tolerance: Duration,
) -> Result<SystemTime, VerifyError> {
    let malformed = || TIMESTAMP.malformed("the signed time is not 1 to 18 digits without a leading zero");
    let is_number = (1..=LONGEST_TIMESTAMP).contains(&text.len())
        && text.iter().all(u8::is_ascii_digit)
        && (text[0] != b'0' || text.len() == 1);
    if !is_number {
        return Err(malformed());
    }
    let seconds = text.iter().fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(malformed)?;
    let [old, future] = [now.duration_since(at), at.duration_since(now)];
    match (old, future) {
        (Ok(age), _) if age > tolerance => {
            let message = format_args!("the request was signed {age:.0?} ago, over {tolerance:?}");
            Err(VerifyError::new("timestamp_old", message))
        }
        (_, Ok(ahead)) if ahead > tolerance => {
            let message = format_args!("the request is signed {ahead:.0?} ahead, over {tolerance:?}");
            Err(VerifyError::new("timestamp_future", message))
        }
        _ => Ok(at),
    }
}

/// Returns a time in Unix seconds, as the text of a header.
pub(crate) fn unix_seconds(at: SystemTime) -> Result<String, VerifyError> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_err(|_| VerifyError::new("time_invalid", "the time is before 1970"))?;
    Ok(since.as_secs().to_string())
}

/// Where a scheme has the id of a delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DeliveryId {
    None,
    /// The first of these headers with a valid id.
    Headers(&'static [HeaderName]),
    /// A field of the JSON object in the body, and the text that its value begins with.
    Field {
        name: &'static str,
        prefix: &'static str,
    },
}

impl DeliveryId {
    /// Returns the id of a request. A header that is there twice has no id.
    pub(crate) fn of(self, headers: &HeaderMap, body: &[u8]) -> Option<SmolStr> {
        match self {
            DeliveryId::None => None,
            DeliveryId::Headers(names) => names.iter().find_map(|name| {
                let id = ID.of(headers, name).ok().filter(|id| is_id(id))?;
                str::from_utf8(id).ok().map(SmolStr::new)
            }),
            DeliveryId::Field { name, prefix } => {
                field(body, name).filter(|id| id.starts_with(prefix) && is_id(id.as_bytes()))
            }
        }
    }

    /// Adds the header with the id, if the scheme has one.
    pub(crate) fn write(self, id: &HeaderValue, headers: &mut HeaderMap) {
        if let DeliveryId::Headers([name, ..]) = self {
            headers.insert(name.clone(), id.clone());
        }
    }
}

/// Returns the value of a header.
pub(crate) fn value(text: &str) -> Result<HeaderValue, VerifyError> {
    HeaderValue::from_str(text)
        .map_err(|_| VerifyError::new("header_malformed", "a header cannot carry the text"))
}

/// Returns the text or the number of a field of a JSON object. The rest of the body after the field is not parsed.
fn field(body: &[u8], name: &str) -> Option<SmolStr> {
    let mut found = None;
    // The visitor leaves the object where it finds the field, which is an error to the parser.
    let _ = serde_json::Deserializer::from_slice(body).deserialize_map(Find { name, found: &mut found });
    found
}

struct Find<'a> {
    name: &'a str,
    found: &'a mut Option<SmolStr>,
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_wanted) = map.next_key_seed(Equals(self.name))? {
            if is_wanted {
                *self.found = Some(map.next_value_seed(Scalar)?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Compares a key with a name.
struct Equals<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Equals<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Equals<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Reads a text or a number.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = SmolStr;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<SmolStr, D::Error> {
        value.deserialize_any(self)
    }
}

impl Visitor<'_> for Scalar {
    type Value = SmolStr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SmolStr, E> {
        Ok(SmolStr::new(text))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<SmolStr, E> {
        Ok(smol_str::format_smolstr!("{number}"))
    }
}
