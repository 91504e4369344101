//! The sender's side of the schemes.

use std::fmt;
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::error::VerifyError;
use super::fields::{ID, value};
use super::keys::{HmacSha1, HmacSha256, SignKey, keyed, mac_secret, not_blank, private_key};
use super::layout::Layout;
use super::token::Form;
use super::twilio::PublicUrl;
use super::verified::is_id;
use super::{standard, stripe, twilio};

/// Makes the headers that a sender adds to a request, by one scheme and one secret. [`Verify`](crate::Verify) accepts them.
///
/// ```
/// # use std::time::SystemTime;
/// # use trigger_webhook::{Sign, VerifyError};
/// let now = SystemTime::UNIX_EPOCH;
/// let headers = Sign::github("It's a Secret to Everybody")?.headers(b"Hello, World!", now, "7")?;
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// assert_eq!(headers["x-hub-signature-256"], signature);
/// assert_eq!(headers["x-github-delivery"], "7");
/// # Ok::<(), VerifyError>(())
/// ```
///
/// It is for tests, for programs that imitate a sender, and for senders. The secret is overwritten in memory when the value is
/// dropped, and `Debug` shows only the scheme.
///
/// # Errors
///
/// Each constructor returns an error if the secret is blank or has another form than the scheme needs. The error does not
/// contain the secret.
pub struct Sign {
    scheme: Scheme,
    name: &'static str,
}

enum Scheme {
    OneSignature(Layout, SignKey),
    Standard(SignKey),
    Stripe(HmacSha256),
    Token(Form, Zeroizing<String>),
    Twilio(HmacSha1, PublicUrl),
}

impl Sign {
    fn by_hmac(name: &'static str, layout: Layout, secret: &str) -> Result<Sign, VerifyError> {
        let key = SignKey::Hmac(keyed(mac_secret(secret)?.as_bytes())?);
        Ok(Sign { scheme: Scheme::OneSignature(layout, key), name })
    }

    fn by_private_key(name: &'static str, layout: Layout, key: &str) -> Result<Sign, VerifyError> {
        let key = SignKey::Ed25519(Box::new(private_key(not_blank(key)?)?));
        Ok(Sign { scheme: Scheme::OneSignature(layout, key), name })
    }

    fn by_token(form: Form, secret: &str) -> Result<Sign, VerifyError> {
        let token = Zeroizing::new(form.secret(secret)?.to_owned());
        Ok(Sign { scheme: Scheme::Token(form, token), name: form.scheme() })
    }

    /// Signs as GitHub does. See [`Verify::github`](crate::Verify::github).
    ///
    /// # Errors
    ///
    /// A blank secret.
    pub fn github(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_hmac("github", Layout::github(), secret)
    }

    /// Signs as Stripe does. See [`Verify::stripe`](crate::Verify::stripe). The id of the delivery is in the body, so that of
    /// [`headers`](Sign::headers) is left out.
    ///
    /// # Errors
    ///
    /// A blank secret.
    pub fn stripe(secret: &str) -> Result<Sign, VerifyError> {
        Ok(Sign { scheme: Scheme::Stripe(keyed(mac_secret(secret)?.as_bytes())?), name: "stripe" })
    }

    /// Signs as Slack does. See [`Verify::slack`](crate::Verify::slack). The id of the delivery is in the body.
    ///
    /// # Errors
    ///
    /// A blank secret.
    pub fn slack(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_hmac("slack", Layout::slack(), secret)
    }

    /// Signs by Standard Webhooks: `v1` with a secret (`whsec_`), `v1a` with a private key (`whsk_`, and the seed of 32 bytes
    /// or the key pair of 64 bytes in base64). See [`Verify::standard`](crate::Verify::standard).
    ///
    /// # Errors
    ///
    /// A secret of another form. A public key (`whpk_`) is for the receiver.
    pub fn standard(secret: &str) -> Result<Sign, VerifyError> {
        Ok(Sign { scheme: Scheme::Standard(standard::sign_key(not_blank(secret)?)?), name: "standard" })
    }

    /// Signs as Shopify does. See [`Verify::shopify`](crate::Verify::shopify).
    ///
    /// # Errors
    ///
    /// A blank secret.
    pub fn shopify(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_hmac("shopify", Layout::shopify(), secret)
    }

    /// Sends the token of GitLab. See [`Verify::gitlab`](crate::Verify::gitlab).
    ///
    /// # Errors
    ///
    /// A secret that is blank, has white space around it, or has control characters.
    pub fn gitlab(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_token(Form::Gitlab, secret)
    }

    /// Sends the token of Telegram. See [`Verify::telegram`](crate::Verify::telegram). The id of the delivery is in the body.
    ///
    /// # Errors
    ///
    /// A secret other than 1 to 256 of the characters A-Z, a-z, 0-9, `_` and `-`.
    pub fn telegram(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_token(Form::Telegram, secret)
    }

