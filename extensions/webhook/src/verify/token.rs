//! The schemes whose sender repeats a secret in each request: `gitlab`, `telegram`, `bearer` and `basic`. They sign nothing.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use zeroize::Zeroizing;

use super::encoding::{from_base64, to_base64};
use super::error::VerifyError;
use super::fields::{DeliveryId, SIGNATURE, mismatch, value};
use super::keys::{TokenHash, each, malformed, not_blank};
use super::request::SignedRequest;
use super::verified::Verified;

/// `X-Gitlab-Event-UUID` is no id, because recursive webhooks share it.
static GITLAB_IDS: [HeaderName; 1] = [HeaderName::from_static("idempotency-key")];

/// A scheme with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// <https://docs.gitlab.com/user/project/integrations/webhooks/>
    Gitlab,
    /// <https://core.telegram.org/bots/api#setwebhook>
    Telegram,
    /// RFC 6750 section 2.1
    Bearer,
    /// RFC 7617
    Basic,
}

impl Form {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Form::Gitlab => "gitlab",
            Form::Telegram => "telegram",
            Form::Bearer => "bearer",
            Form::Basic => "basic",
        }
    }

    fn header(self) -> HeaderName {
        match self {
            Form::Gitlab => HeaderName::from_static("x-gitlab-token"),
            Form::Telegram => HeaderName::from_static("x-telegram-bot-api-secret-token"),
            Form::Bearer | Form::Basic => AUTHORIZATION,
        }
    }

    fn delivery_id(self) -> DeliveryId {
        match self {
            Form::Gitlab => DeliveryId::Headers(&GITLAB_IDS),
            Form::Telegram => DeliveryId::Field { name: "update_id", prefix: "" },
            Form::Bearer | Form::Basic => DeliveryId::None,
        }
    }

    /// Returns a secret that a request of this scheme can carry.
    pub(crate) fn secret(self, secret: &str) -> Result<&str, VerifyError> {
        let secret = not_blank(secret)?;
        let is_public = secret.starts_with("whpk_");
        let (is_valid, rule) = match self {
            Form::Gitlab => (
                secret.trim() == secret && !secret.contains(char::is_control),
                "a token has no white space around it and no control characters",
            ),
            Form::Telegram => (
                secret.len() <= 256
                    && secret.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')),
                "a token of Telegram has 1 to 256 of the characters A-Z, a-z, 0-9, _ and -",
            ),
            Form::Bearer => (
                secret.bytes().all(|c| c.is_ascii_graphic()),
                "a bearer token has visible ASCII characters alone",
            ),
            Form::Basic => (
                secret.split_once(':').is_some_and(|(_, password)| !password.trim().is_empty())
                    && !secret.contains(char::is_control),
                "a secret of `basic` is `user:password` without control characters",
            ),
        };
        match is_valid && !is_public {
            true => Ok(secret),
            false if is_public => Err(malformed("a public key (`whpk_`) is no secret")),
            false => Err(malformed(rule)),
        }
    }

    /// Returns the token of the value of a header.
    fn token(self, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Form::Gitlab | Form::Telegram => Some(Zeroizing::new(value.to_vec())),
            Form::Bearer => credentials(value, b"bearer").map(|token| Zeroizing::new(token.to_vec())),
            Form::Basic => credentials(value, b"basic").and_then(from_base64),
        }
    }

    /// Returns the headers of a request with a token.
    pub(crate) fn write(self, token: &str, id: &http::HeaderValue) -> Result<HeaderMap, VerifyError> {
        let text = match self {
            Form::Gitlab | Form::Telegram => token.to_owned(),
            Form::Bearer => format!("Bearer {token}"),
            Form::Basic => format!("Basic {}", to_base64(token.as_bytes())),
        };
        let mut value = value(&text)?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([(self.header(), value)]);
        self.delivery_id().write(id, &mut headers);
        Ok(headers)
    }
}

/// Returns what follows the name of an authentication scheme, whose case does not matter (RFC 9110 section 11.1).
fn credentials<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = value.split_at_checked(name.len())?;
    let token = rest.strip_prefix(b" ")?.trim_ascii_start();
    (start.eq_ignore_ascii_case(name) && !token.is_empty()).then_some(token)
}

/// A scheme with the tokens of a receiver.
#[derive(Clone)]
pub(crate) struct Tokens {
    form: Form,
    header: HeaderName,
    hashes: Vec<TokenHash>,
}

impl Tokens {
    pub(crate) fn of(
        form: Form,
        secrets: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Tokens, VerifyError> {
        let hashes = each(secrets, |secret| Ok(TokenHash::of(form.secret(secret)?.as_bytes())))?;
        Ok(Tokens { form, header: form.header(), hashes })
    }

    pub(crate) fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        let scheme = self.form.scheme();
        let token = self.form.token(SIGNATURE.of(request.headers, &self.header)?);
        let token =
            token.ok_or_else(|| SIGNATURE.malformed(format_args!("`{}` is not `{scheme}`", self.header)))?;
        if !TokenHash::of(&token).is_one_of(&self.hashes) {
            return Err(mismatch(scheme));
        }
        Ok(Verified::of(scheme, self.form.delivery_id().of(request.headers, request.body)))
    }
}
