//! Standard Webhooks 1.0: an id, a time, and several signatures by HMAC (`v1`) or ed25519 (`v1a`).
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::encoding::Encoding;
use super::error::VerifyError;
use super::fields::{ID, MOST_SIGNATURES, SIGNATURE, TIMESTAMP, mismatch, signed_time, unix_seconds, value};
use super::keys::{
    HmacSha256, MacKeys, PublicKeys, SignKey, each, malformed, private_key, public_key, standard_secret,
};
use super::request::SignedRequest;
use super::verified::{Verified, is_id};

/// The names of the headers.
struct Names {
    id: HeaderName,
    time: HeaderName,
    signature: HeaderName,
}

static OWN: Names = Names {
    id: HeaderName::from_static("webhook-id"),
    time: HeaderName::from_static("webhook-timestamp"),
    signature: HeaderName::from_static("webhook-signature"),
};

/// The names that Svix sends.
static SVIX: Names = Names {
    id: HeaderName::from_static("svix-id"),
    time: HeaderName::from_static("svix-timestamp"),
    signature: HeaderName::from_static("svix-signature"),
};

/// The keys of a receiver.
#[derive(Clone)]
pub(crate) struct Standard {
    secrets: MacKeys<HmacSha256>,
    public: PublicKeys,
}

/// The signatures of a header, by their version.
#[derive(Default)]
struct Signatures {
    v1: Vec<[u8; 32]>,
    v1a: Vec<[u8; 64]>,
    /// `true` if there is a signature of a version for which the receiver has a key.
    has_version: bool,
}

impl Standard {
    /// Reads secrets (`whsec_`) and public keys (`whpk_`).
    pub(crate) fn of(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Standard, VerifyError> {
        let read = |secret: &str| match secret.strip_prefix("whpk_") {
            Some(key) => public_key(key).map(Err),
            None if secret.starts_with("whsk_") => {
                Err(malformed("a receiver has the public key (`whpk_`), not the private one (`whsk_`)"))
            }
            None => standard_secret(secret).map(Ok),
        };
        let (mut secret, mut public) = (Vec::new(), Vec::new());
        for key in each(secrets, read)? {
            match key {
                Ok(key) => secret.push(key),
                Err(key) => public.push(key),
            }
        }
        Ok(Standard { secrets: MacKeys::new(secret), public: PublicKeys::new(public) })
    }

    pub(crate) fn verify(
        &self,
        request: &SignedRequest<'_>,
        tolerance: Duration,
    ) -> Result<Verified, VerifyError> {
        let headers = request.headers;
        let is_svix = !headers.contains_key(&OWN.signature) && headers.contains_key(&SVIX.signature);
        let names = if is_svix { &SVIX } else { &OWN };
        let signatures = self.signatures(SIGNATURE.of(headers, &names.signature)?)?;
        let id = ID.of(headers, &names.id)?;
        // With a dot in the id, another split of the same signed bytes into id, time and body would verify too.
        let text = str::from_utf8(id).ok().filter(|_| is_id(id) && !id.contains(&b'.'));
        let text =
            text.ok_or_else(|| ID.malformed("the id is not 1 to 256 visible characters without a dot"))?;
        let time = TIMESTAMP.of(headers, &names.time)?;
        let at = signed_time(time, request.now, tolerance)?;
        let signed = [id, b".", time, b".", request.body];
        // Both are compared, without an early exit.
        let by_secret = self.secrets.made_one(&signed, &signatures.v1).is_some();
        let by_private_key = self.public.made_one(&signed, &signatures.v1a);
        if !(by_secret | by_private_key) {
            return Err(mismatch("standard"));
        }
        Ok(Verified::new("standard").with_delivery_id(text).with_signed_at(at).with_replay_id(text))
    }

    /// Reads `v1,BASE64 v1a,BASE64`. Other versions are ignored, and so are signatures of another form.
    fn signatures(&self, text: &[u8]) -> Result<Signatures, VerifyError> {
        let mut found = Signatures::default();
        let mut has_item = false;
        for item in text.split(|c| *c == b' ') {
            let Some(at) = item.iter().position(|c| *c == b',') else { continue };
            has_item = true;
            let (version, signature) = (&item[..at], &item[at + 1..]);
            match version {
                b"v1" if !self.secrets.is_empty() => {
                    found.has_version = true;
                    if found.v1.len() < MOST_SIGNATURES {
                        found.v1.extend(Encoding::Base64.decode::<32>(signature));
                    }
                }
                b"v1a" if !self.public.is_empty() => {
                    found.has_version = true;
                    if found.v1a.len() < MOST_SIGNATURES {
                        found.v1a.extend(Encoding::Base64.decode::<64>(signature));
                    }
                }
                _ => {}
            }
        }
        if !has_item {
            return Err(SIGNATURE.malformed("the signature is not a list of `version,base64`"));
        }
        if !found.has_version {
            return Err(SIGNATURE.missing("no signature has a version for which there is a key"));
        }
        Ok(found)
    }
}

/// Reads the key of a sender: a secret (`whsec_`) or a private key (`whsk_`).
pub(crate) fn sign_key(secret: &str) -> Result<SignKey, VerifyError> {
    match secret.strip_prefix("whsk_") {
        Some(key) => private_key(key).map(|key| SignKey::Ed25519(Box::new(key))),
        None => standard_secret(secret).map(SignKey::Hmac),
    }
}

/// Returns the headers of a signed request.
pub(crate) fn write(
    key: &SignKey,
    body: &[u8],
    now: SystemTime,
    id: &HeaderValue,
) -> Result<HeaderMap, VerifyError> {
    if id.as_bytes().contains(&b'.') {
        return Err(ID.malformed("an id of Standard Webhooks has no dot"));
    }
    let time = unix_seconds(now)?;
    let signature = key.sign(&[id.as_bytes(), b".", time.as_bytes(), b".", body]);
    let version = match key {
        SignKey::Hmac(_) => "v1",
        SignKey::Ed25519(_) => "v1a",
    };
    let signature = format!("{version},{}", Encoding::Base64.encode(&signature));
    Ok(HeaderMap::from_iter([
        (OWN.id.clone(), id.clone()),
        (OWN.time.clone(), value(&time)?),
        (OWN.signature.clone(), value(&signature)?),
    ]))
}
