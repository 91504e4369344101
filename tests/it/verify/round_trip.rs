//! What `Sign` makes, `Verify` accepts; nothing else passes.

use proptest::prelude::*;
use triggers::{HeaderMap, Sign, SignedRequest, VerifyError};

use super::{NOW, PARAMETERS, SCHEMES, at, raw_headers, scheme};

/// Returns the sender of a scheme, with the parameters of the receivers in these tests.
fn sender(name: &str, secret: &str) -> Result<Sign, VerifyError> {
    let [(_, header), (_, prefix), (_, encoding), (_, url)] = PARAMETERS;
    match name {
        "github" => Sign::github(secret),
        "stripe" => Sign::stripe(secret),
        "slack" => Sign::slack(secret),
        "standard" => Sign::standard(secret),
        "shopify" => Sign::shopify(secret),
        "gitlab" => Sign::gitlab(secret),
        "telegram" => Sign::telegram(secret),
        "twilio" => Sign::twilio(secret, url),
        "discord" => Sign::discord(secret),
        "zoom" => Sign::zoom(secret),
        "hmac" => Sign::hmac(header, prefix, encoding, secret),
        "ed25519" => Sign::ed25519(header, encoding, secret),
        "bearer" => Sign::bearer(secret),
        "basic" => Sign::basic(secret),
        other => panic!("no scheme {other}"),
    }
}

/// Returns the headers with one bit of one value inverted, for every `step`th bit that leaves a valid header.
fn flipped(headers: &HeaderMap, step: usize) -> impl Iterator<Item = (String, HeaderMap)> {
    let pairs: Vec<(&str, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes().to_vec())).collect();
    let bits = pairs
        .iter()
        .enumerate()
        .flat_map(|(header, (_, value))| (0..value.len() * 8).step_by(step).map(move |bit| (header, bit)));
    let flip = |(header, bit): (usize, usize)| {
        let mut pairs = pairs.clone();
        pairs[header].1[bit / 8] ^= 1 << (bit % 8);
        let is_valid = pairs[header].1.iter().all(|c| matches!(c, b'\t' | 32..=126 | 128..));
        is_valid.then(|| (format!("bit {bit} of {}", pairs[header].0), raw_headers(pairs)))
    };
    bits.filter_map(flip).collect::<Vec<_>>().into_iter()
}

/// Returns `true` if both mean the same: the case of hex digits and of the name of an authentication scheme differs, or an id
/// that is not signed.
fn is_same(name: &str, original: &HeaderMap, flipped: &HeaderMap) -> bool {
    const UNSIGNED: [&str; 4] =
        ["x-github-delivery", "x-shopify-webhook-id", "idempotency-key", "i-twilio-idempotency-token"];
    original.iter().all(|(header, value)| {
        let (was, is) = (value.as_bytes(), flipped[header].as_bytes());
        // The part whose case makes no difference.
        let part = match name {
            "bearer" | "basic" => 0..6,
            "github" | "stripe" | "slack" | "discord" | "zoom" | "hmac" | "ed25519" => {
                was.iter().rposition(|c| *c == b'=').map_or(0, |at| at + 1)..was.len()
            }
            _ => 0..0,
        };
        let is_other_case = was[part.clone()].eq_ignore_ascii_case(&is[part.clone()])
            && was[..part.start] == is[..part.start]
            && was[part.end..] == is[part.end..];
        is_other_case || UNSIGNED.contains(&header.as_str())
    })
}

#[test]
fn what_a_sender_signs_is_accepted_and_no_flipped_bit_of_it() {
    for (name, receiver, secret) in SCHEMES {
        let verify = scheme(name, &[receiver], &PARAMETERS).expect("a receiver");
        let body = b"name=value&id=7&event_id=Ev7";
        let headers = sender(name, secret).and_then(|sign| sign.headers(body, at(NOW), "d-7"));
        let headers = headers.expect("headers");
        let verified =
            verify.check(&headers, body, at(NOW)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.scheme(), name);
        // An ed25519 signature takes some milliseconds in a build without optimization.
        let is_ed25519 = secret.starts_with("whsk_") || ["discord", "ed25519"].contains(&name);
        let step = if is_ed25519 { 23 } else { 1 };
        let mut refused = 0;
        for (flip, flipped) in flipped(&headers, step) {
            let is_accepted = verify.check(&flipped, body, at(NOW)).is_ok();
            assert_eq!(is_accepted, is_same(name, &headers, &flipped), "{name}: {flip}");
            refused += usize::from(!is_accepted);
        }
        assert!(refused >= 30, "{name}: only {refused} flips were refused");
        // A token signs nothing.
        if ["gitlab", "telegram", "bearer", "basic"].contains(&name) {
            continue;
        }
        for bit in (0..body.len() * 8).step_by(step) {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Twilio signs the fields of the form, in which these are the same text.
            let is_same = name == "twilio" && fields(body) == fields(&flipped);
            assert_eq!(
                verify.check(&headers, &flipped, at(NOW)).is_ok(),
                is_same,
                "{name}: bit {bit} of the body"
            );
        }
    }
}

