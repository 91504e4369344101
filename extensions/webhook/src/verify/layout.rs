//! The schemes with one signature in one header: `github`, `shopify`, `slack`, `zoom`, `discord`, `hmac` and `ed25519`.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::encoding::{Encoding, to_hex};
use super::error::VerifyError;
use super::fields::{DeliveryId, SIGNATURE, TIMESTAMP, mismatch, signed_time, unix_seconds, value};
use super::keys::{HmacSha256, MacKeys, PublicKeys, SignKey};
use super::request::SignedRequest;
use super::verified::Verified;

/// Where a scheme has its signature, and what it signs.
#[derive(Clone)]
pub(crate) struct Layout {
    header: HeaderName,
    /// The text before the signature, such as `sha256=`.
    prefix: Box<str>,
    encoding: Encoding,
    /// The signed time. Without it, the body alone is signed.
    time: Option<Time>,
    id: DeliveryId,
}

/// The signed time of a scheme, and the texts around it in what is signed.
#[derive(Clone)]
struct Time {
    header: HeaderName,
    before: &'static str,
    after: &'static str,
}

static GITHUB_IDS: [HeaderName; 1] = [HeaderName::from_static("x-github-delivery")];
static SHOPIFY_IDS: [HeaderName; 1] = [HeaderName::from_static("x-shopify-webhook-id")];

impl Layout {
    fn of_body(header: HeaderName, prefix: &str, encoding: Encoding, id: DeliveryId) -> Layout {
        Layout { header, prefix: prefix.into(), encoding, time: None, id }
    }

    fn of_time(header: &'static str, prefix: &str, time: [&'static str; 3], id: DeliveryId) -> Layout {
        let [name, before, after] = time;
        let time = Some(Time { header: HeaderName::from_static(name), before, after });
        let header = HeaderName::from_static(header);
        Layout { header, prefix: prefix.into(), encoding: Encoding::Hex, time, id }
    }

    /// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    pub(crate) fn github() -> Layout {
        let header = HeaderName::from_static("x-hub-signature-256");
        Layout::of_body(header, "sha256=", Encoding::Hex, DeliveryId::Headers(&GITHUB_IDS))
    }

    /// <https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>
    pub(crate) fn shopify() -> Layout {
        let header = HeaderName::from_static("x-shopify-hmac-sha256");
        Layout::of_body(header, "", Encoding::Base64, DeliveryId::Headers(&SHOPIFY_IDS))
    }

    /// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
    pub(crate) fn slack() -> Layout {
        let time = ["x-slack-request-timestamp", "v0:", ":"];
        Layout::of_time("x-slack-signature", "v0=", time, DeliveryId::Field { name: "event_id", prefix: "" })
    }

    /// <https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events>
    pub(crate) fn zoom() -> Layout {
        Layout::of_time("x-zm-signature", "v0=", ["x-zm-request-timestamp", "v0:", ":"], DeliveryId::None)
    }

    /// <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>
    pub(crate) fn discord() -> Layout {
        let time = ["x-signature-timestamp", "", ""];
        Layout::of_time("x-signature-ed25519", "", time, DeliveryId::Field { name: "id", prefix: "" })
    }

    /// Returns the layout of a sender that signs the body, by its settings.
    pub(crate) fn own(header: &str, prefix: &str, encoding: &str) -> Result<Layout, VerifyError> {
        let name = HeaderName::from_bytes(header.as_bytes());
        let name = name.map_err(|_| {
            VerifyError::new("header_malformed", format_args!("\"{header}\" is not the name of a header"))
        })?;
        if !prefix.bytes().all(|c| c.is_ascii_graphic()) {
            let message = format_args!("the prefix \"{prefix}\" has a character other than visible ASCII");
            return Err(VerifyError::new("prefix_malformed", message));
        }
        let encoding = Encoding::named(encoding).ok_or_else(|| {
            let message = format_args!("the encoding \"{encoding}\" is neither \"hex\" nor \"base64\"");
            VerifyError::new("encoding_unknown", message)
        })?;
        Ok(Layout::of_body(name, prefix, encoding, DeliveryId::None))
    }

    pub(crate) fn is_timed(&self) -> bool {
        self.time.is_some()
    }

    /// Returns the signature of a request.
    fn signature<const N: usize>(&self, headers: &HeaderMap) -> Result<[u8; N], VerifyError> {
        let text = SIGNATURE.of(headers, &self.header)?.strip_prefix(self.prefix.as_bytes());
        text.and_then(|text| self.encoding.decode(text)).ok_or_else(|| {
            let (name, prefix, encoding) = (&self.header, &self.prefix, self.encoding);
            SIGNATURE
                .malformed(format_args!("`{name}` is not \"{prefix}\" and {N} bytes in {}", encoding.name()))
        })
    }

    fn parts<'a>(&self, time: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 4] {
        match &self.time {
            Some(Time { before, after, .. }) => [before.as_bytes(), time, after.as_bytes(), body],
            None => [body, b"", b"", b""],
        }
    }

    /// Returns the headers of a signed request.
    pub(crate) fn write(
        &self,
        key: &SignKey,
        body: &[u8],
        now: SystemTime,
        id: &HeaderValue,
    ) -> Result<HeaderMap, VerifyError> {
        let mut headers = HeaderMap::new();
        let mut seconds = String::new();
        if let Some(time) = &self.time {
            seconds = unix_seconds(now)?;
            headers.insert(time.header.clone(), value(&seconds)?);
        }
        let signature = key.sign(&self.parts(seconds.as_bytes(), body));
        let signature = format!("{}{}", self.prefix, self.encoding.encode(&signature));
        headers.insert(self.header.clone(), value(&signature)?);
        self.id.write(id, &mut headers);
        Ok(headers)
    }
}

/// The keys of a receiver.
#[derive(Clone)]
pub(crate) enum Keys {
    Hmac(MacKeys<HmacSha256>),
    Ed25519(PublicKeys),
}

/// A layout with the keys of a receiver.
#[derive(Clone)]
pub(crate) struct OneSignature {
    pub(crate) layout: Layout,
    pub(crate) keys: Keys,
}

impl OneSignature {
    pub(crate) fn verify(
        &self,
        scheme: &'static str,
        request: &SignedRequest<'_>,
        tolerance: Duration,
    ) -> Result<Verified, VerifyError> {
        let layout = &self.layout;
        // Only an ed25519 signature is longer than 32 bytes.
        let mut signature = ([0; 32], [0; 64]);
        match self.keys {
            Keys::Hmac(_) => signature.0 = layout.signature(request.headers)?,
            Keys::Ed25519(_) => signature.1 = layout.signature(request.headers)?,
        }
        let time = match &layout.time {
            Some(time) => {
                let text = TIMESTAMP.of(request.headers, &time.header)?;
                Some((text, signed_time(text, request.now, tolerance)?))
            }
            None => None,
        };
        let parts = layout.parts(time.map_or(b"", |(text, _)| text), request.body);
        let (is_made, bytes) = match &self.keys {
            Keys::Hmac(keys) => (keys.made_one(&parts, &[signature.0]).is_some(), &signature.0[..]),
            Keys::Ed25519(keys) => (keys.made_one(&parts, &[signature.1]), &signature.1[..]),
        };
        if !is_made {
            return Err(mismatch(scheme));
        }
        let mut verified = Verified::of(scheme, layout.id.of(request.headers, request.body));
        if let Some((_, at)) = time {
            // The text in the header may be in either case, and then a copy would have another id.
            verified = verified.with_signed_at(at).with_replay_id(&to_hex(bytes));
        }
        Ok(verified)
    }
}
