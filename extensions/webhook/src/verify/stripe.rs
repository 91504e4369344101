//! Stripe: a time and several signatures in one header. <https://docs.stripe.com/webhooks#verify-manually>

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::encoding::{from_hex, to_hex};
use super::error::VerifyError;
use super::fields::{
    DeliveryId, MOST_SIGNATURES, SIGNATURE, TIMESTAMP, mismatch, signed_time, unix_seconds, value,
};
use super::keys::{HmacSha256, MacKeys, tag};
use super::request::SignedRequest;
use super::verified::Verified;

static HEADER: HeaderName = HeaderName::from_static("stripe-signature");
const EVENT_ID: DeliveryId = DeliveryId::Field { name: "id", prefix: "evt_" };

/// Returns what is signed.
fn parts<'a>(time: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 3] {
    [time, b".", body]
}

/// The time and the signatures of a header.
#[derive(Default)]
struct Items<'a> {
    time: Option<&'a [u8]>,
    signatures: Vec<[u8; 32]>,
    has_signature: bool,
}

impl<'a> Items<'a> {
    /// Reads `t=TIME,v1=HEX,v1=HEX`. Other keys are ignored, and so are signatures of another form.
    fn read(text: &'a [u8]) -> Result<Items<'a>, VerifyError> {
        let mut items = Items::default();
        let mut has_item = false;
        for item in text.split(|c| *c == b',') {
            let Some(at) = item.iter().position(|c| *c == b'=') else { continue };
            has_item = true;
            let (key, value) = (&item[..at], &item[at + 1..]);
            match key {
                b"t" if items.time.is_some() => {
                    return Err(TIMESTAMP.ambiguous("`stripe-signature` has `t=` more than once"));
                }
                b"t" => items.time = Some(value),
                b"v1" => {
                    items.has_signature = true;
                    if items.signatures.len() < MOST_SIGNATURES {
                        items.signatures.extend(from_hex(value));
                    }
                }
                _ => {}
            }
        }
        if !has_item {
            return Err(SIGNATURE.malformed("`stripe-signature` is not a list of `key=value`"));
        }
        Ok(items)
    }
}

pub(crate) fn verify(
    keys: &MacKeys<HmacSha256>,
    request: &SignedRequest<'_>,
    tolerance: Duration,
) -> Result<Verified, VerifyError> {
    let items = Items::read(SIGNATURE.of(request.headers, &HEADER)?)?;
    let time = items.time.ok_or_else(|| TIMESTAMP.missing("`stripe-signature` has no `t=`"))?;
    let at = signed_time(time, request.now, tolerance)?;
    if !items.has_signature {
        return Err(SIGNATURE.missing("`stripe-signature` has no `v1=`"));
    }
    let tag = keys.made_one(&parts(time, request.body), &items.signatures);
    let tag = tag.ok_or_else(|| mismatch("stripe"))?;
    // Whoever captures a request with several signatures can leave out one of them. The id does not depend on them.
    let replay_id = to_hex(&Sha256::digest(tag));
    let verified = Verified::of("stripe", EVENT_ID.of(request.headers, request.body));
    Ok(verified.with_signed_at(at).with_replay_id(&replay_id))
}

/// Returns the headers of a signed request.
pub(crate) fn write(key: &HmacSha256, body: &[u8], now: SystemTime) -> Result<HeaderMap, VerifyError> {
    let time = unix_seconds(now)?;
    let signature = to_hex(&tag(key, &parts(time.as_bytes(), body)));
    Ok(HeaderMap::from_iter([(HEADER.clone(), value(&format!("t={time},v1={signature}"))?)]))
}
