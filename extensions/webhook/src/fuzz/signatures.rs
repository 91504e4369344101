//! Signatures: any headers and body at any time, by each scheme.

use std::time::{Duration, SystemTime};

use super::request;
use crate::verify::{Sign, SignedRequest, Verify, VerifyError};

/// The schemes: the name, the secret of the receiver, and that of the sender if it is another one. The pairs of keys are those
/// of RFC 8032 section 7.1.
pub(crate) const SCHEMES: [(&str, &str, &str); 15] = [
    ("github", "s3cret-of-github", ""),
    ("stripe", "whsec_s3cret", ""),
    ("slack", "s3cret-of-slack", ""),
    ("standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""),
    (
        "standard",
        "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    ),
    ("shopify", "s3cret-of-shopify", ""),
    ("gitlab", "s3cret of gitlab", ""),
    ("telegram", "s3cret_of-telegram", ""),
    ("twilio", "s3cret-of-twilio", ""),
    (
        "discord",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ),
    ("zoom", "s3cret-of-zoom", ""),
    ("hmac", "s3cret-of-hmac", ""),
    (
        "ed25519",
        "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    ),
    ("bearer", "s3cret.of~bearer", ""),
    ("basic", "user:s3cret of basic", ""),
];

const HEADER: &str = "x-webhook-signature";
const PREFIX: &str = "sha256=";
const URL: &str = "https://example.com/hook?tenant=acme";

fn receiver(name: &str, secret: &str) -> Result<Verify, VerifyError> {
    let parameter = |name: &str| match name {
        "header" => Some(HEADER),
        "prefix" => Some(PREFIX),
        "public_url" => Some(URL),
        _ => None,
    };
    Verify::by_name(name, [secret], parameter)
}

pub(crate) fn sender(name: &str, secret: &str) -> Result<Sign, VerifyError> {
    match name {
        "github" => Sign::github(secret),
        "stripe" => Sign::stripe(secret),
        "slack" => Sign::slack(secret),
        "standard" => Sign::standard(secret),
        "shopify" => Sign::shopify(secret),
        "gitlab" => Sign::gitlab(secret),
        "telegram" => Sign::telegram(secret),
        "twilio" => Sign::twilio(secret, URL),
        "discord" => Sign::discord(secret),
        "zoom" => Sign::zoom(secret),
        "hmac" => Sign::hmac(HEADER, PREFIX, "hex", secret),
        "ed25519" => Sign::ed25519(HEADER, "hex", secret),
        "bearer" => Sign::bearer(secret),
        "basic" => Sign::basic(secret),
        other => panic!("there is no scheme {other}"),
    }
}

/// Returns the secret of the sender of a scheme.
pub(crate) fn secret_of_sender<'a>(receiver: &'a str, sender: &'a str) -> &'a str {
    if sender.is_empty() { receiver } else { sender }
}

/// A request is verified or refused, and the error does not contain the secret. What the sender signs is verified.
///
/// The first byte is the number of the scheme, the next four are the time in seconds, and the rest is a request.
pub fn signatures(input: &[u8]) {
    let Some(([scheme, time @ ..], rest)) = input.split_first_chunk::<5>() else { return };
    let (name, secret, private) = SCHEMES[usize::from(*scheme) % SCHEMES.len()];
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u32::from_le_bytes(*time).into());
    let verify = receiver(name, secret).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (headers, body) = request(rest);
    let mut signed = SignedRequest::new(&headers, body, now);
    // Twilio hashes the body into the query. Any text is a query.
    signed.query = headers.get("x-query").and_then(|query| query.to_str().ok());
    match verify.check_request(&signed) {
        Ok(verified) => assert_eq!(verified.scheme(), name),
        Err(error) => {
            let (reason, message) = (error.reason(), error.to_string());
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(!reason.is_empty() && reason.bytes().all(is_name), "{reason}");
            assert!((1..500).contains(&message.len()) && !message.contains(secret), "{message}");
        }
    }
    // Twilio signs a form, and for another body the hash in the query, which the sender adds to the URL.
    if name != "twilio" {
        let sign = sender(name, secret_of_sender(secret, private)).unwrap_or_else(|error| panic!("{error}"));
        if let Ok(headers) = sign.headers(body, now, "7") {
            let verified = verify.check(&headers, body, now);
            assert!(verified.is_ok(), "{name}: {verified:?}");
        }
    }
}
