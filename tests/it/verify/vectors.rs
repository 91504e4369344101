//! The vectors `tests/vectors/sig_*.json`: requests of each scheme, from the documents of its sender and from attacks.

use serde_json::Value;
use triggers::{SignedRequest, Verified, Verify, VerifyError};

use super::{at, raw_headers};

/// The files, and the number of vectors in each.
pub(crate) const FILES: [(&str, &str, usize); 12] = [
    ("github", include_str!("../../vectors/sig_github.json"), 23),
    ("generic", include_str!("../../vectors/sig_generic_sha256.json"), 24),
    ("stripe", include_str!("../../vectors/sig_stripe.json"), 27),
    ("slack", include_str!("../../vectors/sig_slack.json"), 12),
    ("standard", include_str!("../../vectors/sig_standard_webhooks.json"), 38),
    ("shopify", include_str!("../../vectors/sig_shopify.json"), 15),
    ("token", include_str!("../../vectors/sig_shared_token.json"), 19),
    ("twilio", include_str!("../../vectors/sig_twilio.json"), 3),
    ("zoom", include_str!("../../vectors/sig_zoom.json"), 24),
    ("discord", include_str!("../../vectors/sig_discord.json"), 25),
    ("ed25519", include_str!("../../vectors/sig_ed25519.json"), 28),
    ("basic", include_str!("../../vectors/sig_basic.json"), 26),
];

#[test]
fn every_vector_is_accepted_or_refused_for_its_reason() {
    let mut failures = Vec::new();
    for (scheme, text, count) in FILES {
        let file: Value = serde_json::from_str(text).expect("JSON");
        let vectors = file["vectors"].as_array().expect("a list");
        assert_eq!(vectors.len(), count, "{scheme}");
        for vector in vectors {
            let found = judge(scheme, vector);
            if !is_expected(vector, &found) {
                let found = found.map(|_| "accepted").map_err(|error| error.to_string());
                let [expect, reason] = ["expect", "reason"].map(|key| vector[key].as_str());
                failures
                    .push(format!("{scheme} {}: {found:?}, expected {expect:?} {reason:?}", vector["id"]));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Verifies the request of a vector. An error of the constructor has `(true, _)`.
fn judge(scheme: &str, vector: &Value) -> Result<Verified, Failure> {
    let url = vector["url"].as_str().unwrap_or("https://example.com/");
    let query = url.split_once('?').map(|(_, query)| query);
    let verify = receiver(scheme, vector, url).map_err(|error| Failure { is_setting: true, error })?;
    let pairs = vector["headers"].as_array().expect("a list");
    let headers =
        raw_headers(pairs.iter().map(|pair| (pair[0].as_str().expect("a name"), bytes(&pair[1], latin_1))));
    let body = bytes(&vector["body"], |text| text.as_bytes().to_vec());
    let now = at(vector["now"].as_u64().unwrap_or_default());
    let mut request = SignedRequest::new(&headers, &body, now);
    request.query = query;
    verify.check_request(&request).map_err(|error| Failure { is_setting: false, error })
}

#[derive(Debug)]
struct Failure {
    is_setting: bool,
    error: VerifyError,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.is_setting { "setting: " } else { "" }, self.error)
    }
}

fn receiver(scheme: &str, vector: &Value, url: &str) -> Result<Verify, VerifyError> {
    let secrets: Vec<&str> = vector["secrets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|secret| secret.as_str().expect("a text"))
        .collect();
    match vector["variant"].as_str().unwrap_or(scheme) {
        "generic" => Verify::hmac("X-Webhook-Signature", "sha256=", "hex", secrets),
        "ed25519" => Verify::ed25519("X-Signature", vector["encoding"].as_str().unwrap_or("hex"), secrets),
        // The hash of the body is added to the configured URL by each request.
        "twilio" => Verify::twilio(secrets, url.split("&bodySHA256=").next().unwrap_or_default()),
        "github" => Verify::github(secrets),
        "stripe" => Verify::stripe(secrets),
        "slack" => Verify::slack(secrets),
        "standard" => Verify::standard(secrets),
        "shopify" => Verify::shopify(secrets),
        "gitlab" => Verify::gitlab(secrets),
        "telegram" => Verify::telegram(secrets),
        "bearer" => Verify::bearer(secrets),
        "zoom" => Verify::zoom(secrets),
        "discord" => Verify::discord(secrets),
        "basic" => Verify::basic(secrets),
        other => panic!("no scheme {other}"),
    }
}

fn is_expected(vector: &Value, found: &Result<Verified, Failure>) -> bool {
    let reason = vector["reason"].as_str().unwrap_or_default();
    match (vector["expect"].as_str().expect("a text"), found) {
        // A duplicate has a right signature. Its id shows that it was seen.
        ("accept", Ok(_)) => true,
        ("duplicate", Ok(verified)) => verified.delivery_id().is_some(),
        ("config-error", Err(Failure { is_setting: true, error })) => match reason {
            "empty secret" | "blank secret" => error.reason() == "secret_blank",
            "bad secret" => ["secret_blank", "secret_malformed"].contains(&error.reason()),
            "too short" => error.reason() == "secret_malformed",
            _ => panic!("no reason {reason}"),
        },
        ("reject", Err(Failure { is_setting: false, error })) => names(reason, error.reason()),
        _ => false,
    }
}

/// Returns `true` if a reason of a refusal is the one that a vector has.
pub(crate) fn names(expected: &str, reason: &str) -> bool {
    match expected {
        // Of more than 16 signatures the others are not compared.
        "mismatch" | "too many" => reason == "signature_mismatch",
        "body hash mismatch" => reason == "body_hash_mismatch",
        "missing" => reason.ends_with("_missing"),
        "no v1" => reason == "signature_missing",
        "malformed" => reason.ends_with("_malformed"),
        "ambiguous" => reason.ends_with("_ambiguous"),
        "id contains '.'" => reason == "id_malformed",
        "too old" => reason == "timestamp_old",
        "future" => reason == "timestamp_future",
        _ => panic!("no reason {expected}"),
    }
}

/// Returns the bytes of a value: a text, or hex, or a repetition.
pub(crate) fn bytes(value: &Value, of_text: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let hex = |key: &str| {
        let text = value[key].as_str()?.as_bytes();
        let digit = |c: u8| char::from(c).to_digit(16).expect("a digit") as u8;
        Some(text.chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect::<Vec<u8>>())
    };
    let text = value.as_str().or(value["utf8"].as_str()).map(of_text);
    let repeated =
        || Some(hex("repeat_hex")?.repeat(value["times"].as_u64()?.try_into().expect("a small number")));
    text.or_else(|| hex("hex")).or_else(repeated).unwrap_or_else(|| panic!("no bytes in {value}"))
}

/// Returns the bytes of a text in a header.
pub(crate) fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character of ISO 8859-1")).collect()
}