/// Returns the text that Twilio signs of a form without escapes.
fn fields(form: &[u8]) -> String {
    let text = String::from_utf8_lossy(form).replace('+', " ");
    let mut fields: Vec<(&str, &str)> = text
        .split('&')
        .filter(|field| !field.is_empty())
        .map(|field| field.split_once('=').unwrap_or((field, "")))
        .collect();
    fields.sort_unstable();
    fields.iter().flat_map(|(name, value)| [*name, *value]).collect()
}

#[test]
fn body_of_twilio_that_is_no_form_is_verified_by_its_hash_in_the_query() {
    let body = br#"{"property": "value", "boolean": true}"#;
    let hash = Sign::body_hash_query(body);
    assert_eq!(hash, "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620");
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let verify = triggers::Verify::twilio(["12345"], url).expect("a receiver");
    let headers = Sign::twilio("12345", &format!("{url}&{hash}"))
        .and_then(|sign| sign.headers(body, at(NOW), "token-1"))
        .expect("headers");
    assert_eq!(headers["x-twilio-signature"], "a9nBmqA0ju/hNViExpshrM61xv4=");
    let check = |query: Option<&str>, body: &[u8]| {
        let mut request = SignedRequest::new(&headers, body, at(NOW));
        request.query = query;
        super::reason(verify.check_request(&request))
    };
    let query = format!("foo=1&bar=2&{hash}");
    assert_eq!(check(Some(&query), body), "accepted");
    // A proxy may have removed the query of the configured URL.
    assert_eq!(check(Some(&hash), body), "accepted");
    assert_eq!(check(Some(&query), b"{}"), "body_hash_mismatch");
    assert_eq!(check(Some(&format!("{query}&more=1")), body), "signature_mismatch");
    assert_eq!(check(Some(&format!("{query}&{hash}")), body), "signature_malformed");
    assert_eq!(check(Some("foo=1&bar=2&bodySHA256=00"), body), "signature_malformed");
    assert_eq!(check(Some("foo=1&bar=2"), body), "signature_mismatch");
    assert_eq!(check(None, body), "signature_mismatch");
}

/// The names of the headers of all schemes.
const NAMES: [&str; 19] = [
    "x-hub-signature-256",
    "x-hub-signature",
    "stripe-signature",
    "x-slack-signature",
    "x-slack-request-timestamp",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-signature",
    "x-shopify-hmac-sha256",
    "x-gitlab-token",
    "x-telegram-bot-api-secret-token",
    "x-twilio-signature",
    "x-signature-ed25519",
    "x-signature-timestamp",
    "x-zm-signature",
    "x-zm-request-timestamp",
    "x-webhook-signature",
    "authorization",
];

/// Returns values that are nearly of the form of a scheme, and any others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let form = "(sha256=|v0=|t=1700000000,v1=|v1,|v1a,|Bearer |Basic )?([0-9a-fA-F]{64}|[0-9a-f]{128}|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{27}=|[ -~]{0,40})";
    prop_oneof![
        4 => form.prop_map(String::into_bytes),
        2 => Just(b"1700000000".to_vec()),
        1 => proptest::collection::vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..80),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_request_panics_or_passes(
        values in proptest::collection::vec(value(), NAMES.len()),
        body in proptest::collection::vec(any::<u8>(), 0..80),
        query in proptest::option::of("(bodySHA256=)?[ -~]{0,70}"),
    ) {
        let headers = raw_headers(NAMES.into_iter().zip(values));
        for (name, receiver, _) in SCHEMES {
            let verify = scheme(name, &[receiver], &PARAMETERS).expect("a receiver");
            let mut request = SignedRequest::new(&headers, &body, at(NOW));
            request.query = query.as_deref();
            let found = verify.check_request(&request);
            prop_assert!(found.is_err(), "{}: {:?}", name, found);
        }
    }
}

proptest! {
    // An ed25519 signature takes some milliseconds in a build without optimization.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bodies_that_are_signed_pass(body in proptest::collection::vec(any::<u8>(), 0..200), seconds in 0..4_000_000_000_u64) {
        for (name, receiver, secret) in SCHEMES {
            let verify = scheme(name, &[receiver], &PARAMETERS).expect("a receiver");
            let headers = sender(name, secret).and_then(|sign| sign.headers(&body, at(seconds), "7"));
            let found = verify.check(&headers.expect("headers"), &body, at(seconds));
            prop_assert!(found.is_ok(), "{}: {:?}", name, found);
        }
    }
}
