//! Signatures of webhook requests, as values that need no server: [`Verify`] for the receiver, [`Sign`] for the sender.
//!
//! `layout`, `stripe`, `standard`, `token` and `twilio` are the schemes. `keys` compares signatures, `fields` reads the parts
//! of a request that schemes have in common.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

mod by_name;
mod encoding;
mod error;
mod fields;
mod keys;
mod layout;
mod request;
mod sign;
mod standard;
mod stripe;
mod token;
mod twilio;
mod verified;

use keys::{HmacSha1, HmacSha256, MacKeys, PublicKeys};
use layout::{Keys, Layout, OneSignature};
use standard::Standard;
use token::{Form, Tokens};
use twilio::PublicUrl;

pub use error::VerifyError;
pub use request::{SignedRequest, Verifier};
pub use sign::Sign;
pub use verified::Verified;

/// The tolerance of a signed time, unless another one is set.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The smallest and the largest tolerance.
const TOLERANCES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3600)];

/// Verifies that a request comes from its sender, by one scheme and the secrets that the receiver shares with the sender.
///
/// ```
/// # use std::time::SystemTime;
/// # use trigger_webhook::{HeaderMap, Verify, VerifyError};
/// let verify = Verify::github(["It's a Secret to Everybody"])?;
/// let mut headers = HeaderMap::new();
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// headers.insert("x-hub-signature-256", signature.parse().expect("a header value"));
/// headers.insert("x-github-delivery", "72d3162e".parse().expect("a header value"));
///
/// let verified = verify.check(&headers, b"Hello, World!", SystemTime::UNIX_EPOCH)?;
/// assert_eq!(verified.delivery_id(), Some("72d3162e"));
/// let error = verify.check(&headers, b"Hello, World?", SystemTime::UNIX_EPOCH).unwrap_err();
/// assert_eq!(error.reason(), "signature_mismatch");
/// # Ok::<(), VerifyError>(())
/// ```
///
/// The bytes of the body are verified as they were received, before they are parsed or unpacked. Each secret is compared
/// with each signature in a time that does not depend on their contents. While a secret is replaced, the list has the new and
/// the old one. At most 16 signatures of a request are compared.
///
/// A scheme with a signed time (`standard`, `stripe`, `slack`, `zoom`, `discord`) also refuses a request whose time differs
/// from that of the receiver by more than the [`tolerance`](Verify::tolerance), 300 s unless it is set. Within it a copy of a
/// request passes: see [`Verified::replay_id`].
///
/// Secrets are overwritten in memory when the value is dropped, and `Debug` shows only the scheme.
///
/// # Errors
///
/// Each constructor returns an error if the list of secrets is empty, or if a secret is blank or has another form than the
/// scheme needs. The error does not contain the secret.
#[derive(Clone)]
pub struct Verify {
    scheme: Scheme,
    name: &'static str,
    tolerance: Duration,
}

#[derive(Clone)]
enum Scheme {
    OneSignature(OneSignature),
    Standard(Standard),
    Stripe(MacKeys<HmacSha256>),
    Tokens(Tokens),
    Twilio(MacKeys<HmacSha1>, PublicUrl),
}

impl Verify {
    fn of(name: &'static str, scheme: Scheme) -> Verify {
        Verify { scheme, name, tolerance: TOLERANCE }
    }

