//! The keys of signatures, and the comparison with what a request carries.
//!
//! Every key is compared with every signature, without an early exit, so the time shows neither which key made a signature
//! nor how much of it is right. Keys are overwritten when they are dropped.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::digest::Output;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::encoding::{from_hex, key_from_base64};
use super::error::VerifyError;

/// The bytes that a scheme signs, in order.
pub(crate) type Parts<'a> = [&'a [u8]];

/// An HMAC that has taken in its key, and is cloned for each request.
pub(crate) type HmacSha256 = Hmac<Sha256>;
pub(crate) type HmacSha1 = Hmac<Sha1>;

/// Returns an HMAC with its key.
pub(crate) fn keyed<M: Mac + KeyInit>(key: &[u8]) -> Result<M, VerifyError> {
    M::new_from_slice(key).map_err(|_| malformed("an HMAC does not take this key"))
}

/// Returns the HMAC of what is signed.
pub(crate) fn tag<M: Mac + Clone>(keyed: &M, parts: &Parts<'_>) -> Output<M> {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes()
}

/// The HMACs of a receiver, each with a secret.
#[derive(Clone)]
pub(crate) struct MacKeys<M>(Vec<M>);

impl<M: Mac + KeyInit + Clone> MacKeys<M> {
    pub(crate) fn new(keys: Vec<M>) -> MacKeys<M> {
        MacKeys(keys)
    }

