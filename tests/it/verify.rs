//! Signatures of webhook requests, as values without a server: `Verify` and `Sign`.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use triggers::{HeaderMap, Verified, Verify, VerifyError};

mod debug;
mod ids;
mod own;
mod round_trip;
mod settings;
pub(crate) mod vectors;

/// The time of most tests, in Unix seconds.
const NOW: u64 = 1_700_000_000;

/// Returns a time by its Unix seconds.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns headers of texts, in order.
fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    raw_headers(pairs.into_iter().map(|(name, value)| (name, value.as_bytes().to_vec())))
}

fn raw_headers<'a>(pairs: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_bytes(&value).expect("a value"));
    }
    headers
}

/// Returns the reason of a result, or `accepted`.
fn reason(result: Result<Verified, VerifyError>) -> &'static str {
    result.map_or_else(|error| error.reason(), |_| "accepted")
}

/// The scheme, a secret of the receiver, and the secret of its sender.
const SCHEMES: [(&str, &str, &str); 15] = [
    ("github", "s3cret-of-github", "s3cret-of-github"),
    ("stripe", "whsec_s3cret", "whsec_s3cret"),
    ("slack", "s3cret-of-slack", "s3cret-of-slack"),
    ("standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    (
        "standard",
        "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    ),
    ("shopify", "s3cret-of-shopify", "s3cret-of-shopify"),
    ("gitlab", "s3cret of gitlab", "s3cret of gitlab"),
    ("telegram", "s3cret_of-telegram", "s3cret_of-telegram"),
    ("twilio", "s3cret-of-twilio", "s3cret-of-twilio"),
    (
        "discord",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ),
    ("zoom", "s3cret-of-zoom", "s3cret-of-zoom"),
    ("hmac", "s3cret-of-hmac", "s3cret-of-hmac"),
    (
        "ed25519",
        "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    ),
    ("bearer", "s3cret.of~bearer", "s3cret.of~bearer"),
    ("basic", "user:s3cret of basic", "user:s3cret of basic"),
];

/// The parameters of the schemes that need some.
const PARAMETERS: [(&str, &str); 4] = [
    ("header", "X-Webhook-Signature"),
    ("prefix", "sha256="),
    ("encoding", "hex"),
    ("public_url", "https://example.com/hook?tenant=acme"),
];

/// Returns a scheme by its name, with these parameters.
fn scheme(name: &str, secrets: &[&str], parameters: &[(&str, &'static str)]) -> Result<Verify, VerifyError> {
    let parameter = |name: &str| parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    Verify::by_name(name, secrets, parameter)
}
