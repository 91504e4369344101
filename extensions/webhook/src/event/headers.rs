//! The headers of a request, without those that carry secrets.

use std::{fmt, iter};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::event::pairs::grouped;
use trigger_core::{Attribute, Bytes, Context, Frame, FromTrigger, Rejection, TriggerKind};

/// The attribute with the [`Headers`].
pub(crate) const HEADERS: &str = "headers";

/// The headers of a webhook request.
///
/// Headers that carry credentials, cookies or signatures (such as `authorization`, `cookie`, `x-api-key`,
/// `x-hub-signature-256`, `stripe-signature`, and the `header` of `verify = hmac(..)` and `verify = ed25519(..)`) are removed
/// before any other code reads the request. From the query are removed `access_token`, `token`, `api_key`, `apikey`, `key`,
/// `secret`, `signature`, `sig` and `password`.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection};
/// # use trigger_webhook::{Headers, WebhookTrigger};
/// async fn receive(headers: Headers) {
///     println!("{}", headers.get("x-github-event").unwrap_or("unknown"));
/// }
/// # drop(receive(Headers::default()));
///
/// let sent = Headers::from_iter([("X-GitHub-Event", "push"), ("Cookie", "secret")]);
/// let event = WebhookTrigger::event("/github", sent, "{}");
/// let headers = Headers::from_trigger(&Context::new(&event))?;
/// assert_eq!((headers.get("x-github-event"), headers.get("cookie")), (Some("push"), None));
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers(
    /// For each header the lengths of its name and its value, then the name and the value. It is a copy, because the
    /// map of the request would keep the read buffer of the connection alive, with its secrets, while the event is
    /// queued.
    Bytes,
);

impl Headers {
    /// Writes the headers that carry no secrets, in the kept form. `signature` is the header of the webhook's own signature.
    /// A head is far smaller than 64 KiB, so the lengths fit.
    pub(crate) fn write_without_secrets(
        headers: &HeaderMap,
        signature: Option<&HeaderName>,
        to: &mut Vec<u8>,
    ) {
        for (name, value) in headers {
            if !is_secret_header(name.as_str()) && Some(name) != signature {
                write(name.as_str(), value.as_bytes(), to);
            }
        }
    }

    /// Returns the headers of an event, if it is a webhook request.
    pub(crate) fn of(frame: &Frame) -> Option<Headers> {
        match frame.any_attribute(HEADERS)? {
            Attribute::Bytes(headers) => Some(Headers(headers.clone())),
            _ => None,
        }
    }

    /// Returns the headers as an attribute of a frame.
    pub(crate) fn into_attribute(self) -> Attribute {
        Attribute::Bytes(self.0)
    }

    /// Returns headers in the kept form.
    pub(crate) fn from_written(written: Bytes) -> Headers {
        Headers(written)
    }

    /// Returns the headers as a map, without those that cannot be in one.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let header = |(name, value): (&str, &[u8])| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?))
        };
        let mut map = HeaderMap::new();
        for (name, value) in self.pairs().filter_map(header) {
            map.append(name, value);
        }
        map
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &*self.0;
        iter::from_fn(move || {
            let ([a, b, c, d], behind) = rest.split_first_chunk()?;
            let (name, behind) = behind.split_at_checked(u16::from_le_bytes([*a, *b]).into())?;
            let (value, behind) = behind.split_at_checked(u16::from_le_bytes([*c, *d]).into())?;
            rest = behind;
            Some((str::from_utf8(name).ok()?, value))
        })
    }

    /// Returns the first value of a header, without regard to the case of the name. Returns `None` for a value that is
    /// not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        str::from_utf8(value).ok()
    }

    /// Returns every header in order, with its name in lower case. A value that is not UTF-8 is decoded as ISO 8859-1,
    /// in which every byte is a character (RFC 9110 section 5.5).
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        self.pairs().map(|(name, value)| {
            let value = match str::from_utf8(value) {
                Ok(value) => value.to_owned(),
                Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
            };
            (name, value)
        })
    }

    /// Returns an object in which a repeated header has a list of its values.
    pub(crate) fn grouped(&self) -> Value {
        grouped(self.iter().map(|(name, value)| (name.to_owned(), value)))
    }
}

