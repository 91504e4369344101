//! Zoom: a signed `endpoint.url_validation`, answered with the HMAC of its `plainToken`
//! (developers.zoom.us/docs/api/webhooks, "Validate your webhook endpoint").
//!
//! The secret of this HMAC also signs deliveries, as `v0:TIMESTAMP:BODY`. An answer to everyone, or to any text, would sign
//! forged deliveries. So the request must be signed itself, and its token must not contain a colon or a brace.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::reply::Reply;
use super::request::Request;

/// The maximum length of a `plainToken`. Those of Zoom have 22 characters.
const MAX_TOKEN: usize = 64;

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Validation {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "plainToken")]
    plain_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validated {
    plain_token: String,
    encrypted_token: String,
}

pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    let kind = serde_json::from_slice::<Kind<'_>>(request.body).ok()?;
    if kind.event != "endpoint.url_validation" {
        return None;
    }
    Some(request.refusal_of_unsigned().unwrap_or_else(|| validated(request)))
}

fn validated(request: &Request<'_>) -> Reply {
    let Ok(Validation { payload }) = serde_json::from_slice::<Validation>(request.body) else {
        return Reply::malformed();
    };
    if !is_token(&payload.plain_token) {
        return Reply::malformed();
    }
    match signer(request).and_then(|secret| hex_hmac(secret, &[payload.plain_token.as_bytes()])) {
        Some(encrypted_token) => {
            Reply::json(&Validated { plain_token: payload.plain_token, encrypted_token })
        }
        None => Reply::unsigned(),
    }
}

/// Returns `true` if a token cannot be a signed delivery, which has colons.
fn is_token(text: &str) -> bool {
    let permitted = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(permitted)
}

/// Returns the secret that signed the request. While a secret is replaced there are two, and Zoom knows only one of them.
fn signer<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let timestamp = request.headers.get("x-zm-request-timestamp")?.as_bytes();
    let signature = request.headers.get("x-zm-signature")?.as_bytes().strip_prefix(b"v0=")?;
    let signed = |secret: &&[u8]| {
        let expected = hex_hmac(secret, &[b"v0:", timestamp, b":", request.body]);
        expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(signature)))
    };
    request.secrets.iter().copied().find(signed)
}

/// Returns HMAC-SHA256 of the parts as lower-case hex. HMAC takes a secret of any length, so this is never `None`.
fn hex_hmac(secret: &[u8], parts: &[&[u8]]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    let digits = mac.finalize().into_bytes();
    Some(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::request::headers;

    const OLD: &[u8] = b"it's a secret to everybody";
    const SECRET: &[u8] = b"zoom secret token";

    /// Answers a request that is signed with the first secret, and checked against the others.
    fn answer_signed(secret: &[u8], secrets: &[&[u8]], body: &str) -> Option<Reply> {
        let signature = hex_hmac(secret, &[b"v0:1654503849:", body.as_bytes()]).expect("a secret");
        let headers = headers(&[
            ("x-zm-request-timestamp", "1654503849"),
            ("x-zm-signature", &format!("v0={signature}")),
        ]);
        answer(&Request { headers: &headers, secrets, ..Request::post(body) })
    }

    fn validation(plain_token: &str) -> String {
        let payload = serde_json::json!({ "plainToken": plain_token });
        let event = "endpoint.url_validation";
        serde_json::json!({"payload": payload, "event_ts": 1_654_503_849_680_i64, "event": event}).to_string()
    }

    #[test]
    fn plain_token_is_answered_with_its_hmac() {
        let reply =
            answer_signed(SECRET, &[SECRET], &validation("qgg8vlvZRS6UYooatFL8Aw")).expect("a handshake");
        assert_eq!((reply.status(), reply.refused), (200, None));
        // printf %s qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac 'zoom secret token'
        let expected = "39b8dfc472156d09751ff95badb7c9dfc4e81295a8dd72928ab3e7f6b3f48769";
        let body = format!(r#"{{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"{expected}"}}"#);
        assert_eq!(reply.text(), body);
    }

    #[test]
    fn hmac_has_the_secret_that_signed_the_request() {
        let encrypted = |secret| hex_hmac(secret, &[b"abc"]).expect("a secret");
        for (signer, secrets) in [(OLD, [OLD, SECRET]), (SECRET, [OLD, SECRET])] {
            let reply = answer_signed(signer, &secrets, &validation("abc")).expect("a handshake");
            assert!(reply.text().contains(&encrypted(signer)), "{}", reply.text());
        }
        let foreign = answer_signed(b"another", &[OLD, SECRET], &validation("abc")).expect("a handshake");
        assert_eq!((foreign.status(), foreign.refused), (401, Some("handshake_unsigned")));
    }

    #[test]
    fn no_answer_signs_a_forged_delivery() {
        let forged = r#"v0:1654503849:{"event":"meeting.started","payload":{}}"#;
        let forgery = hex_hmac(SECRET, &[forged.as_bytes()]).expect("a secret");
        // The forger cannot sign, so the request has no verified signature.
        let body = validation(forged);
        let unsigned = answer(&Request { secrets: &[SECRET], ..Request::post(&body).unsigned() });
        // A signed request with such a token gets no HMAC either.
        let signed = answer_signed(SECRET, &[SECRET], &body);
        for (reply, status) in [(unsigned, 401), (signed, 400)] {
            let reply = reply.expect("a handshake");
            assert_eq!(reply.status(), status);
            assert!(!reply.text().contains(&forgery), "{}", reply.text());
        }
    }

    #[test]
    fn plain_token_that_is_no_token_is_refused() {
        let (longest, long) = ("x".repeat(64), "x".repeat(65));
        let status =
            |token: &str| answer_signed(SECRET, &[SECRET], &validation(token)).map(|reply| reply.status());
        for token in ["a", "A-_9", &longest] {
            assert_eq!(status(token), Some(200), "{token:?}");
        }
        for token in ["", "a:b", "{", "a b", "a\n", "\0", "caf\u{e9}", "a%20", &long] {
            assert_eq!(status(token), Some(400), "{token:?}");
        }
        let event = r#""event":"endpoint.url_validation""#;
        for payload in ["7", "{}", r#"{"plainToken":7}"#, r#"{"plainToken":"a","plainToken":"b"}"#] {
            let body = format!(r#"{{{event},"payload":{payload}}}"#);
            let reply = answer_signed(SECRET, &[SECRET], &body).expect("a handshake");
            assert_eq!(reply.status(), 400, "{payload}");
        }
    }

    #[test]
    fn delivery_is_no_handshake() {
        let started = r#"{"event":"meeting.started","payload":{"plainToken":"a"}}"#;
        assert!(answer_signed(SECRET, &[SECRET], started).is_none());
        let twice = r#"{"event":"meeting.started","event":"endpoint.url_validation","payload":{}}"#;
        assert!(answer_signed(SECRET, &[SECRET], twice).is_none());
    }
}