    /// Returns keys whose bytes are the texts of the secrets.
    pub(crate) fn of_texts(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<MacKeys<M>, VerifyError> {
        each(secrets, |secret| keyed(mac_secret(secret)?.as_bytes())).map(MacKeys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the HMAC by the first key if a key made one of the signatures.
    pub(crate) fn made_one<const N: usize>(
        &self,
        parts: &Parts<'_>,
        signatures: &[[u8; N]],
    ) -> Option<Output<M>> {
        let mut made = Choice::from(0);
        let mut first = None;
        for key in &self.0 {
            let tag = tag(key, parts);
            for signature in signatures {
                made |= tag.as_slice().ct_eq(signature);
            }
            first.get_or_insert(tag);
        }
        first.filter(|_| bool::from(made))
    }
}

/// The ed25519 keys of a receiver.
#[derive(Clone)]
pub(crate) struct PublicKeys(Vec<VerifyingKey>);

impl PublicKeys {
    pub(crate) fn new(keys: Vec<VerifyingKey>) -> PublicKeys {
        PublicKeys(keys)
    }

    /// Returns keys of texts in hex or base64.
    pub(crate) fn of_texts(keys: impl IntoIterator<Item: AsRef<str>>) -> Result<PublicKeys, VerifyError> {
        each(keys, public_key).map(PublicKeys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `true` if the owner of a key made one of the signatures. The strict verification refuses the keys and the
    /// signatures for which several messages verify.
    pub(crate) fn made_one(&self, parts: &Parts<'_>, signatures: &[[u8; 64]]) -> bool {
        if self.0.is_empty() || signatures.is_empty() {
            return false;
        }
        let message = parts.concat();
        let pairs = self.0.iter().flat_map(|key| signatures.iter().map(move |signature| (key, signature)));
        pairs.fold(false, |made, (key, signature)| {
            made | key.verify_strict(&message, &Signature::from_bytes(signature)).is_ok()
        })
    }
}

/// A token that a sender repeats in each request, as its SHA-256. The hashes have one length, so a comparison shows nothing
/// of the length of the token.
#[derive(Clone)]
pub(crate) struct TokenHash(Zeroizing<[u8; 32]>);

impl TokenHash {
    pub(crate) fn of(token: &[u8]) -> TokenHash {
        TokenHash(Zeroizing::new(Sha256::digest(token).into()))
    }

    /// Returns `true` if a token is one of the known ones.
    pub(crate) fn is_one_of(&self, known: &[TokenHash]) -> bool {
        known.iter().fold(Choice::from(0), |is_one, known| is_one | self.0.ct_eq(&*known.0)).into()
    }
}

/// The key of a sender.
pub(crate) enum SignKey {
    Hmac(HmacSha256),
    Ed25519(Box<SigningKey>),
}

impl SignKey {
    pub(crate) fn sign(&self, parts: &Parts<'_>) -> Vec<u8> {
        match self {
            SignKey::Hmac(key) => tag(key, parts).to_vec(),
            SignKey::Ed25519(key) => key.sign(&parts.concat()).to_bytes().to_vec(),
        }
    }
}

/// Reads each secret of a list that is not empty.
pub(crate) fn each<T>(
    secrets: impl IntoIterator<Item: AsRef<str>>,
    read: impl Fn(&str) -> Result<T, VerifyError>,
) -> Result<Vec<T>, VerifyError> {
    let read = |secret: &_| read(not_blank(AsRef::<str>::as_ref(secret))?);
    let mut all = Vec::new();
    for secret in secrets {
        all.push(read(&secret)?);
    }
    if all.is_empty() {
        return Err(VerifyError::new("secret_missing", "the list of secrets is empty"));
    }
    Ok(all)
}

/// Returns a secret that has a character other than white space. Anybody can sign with a blank one.
pub(crate) fn not_blank(secret: &str) -> Result<&str, VerifyError> {
    if secret.trim().is_empty() {
        return Err(VerifyError::new("secret_blank", "a secret is empty or white space"));
    }
    Ok(secret)
}

/// Returns a secret that may key an HMAC. A public key may not, because everybody knows it.
pub(crate) fn mac_secret(secret: &str) -> Result<&str, VerifyError> {
    if secret.trim_start().starts_with("whpk_") {
        return Err(malformed("a public key (`whpk_`) cannot be the secret of an HMAC"));
    }
    not_blank(secret)
}

/// Reads the key of Standard Webhooks: `whsec_`, which may be left out, and 24 to 64 bytes in base64.
pub(crate) fn standard_secret(secret: &str) -> Result<HmacSha256, VerifyError> {
    let text = mac_secret(secret)?;
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = key_from_base64(text).filter(|bytes| (24..=64).contains(&bytes.len()));
    keyed(&bytes.ok_or_else(|| malformed("a secret is not 24 to 64 bytes in base64 after `whsec_`"))?)
}

/// Reads an ed25519 public key of 32 bytes in hex or base64.
pub(crate) fn public_key(text: &str) -> Result<VerifyingKey, VerifyError> {
    let bytes: Option<[u8; 32]> = match text.len() {
        64 => from_hex(text.as_bytes()),
        _ => key_from_base64(text).and_then(|bytes| bytes[..].try_into().ok()),
    };
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.filter(|key| !key.is_weak())
        .ok_or_else(|| malformed("a public key is not an ed25519 key of 32 bytes in hex or base64"))
}

/// Reads an ed25519 private key in hex or base64: the seed of 32 bytes, or 64 bytes that end with the public key.
pub(crate) fn private_key(text: &str) -> Result<SigningKey, VerifyError> {
    let bytes = match text.len() {
        64 => from_hex::<32>(text.as_bytes()).map(|bytes| Zeroizing::new(bytes.to_vec())),
        128 => from_hex::<64>(text.as_bytes()).map(|bytes| Zeroizing::new(bytes.to_vec())),
        _ => key_from_base64(text),
    };
    let read = |bytes: Zeroizing<Vec<u8>>| match bytes.len() {
        32 => Some(SigningKey::from_bytes(bytes[..].try_into().ok()?)),
        _ => SigningKey::from_keypair_bytes(bytes[..].try_into().ok()?).ok(),
    };
    bytes.and_then(read).ok_or_else(|| malformed("a private key is not an ed25519 key in hex or base64"))
}

/// Returns the error of a secret of the wrong form. The message does not contain the secret.
#[cold]
pub(crate) fn malformed(message: &str) -> VerifyError {
    VerifyError::new("secret_malformed", message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::super::encoding::to_hex;
    use super::*;

    fn bytes(hex: &Value) -> Vec<u8> {
        let pairs = hex.as_str().expect("a text").as_bytes().chunks(2);
        pairs.flat_map(|pair| from_hex::<1>(pair).expect("a byte")).collect()
    }

    /// The keys of RFC 4231 are no texts, so `Verify` cannot have them.
    #[test]
    fn hmac_has_the_digests_of_rfc_4231() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/sig_hmac_primitive.json");
        let file: Value = serde_json::from_slice(&std::fs::read(file).expect("the vectors")).expect("JSON");
        let vectors = file["vectors"].as_array().expect("a list");
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let [key, data] = ["key_hex", "data_hex"].map(|name| bytes(&vector[name]));
            let key: HmacSha256 = keyed(&key).expect("a key");
            for (start, end) in [data.split_at(0), data.split_at(data.len() / 2)] {
                assert_eq!(vector["digest_hex"], to_hex(&tag(&key, &[start, end])), "{}", vector["id"]);
            }
        }
    }
}