/// Writes one header in the kept form. Its name and its value have at most 65,535 bytes each.
// Called for each header of a request, where a call costs as much as the copy.
#[inline(always)]
fn write(name: &str, value: &[u8], to: &mut Vec<u8>) {
    let lengths = [name.len() as u16, value.len() as u16].map(u16::to_le_bytes);
    to.extend_from_slice(lengths.as_flattened());
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(value);
}

/// Collects headers for the test of a handler. As in a request, names become lower case, and headers that carry secrets
/// are left out. A header with a name or a value over 65,535 bytes is left out too.
///
/// ```
/// # use trigger_webhook::Headers;
/// let headers = Headers::from_iter([("X-GitHub-Delivery", "7"), ("Authorization", "Bearer abc")]);
/// assert_eq!(headers.get("x-github-delivery"), Some("7"));
/// assert_eq!(headers.get("authorization"), None);
/// ```
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Headers {
        let mut written = Vec::new();
        for (name, value) in headers {
            let (name, value) = (name.as_ref().to_ascii_lowercase(), value.as_ref());
            let fits = name.len().max(value.len()) <= usize::from(u16::MAX);
            if fits && !is_secret_header(&name) {
                write(&name, value.as_bytes(), &mut written);
            }
        }
        Headers(written.into())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Serializes as an object in which a repeated header has a list of its values.
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.grouped().serialize(serializer)
    }
}

impl FromTrigger for Headers {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Webhook]);

    fn from_trigger(cx: &Context<'_>) -> Result<Headers, Rejection> {
        Headers::of(cx.event().frame()).ok_or_else(|| Rejection::absent("only a webhook request has headers"))
    }
}

/// Returns `true` if a header carries a credential, a cookie or a signature. `name` is in lower case.
fn is_secret_header(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "www-authenticate"
            | "x-original-authorization"
            | "cookie"
            | "set-cookie"
            | "set-cookie2"
            | "api-key"
            | "apikey"
            | "x-api-key"
            | "x-access-token"
            | "x-auth-token"
            | "x-csrf-token"
            | "x-xsrf-token"
            | "x-amz-security-token"
            | "x-vault-token"
            | "x-gitlab-token"
            | "x-telegram-bot-api-secret-token"
            | "x-goog-iap-jwt-assertion"
            | "cf-access-jwt-assertion"
            | "x-forwarded-client-cert"
            | "x-client-cert"
            | "x-ssl-client-cert"
            | "x-hub-signature"
            | "x-hub-signature-256"
            | "x-webhook-signature"
            | "x-slack-signature"
            | "x-shopify-hmac-sha256"
            | "x-twilio-signature"
            | "x-zm-signature"
            | "x-signature-ed25519"
            | "stripe-signature"
            | "svix-signature"
            | "webhook-signature"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(headers: &[(&'static str, &[u8])]) -> Headers {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).expect("a valid value"));
        }
        let mut written = Vec::new();
        Headers::write_without_secrets(&map, None, &mut written);
        Headers(written.into())
    }

    #[test]
    fn headers_are_kept_in_order_without_secrets() {
        let headers =
            kept(&[("cookie", b"1"), ("x-b", b"2"), ("x-api-key", b"3"), ("host", b""), ("x-a", b"4")]);
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("x-b", "2".to_owned()), ("host", String::new()), ("x-a", "4".to_owned())]);
        assert_eq!(format!("{headers:?}"), r#"{"x-b": "2", "host": "", "x-a": "4"}"#);
        assert_eq!(Headers::default().iter().count(), 0);
    }

    #[test]
    fn headers_are_an_object_in_json_in_which_a_repeated_one_is_a_list() {
        let headers = kept(&[("x-b", b"1"), ("cookie", b"2"), ("x-a", b"caf\xe9"), ("x-b", b"3")]);
        let expected = serde_json::json!({"x-a": "caf\u{e9}", "x-b": ["1", "3"]});
        assert_eq!(serde_json::to_value(&headers).expect("an object"), expected);
        assert_eq!(serde_json::to_value(Headers::default()).expect("an object"), serde_json::json!({}));
    }

    #[test]
    fn header_is_found_in_any_case_unless_it_is_not_utf_8() {
        let long = [b'x'; 16 * 1024];
        let headers = kept(&[("x-long", &long), ("x-a", b"1"), ("x-latin", b"caf\xe9")]);
        assert_eq!((headers.get("X-A"), headers.get("x-long").map(str::len)), (Some("1"), Some(long.len())));
        assert_eq!([headers.get("x-latin"), headers.get("x"), headers.get("")], [None; 3]);
    }
}
