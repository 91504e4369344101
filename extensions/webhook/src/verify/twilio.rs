//! Twilio: HMAC-SHA1 of the public URL and the fields of the form.
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security>

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::encoding::{Encoding, from_hex, to_hex};
use super::error::VerifyError;
use super::fields::{DeliveryId, SIGNATURE, mismatch, value};
use super::keys::{HmacSha1, MacKeys, tag};
use super::request::SignedRequest;
use super::verified::Verified;

static HEADER: HeaderName = HeaderName::from_static("x-twilio-signature");
static IDS: [HeaderName; 1] = [HeaderName::from_static("i-twilio-idempotency-token")];
const DELIVERY_ID: DeliveryId = DeliveryId::Headers(&IDS);

/// The key of the query with the hash of a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// The URL that Twilio requests, as it is configured there. A proxy may change the URL that the server sees, and a client
/// chooses the `Host`, so the URL is not built from the request.
#[derive(Clone)]
pub(crate) struct PublicUrl(Box<str>);

impl PublicUrl {
    pub(crate) fn parse(text: &str) -> Result<PublicUrl, VerifyError> {
        let uri = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        let is_http = uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        if !is_http || text.contains('#') {
            let message = "the public URL is not `https://HOST/PATH`, as it is configured at the sender";
            return Err(VerifyError::new("url_malformed", message));
        }
        Ok(PublicUrl(text.into()))
    }

    /// Returns the query that is configured.
    fn query(&self) -> Option<&str> {
        self.0.split_once('?').map(|(_, query)| query)
    }

    /// Returns the URL that is signed for a body that is no form: this one, with what the query of the request adds.
    fn with_query<'a>(&'a self, query: &'a str) -> [&'a [u8]; 3] {
        let Some(own) = self.query() else { return [self.0.as_bytes(), b"?", query.as_bytes()] };
        let added = query.strip_prefix(own).and_then(|rest| rest.strip_prefix('&')).unwrap_or(query);
        [self.0.as_bytes(), b"&", added.as_bytes()]
    }
}

/// Returns the fields of a form as they are signed: sorted, each once, and without separators.
fn sorted_fields(form: &[u8]) -> String {
    let mut fields: Vec<_> = form_urlencoded::parse(form).collect();
    fields.sort();
    fields.dedup();
    fields.iter().flat_map(|(name, value)| [&**name, &**value]).collect()
}

/// Returns the hash of the body that a query carries.
fn body_hash(query: &str) -> Option<Result<[u8; 32], VerifyError>> {
    let mut hashes = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == BODY_HASH);
    let (_, hash) = hashes.next()?;
    let hash = from_hex(hash.as_bytes()).filter(|_| hashes.next().is_none());
    Some(hash.ok_or_else(|| SIGNATURE.malformed("the query has no `bodySHA256` of 32 bytes in hex")))
}

pub(crate) fn verify(
    keys: &MacKeys<HmacSha1>,
    url: &PublicUrl,
    request: &SignedRequest<'_>,
) -> Result<Verified, VerifyError> {
    let signature = Encoding::Base64.decode::<20>(SIGNATURE.of(request.headers, &HEADER)?);
    let signature =
        signature.ok_or_else(|| SIGNATURE.malformed("`x-twilio-signature` is not 20 bytes in base64"))?;
    let query = request.query.unwrap_or_default();
    let hash = body_hash(query).transpose()?;
    let made = match &hash {
        Some(_) => keys.made_one(&url.with_query(query), &[signature]),
        None => keys.made_one(&[url.0.as_bytes(), sorted_fields(request.body).as_bytes()], &[signature]),
    };
    if made.is_none() {
        return Err(mismatch("twilio"));
    }
    if hash.is_some_and(|hash| !bool::from(Sha256::digest(request.body).as_slice().ct_eq(&hash))) {
        return Err(VerifyError::new("body_hash_mismatch", "`bodySHA256` is the hash of another body"));
    }
    Ok(Verified::of("twilio", DELIVERY_ID.of(request.headers, request.body)))
}

/// Returns `bodySHA256=HEX` for the query of a request whose body is no form.
pub(crate) fn body_hash_query(body: &[u8]) -> String {
    format!("{BODY_HASH}={}", to_hex(&Sha256::digest(body)))
}

/// Returns the headers of a signed request. The body is a form, unless the query of the URL has its hash.
pub(crate) fn write(
    key: &HmacSha1,
    url: &PublicUrl,
    body: &[u8],
    id: &HeaderValue,
) -> Result<HeaderMap, VerifyError> {
    let fields = match url.query().and_then(body_hash) {
        Some(_) => String::new(),
        None => sorted_fields(body),
    };
    let signature = Encoding::Base64.encode(&tag(key, &[url.0.as_bytes(), fields.as_bytes()]));
    let mut headers = HeaderMap::from_iter([(HEADER.clone(), value(&signature)?)]);
    DELIVERY_ID.write(id, &mut headers);
    Ok(headers)
}
