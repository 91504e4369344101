//! The handshake by which a webhook consents to receive CloudEvents (HTTP WebHook 1.0.2 section 4).

use std::num::NonZeroU32;

use http::header::ALLOW;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const REQUEST_ORIGIN: &str = "webhook-request-origin";
const REQUEST_RATE: &str = "webhook-request-rate";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// The origin that stands for every origin.
const ANY: &str = "*";

/// The senders that a webhook accepts events from, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Names of hosts, or `*`.
    allowed_origins: Vec<String>,
    /// The maximum number of requests in a minute. `None` is no limit.
    rate_per_minute: Option<NonZeroU32>,
}

/// The answer to an `OPTIONS` request. Its body is empty.
#[derive(Clone, Debug)]
pub(crate) struct HandshakeAnswer {
    pub(crate) status: StatusCode,
    /// A sender takes the headers for consent, and never the status.
    pub(crate) headers: HeaderMap,
}

impl HandshakeAnswer {
    fn refused(status: StatusCode) -> HandshakeAnswer {
        let headers = HeaderMap::from_iter([(ALLOW, HeaderValue::from_static("POST"))]);
        HandshakeAnswer { status, headers }
    }
}

impl Handshake {
    /// Returns the handshake for these origins: names of hosts, such as `eventemitter.example.com`, or `*`.
    pub(crate) fn new(
        allowed_origins: impl IntoIterator<Item = String>,
        rate_per_minute: Option<NonZeroU32>,
    ) -> Handshake {
        Handshake { allowed_origins: allowed_origins.into_iter().collect(), rate_per_minute }
    }

    /// Returns `true` if the origin is allowed. Names of hosts are compared without regard to case.
    fn allows(&self, origin: &str) -> bool {
        self.allows_any() || self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    fn allows_any(&self) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == ANY)
    }

    /// Returns `true` if a delivery names an allowed origin. The sender of each delivery does so after a handshake.
    pub(crate) fn allows_delivery(&self, headers: &HeaderMap) -> bool {
        matches!(single(headers, REQUEST_ORIGIN), Ok(Some(origin)) if self.allows(origin))
    }

    /// Returns the answer to an `OPTIONS` request: consent to an allowed origin, and otherwise none.
    ///
    /// It never asks the URL of `WebHook-Request-Callback`: the sender chooses that URL, so the server would send requests
    /// into its own network for a stranger.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> HandshakeAnswer {
        let (Ok(origin), Ok(rate)) = (single(headers, REQUEST_ORIGIN), single(headers, REQUEST_RATE)) else {
            return HandshakeAnswer::refused(StatusCode::BAD_REQUEST);
        };
        // Another `OPTIONS`, such as the preflight of a browser, gets the answer of a webhook without a handshake.
        let Some(origin) = origin else { return HandshakeAnswer::refused(StatusCode::METHOD_NOT_ALLOWED) };
        let Some(requested) = rate.map(requested_rate).transpose().ok() else {
            return HandshakeAnswer::refused(StatusCode::BAD_REQUEST);
        };
        if !self.allows(origin) {
            return HandshakeAnswer::refused(StatusCode::FORBIDDEN);
        }
        let mut answer = HandshakeAnswer::refused(StatusCode::OK);
        let allowed =
            if self.allows_any() { HeaderValue::from_str(ANY) } else { HeaderValue::from_str(origin) };
        let rate =
            self.rate_per_minute.map(|limit| requested.map_or(limit, |requested| requested.min(limit)));
        let rate = rate.map_or(HeaderValue::from_static(ANY), |rate| HeaderValue::from(rate.get()));
        // An origin that was read from a header is valid in one.
        if let Ok(allowed) = allowed {
            answer.headers.insert(ALLOWED_ORIGIN, allowed);
            answer.headers.insert(ALLOWED_RATE, rate);
        }
        answer
    }
}

/// A header that is repeated, or is not text.
struct Ambiguous;

/// Returns the value of a header that may be there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Ambiguous> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => value.map(|value| value.to_str().map_err(|_| Ambiguous)).transpose(),
        _ => Err(Ambiguous),
    }
}

/// A rate that is no positive integer.
struct InvalidRate;

/// Returns the requested number of requests in a minute. A number over 32 bits is the largest one.
fn requested_rate(text: &str) -> Result<NonZeroU32, InvalidRate> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rate = if is_number { text.parse().unwrap_or(u32::MAX) } else { 0 };
    NonZeroU32::new(rate).ok_or(InvalidRate)
}