    /// Signs as Twilio does. See [`Verify::twilio`](crate::Verify::twilio). The body is a form. For another body the query of
    /// `public_url` ends with [`body_hash_query`](Sign::body_hash_query), and the request has this query.
    ///
    /// # Errors
    ///
    /// A blank secret, or a URL without `http` or `https` and a host.
    pub fn twilio(secret: &str, public_url: &str) -> Result<Sign, VerifyError> {
        let (key, url) = (keyed(mac_secret(secret)?.as_bytes())?, PublicUrl::parse(public_url)?);
        Ok(Sign { scheme: Scheme::Twilio(key, url), name: "twilio" })
    }

    /// Returns `bodySHA256=HEX`, which Twilio adds to the query of a request whose body is no form.
    ///
    /// ```
    /// # use trigger_webhook::Sign;
    /// assert!(Sign::body_hash_query(b"{}").starts_with("bodySHA256=44136fa355b3678a"));
    /// ```
    pub fn body_hash_query(body: &[u8]) -> String {
        twilio::body_hash_query(body)
    }

    /// Signs as Discord does, with an ed25519 private key: the seed of 32 bytes, or the key pair of 64 bytes, in hex or
    /// base64. See [`Verify::discord`](crate::Verify::discord). The id of the delivery is in the body.
    ///
    /// # Errors
    ///
    /// A key of another form.
    pub fn discord(private_key: &str) -> Result<Sign, VerifyError> {
        Sign::by_private_key("discord", Layout::discord(), private_key)
    }

    /// Signs as Zoom does. See [`Verify::zoom`](crate::Verify::zoom).
    ///
    /// # Errors
    ///
    /// A blank secret.
    pub fn zoom(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_hmac("zoom", Layout::zoom(), secret)
    }

    /// Signs the body by HMAC-SHA256 in a header of your own. See [`Verify::hmac`](crate::Verify::hmac).
    ///
    /// # Errors
    ///
    /// A blank secret, or an invalid name of a header, prefix or encoding.
    pub fn hmac(header: &str, prefix: &str, encoding: &str, secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_hmac("hmac", Layout::own(header, prefix, encoding)?, secret)
    }

    /// Signs the body by ed25519 in a header of your own. See [`Verify::ed25519`](crate::Verify::ed25519) and, for the form of
    /// the key, [`discord`](Sign::discord).
    ///
    /// # Errors
    ///
    /// A key of another form, or an invalid name of a header or encoding.
    pub fn ed25519(header: &str, encoding: &str, private_key: &str) -> Result<Sign, VerifyError> {
        Sign::by_private_key("ed25519", Layout::own(header, "", encoding)?, private_key)
    }

    /// Sends `Authorization: Bearer TOKEN`. See [`Verify::bearer`](crate::Verify::bearer).
    ///
    /// # Errors
    ///
    /// A secret that is blank or has characters other than visible ASCII.
    pub fn bearer(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_token(Form::Bearer, secret)
    }

    /// Sends `Authorization: Basic BASE64` of `user:password`. See [`Verify::basic`](crate::Verify::basic).
    ///
    /// # Errors
    ///
    /// A secret without a `:`, with a blank password, or with control characters.
    pub fn basic(secret: &str) -> Result<Sign, VerifyError> {
        Sign::by_token(Form::Basic, secret)
    }

    /// Returns the name of the scheme, such as `github`.
    pub fn scheme(&self) -> &str {
        self.name
    }

    /// Returns the headers for a body that is sent at `now`. A scheme whose id is in a header has `delivery_id` there.
    ///
    /// # Errors
    ///
    /// A `delivery_id` that is not 1 to 256 visible ASCII characters, or has a `.` in Standard Webhooks; a time before 1970
    /// for a scheme with a signed time.
    pub fn headers(&self, body: &[u8], now: SystemTime, delivery_id: &str) -> Result<HeaderMap, VerifyError> {
        if !is_id(delivery_id.as_bytes()) {
            return Err(ID.malformed("the id of a delivery is not 1 to 256 visible ASCII characters"));
        }
        let id: HeaderValue = value(delivery_id)?;
        match &self.scheme {
            Scheme::OneSignature(layout, key) => layout.write(key, body, now, &id),
            Scheme::Standard(key) => standard::write(key, body, now, &id),
            Scheme::Stripe(key) => stripe::write(key, body, now),
            Scheme::Token(form, token) => form.write(token, &id),
            Scheme::Twilio(key, url) => twilio::write(key, url, body, &id),
        }
    }
}

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sign").field("scheme", &self.name).finish_non_exhaustive()
    }
}