    fn by_hmac(
        name: &'static str,
        layout: Layout,
        secrets: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Verify, VerifyError> {
        let keys = Keys::Hmac(MacKeys::of_texts(secrets)?);
        Ok(Verify::of(name, Scheme::OneSignature(OneSignature { layout, keys })))
    }

    fn by_public_key(
        name: &'static str,
        layout: Layout,
        keys: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Verify, VerifyError> {
        let keys = Keys::Ed25519(PublicKeys::of_texts(keys)?);
        Ok(Verify::of(name, Scheme::OneSignature(OneSignature { layout, keys })))
    }

    fn by_token(form: Form, secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Ok(Verify::of(form.scheme(), Scheme::Tokens(Tokens::of(form, secrets)?)))
    }

    /// Verifies `X-Hub-Signature-256: sha256=HEX`, the HMAC-SHA256 of the body. `X-Hub-Signature`, which is SHA-1, is ignored.
    ///
    /// # Errors
    ///
    /// An empty list, or a blank secret.
    pub fn github(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_hmac("github", Layout::github(), secrets)
    }

    /// Verifies `Stripe-Signature: t=TIME,v1=HEX`, the HMAC-SHA256 of `TIME.BODY`. The key is the whole text of the secret,
    /// with its `whsec_`.
    ///
    /// # Errors
    ///
    /// An empty list, or a blank secret.
    pub fn stripe(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Ok(Verify::of("stripe", Scheme::Stripe(MacKeys::of_texts(secrets)?)))
    }

    /// Verifies `X-Slack-Signature: v0=HEX`, the HMAC-SHA256 of `v0:TIME:BODY` with the time of `X-Slack-Request-Timestamp`.
    ///
    /// # Errors
    ///
    /// An empty list, or a blank secret.
    pub fn slack(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_hmac("slack", Layout::slack(), secrets)
    }

    /// Verifies [Standard Webhooks](https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
    /// `webhook-signature`, or the same with `svix-`.
    ///
    /// A secret is `whsec_` and 24 to 64 bytes in base64, for signatures `v1` (HMAC-SHA256). The prefix and the padding may
    /// be left out. A public key is `whpk_` and 32 bytes in base64, for signatures `v1a` (ed25519). The list may have both.
    ///
    /// # Errors
    ///
    /// An empty list, or a secret of another form. A private key (`whsk_`) is for the sender.
    pub fn standard(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Ok(Verify::of("standard", Scheme::Standard(Standard::of(secrets)?)))
    }

    /// Verifies `X-Shopify-Hmac-Sha256: BASE64`, the HMAC-SHA256 of the body.
    ///
    /// # Errors
    ///
    /// An empty list, or a blank secret.
    pub fn shopify(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_hmac("shopify", Layout::shopify(), secrets)
    }

    /// Compares `X-Gitlab-Token` with the secrets. Nothing is signed. A GitLab with a signing token sends
    /// [Standard Webhooks](Verify::standard).
    ///
    /// # Errors
    ///
    /// An empty list, or a secret that is blank, has white space around it, or has control characters.
    pub fn gitlab(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_token(Form::Gitlab, secrets)
    }

    /// Compares `X-Telegram-Bot-Api-Secret-Token` with the secrets. Nothing is signed.
    ///
    /// # Errors
    ///
    /// An empty list, or a secret other than 1 to 256 of the characters A-Z, a-z, 0-9, `_` and `-`.
    pub fn telegram(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_token(Form::Telegram, secrets)
    }

    /// Verifies `X-Twilio-Signature: BASE64`, the HMAC-SHA1 of the public URL and the sorted fields of the form.
    ///
    /// `public_url` is the URL that is configured at Twilio. For a body that is no form Twilio adds `bodySHA256` to the query.
    /// Then the URL with the query of the request is verified, and that the hash is the one of the body. This needs
    /// [`check_request`](Verify::check_request), which gets the query.
    ///
    /// Twilio may sign with HMAC-SHA256 instead, and then says `algorithm=HMAC_SHA256` in
    /// `X-Twilio-Webhooks-Signature-Settings`. Such a request is refused.
    ///
    /// # Errors
    ///
    /// An empty list, a blank secret, or a URL without `http` or `https` and a host.
    pub fn twilio(
        secrets: impl IntoIterator<Item: AsRef<str>>,
        public_url: &str,
    ) -> Result<Verify, VerifyError> {
        let url = PublicUrl::parse(public_url)?;
        Ok(Verify::of("twilio", Scheme::Twilio(MacKeys::of_texts(secrets)?, url)))
    }

    /// Verifies `X-Signature-Ed25519: HEX`, the ed25519 signature of the time in `X-Signature-Timestamp` and the body.
    ///
    /// # Errors
    ///
    /// An empty list, or a public key that is not 32 bytes in hex or base64.
    pub fn discord(public_keys: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_public_key("discord", Layout::discord(), public_keys)
    }

    /// Verifies `x-zm-signature: v0=HEX`, the HMAC-SHA256 of `v0:TIME:BODY` with the time of `x-zm-request-timestamp`.
    ///
    /// # Errors
    ///
    /// An empty list, or a blank secret.
    pub fn zoom(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_hmac("zoom", Layout::zoom(), secrets)
    }

    /// Verifies a header of your own, such as `X-Webhook-Signature: sha256=HEX`, the HMAC-SHA256 of the body.
    ///
    /// The value of the header is `prefix`, which may be empty, and the signature. The encoding is `hex` or `base64`.
    ///
    /// # Errors
    ///
    /// An empty list, a blank secret, or an invalid name of a header, prefix or encoding.
    pub fn hmac(
        header: &str,
        prefix: &str,
        encoding: &str,
        secrets: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Verify, VerifyError> {
        Verify::by_hmac("hmac", Layout::own(header, prefix, encoding)?, secrets)
    }

    /// Verifies a header of your own that has the ed25519 signature of the body. The encoding is `hex` or `base64`.
    ///
    /// # Errors
    ///
    /// An empty list, a public key that is not 32 bytes in hex or base64, or an invalid name of a header or encoding.
    pub fn ed25519(
        header: &str,
        encoding: &str,
        public_keys: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Verify, VerifyError> {
        Verify::by_public_key("ed25519", Layout::own(header, "", encoding)?, public_keys)
    }

    /// Compares the token of `Authorization: Bearer TOKEN` with the secrets. Nothing is signed.
    ///
    /// # Errors
    ///
    /// An empty list, or a secret that is blank or has characters other than visible ASCII.
    pub fn bearer(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_token(Form::Bearer, secrets)
    }

    /// Compares the credentials of `Authorization: Basic BASE64` with the secrets, each `user:password`. Nothing is signed.
    ///
    /// # Errors
    ///
    /// An empty list, or a secret without a `:`, with a blank password, or with control characters.
    pub fn basic(secrets: impl IntoIterator<Item: AsRef<str>>) -> Result<Verify, VerifyError> {
        Verify::by_token(Form::Basic, secrets)
    }

    /// Sets the largest difference between the signed time and the time at the receiver, in both directions. It is 300 s
    /// unless it is set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trigger_webhook::Verify;
    /// let slack = Verify::slack(["s3cret"])?.tolerance(Duration::from_secs(60))?;
    /// let error = slack.tolerance(Duration::from_secs(2 * 60 * 60)).unwrap_err();
    /// assert_eq!(error.reason(), "tolerance_invalid");
    /// # Ok::<(), trigger_webhook::VerifyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A tolerance below 1 s or above 1 h, or a scheme without a signed time, which would ignore it.
    pub fn tolerance(mut self, tolerance: Duration) -> Result<Verify, VerifyError> {
        let is_timed = match &self.scheme {
            Scheme::OneSignature(scheme) => scheme.layout.is_timed(),
            Scheme::Standard(_) | Scheme::Stripe(_) => true,
            Scheme::Tokens(_) | Scheme::Twilio(..) => false,
        };
        if !is_timed {
            let message = format_args!("`{}` has no signed time, so it has no tolerance", self.name);
            return Err(VerifyError::new("tolerance_invalid", message));
        }
        let [smallest, largest] = TOLERANCES;
        if !(smallest..=largest).contains(&tolerance) {
            let message = format_args!("a tolerance of {tolerance:?} is not between 1 s and 1 h");
            return Err(VerifyError::new("tolerance_invalid", message));
        }
        self.tolerance = tolerance;
        Ok(self)
    }

    /// Returns the name of the scheme, such as `github`.
    pub fn scheme(&self) -> &str {
        self.name
    }

    /// Verifies a request by its headers and the bytes of its body, at the time of the receiver.
    ///
    /// # Errors
    ///
    /// The reason for which the request is refused.
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<Verified, VerifyError> {
        self.check_request(&SignedRequest::new(headers, body, now))
    }

    /// Verifies a request. It is as [`check`](Verify::check), and has the query that [`twilio`](Verify::twilio) needs.
    ///
    /// # Errors
    ///
    /// The reason for which the request is refused.
    pub fn check_request(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        match &self.scheme {
            Scheme::OneSignature(scheme) => scheme.verify(self.name, request, self.tolerance),
            Scheme::Standard(scheme) => scheme.verify(request, self.tolerance),
            Scheme::Stripe(keys) => stripe::verify(keys, request, self.tolerance),
            Scheme::Tokens(tokens) => tokens.verify(request),
            Scheme::Twilio(keys, url) => twilio::verify(keys, url, request),
        }
    }
}

impl Verifier for Verify {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        self.check_request(request)
    }

    fn scheme(&self) -> &str {
        self.name
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify").field("scheme", &self.name).finish_non_exhaustive()
    }
}