#[cfg(test)]
mod unit_tests {
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!("../../../../../tests/vectors/cloudevents_webhook_handshake.json");

    /// Returns the answer of a webhook with or without the handshake.
    fn answer(settings: Option<&Handshake>, headers: &HeaderMap) -> HandshakeAnswer {
        let without = || HandshakeAnswer::refused(StatusCode::METHOD_NOT_ALLOWED);
        settings.map_or_else(without, |settings| settings.answer(headers))
    }

    fn map_of(headers: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(header) {
            map.append(name, value);
        }
        map
    }

    fn pairs(list: &Value) -> Vec<(&str, &str)> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")))
            .collect()
    }

    #[test]
    fn every_vector_gets_its_answer() {
        let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
        let vectors = vectors["vectors"].as_array().expect("a list");
        for vector in vectors {
            let (id, config, expect) = (&vector["id"], &vector["config"], &vector["expect"]);
            let origins = config["allowed_origins"].as_array();
            let settings = origins.map(|origins| {
                let origins = origins.iter().map(|origin| origin.as_str().expect("a text").to_owned());
                let rate = config["rate_per_minute"].as_u64();
                let rate =
                    rate.map(|rate| u32::try_from(rate).ok().and_then(NonZeroU32::new).expect("a rate"));
                Handshake::new(origins, rate)
            });
            assert_eq!(settings.is_none(), config["handshake"] == false, "{id}");
            let answer = answer(settings.as_ref(), &map_of(&pairs(&vector["request_headers"])));
            if let Some(status) = expect["status"].as_u64() {
                assert_eq!(u64::from(answer.status.as_u16()), status, "{id}");
            }
            for (name, value) in pairs(&expect["headers"]) {
                assert_eq!(answer.headers[name], value, "{id}: {name}");
            }
            for name in expect["headers_absent"].as_array().into_iter().flatten() {
                assert!(!answer.headers.contains_key(name.as_str().expect("a name")), "{id}: {name}");
            }
        }
        assert_eq!(vectors.len(), 15);
    }

    fn of_example() -> Handshake {
        Handshake::new(["eventemitter.example.com".to_owned()], NonZeroU32::new(100))
    }

    #[test]
    fn ambiguous_request_gets_no_consent() {
        const ORIGIN: (&str, &str) = (REQUEST_ORIGIN, "eventemitter.example.com");
        for headers in [
            &[ORIGIN, ORIGIN][..],
            &[ORIGIN, (REQUEST_ORIGIN, "evil.example.com")],
            &[ORIGIN, (REQUEST_RATE, "1"), (REQUEST_RATE, "2")],
            &[ORIGIN, (REQUEST_RATE, "")],
            &[ORIGIN, (REQUEST_RATE, "+1")],
            &[ORIGIN, (REQUEST_RATE, "1.5")],
            &[ORIGIN, (REQUEST_RATE, "*")],
        ] {
            let answer = of_example().answer(&map_of(headers));
            assert_eq!(answer.status, 400, "{headers:?}");
            assert_eq!(answer.headers.keys().collect::<Vec<_>>(), [ALLOW], "{headers:?}");
        }
        let large = map_of(&[ORIGIN, (REQUEST_RATE, "99999999999999999999")]);
        assert_eq!(of_example().answer(&large).headers[ALLOWED_RATE], "100");
        let other = map_of(&[(REQUEST_ORIGIN, "*")]);
        assert_eq!(of_example().answer(&other).status, 403);
    }

    #[test]
    fn delivery_names_an_allowed_origin() {
        let allows = |headers: &[(&str, &str)]| of_example().allows_delivery(&map_of(headers));
        assert!(allows(&[(REQUEST_ORIGIN, "EventEmitter.example.com")]));
        assert!(!allows(&[]), "the vector of a delivery without an origin");
        assert!(!allows(&[(REQUEST_ORIGIN, "evil.example.com")]));
        assert!(!allows(&[
            (REQUEST_ORIGIN, "eventemitter.example.com"),
            (REQUEST_ORIGIN, "evil.example.com")
        ]));
        let any = Handshake::new(["*".to_owned()], None);
        assert!(any.allows_delivery(&map_of(&[(REQUEST_ORIGIN, "a.example.com")])));
        assert!(!any.allows_delivery(&HeaderMap::new()));
    }
}
