//! The signature check of a webhook: its scheme, and its secrets, which may change while the server runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderName;
use trigger_core::{ConfigError, Secrets, Settings};
use zeroize::Zeroizing;

use crate::rules::secret_source::{SecretSource, SecretTexts};
use crate::verify::{SignedRequest, Verified, Verifier, Verify, VerifyError};

/// The time between two reads of a file of secrets or of a certificate. Its content is compared, because Kubernetes replaces the folder of such a
/// file by a symbolic link.
pub(crate) const REREAD: Duration = Duration::from_secs(5);

/// A [`Verifier`] as the value of the setting `verify`, for a webhook that is declared as data in code. An attribute has the
/// verifier alone: `verify = TENANTS`.
///
/// ```
/// # use trigger_core::TriggerConfig;
/// # use trigger_webhook::{OwnVerifier, Verify, VerifyError};
/// let verify = Verify::github(["It's a Secret to Everybody"])?;
/// let config = TriggerConfig::webhook("/github", 9090).value("verify", OwnVerifier::new(verify));
/// assert_eq!(config.validate(), Ok(()));
/// # Ok::<(), VerifyError>(())
/// ```
#[derive(Clone)]
pub struct OwnVerifier(Arc<dyn Verifier>);

impl OwnVerifier {
    /// Returns the value of a verifier.
    pub fn new(verifier: impl Verifier) -> OwnVerifier {
        OwnVerifier(Arc::new(verifier))
    }
}

impl fmt::Debug for OwnVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnVerifier({})", self.0.scheme())
    }
}

/// What the setting `verify` says. The secrets are not read yet.
#[derive(Clone)]
pub(crate) enum SignatureRule {
    Scheme(SchemeRule),
    Own(Arc<dyn Verifier>),
}

/// A scheme, with the place of its secrets.
#[derive(Clone, Debug)]
pub(crate) struct SchemeRule {
    name: &'static str,
    secrets: SecretSource,
    parameters: Vec<(&'static str, String)>,
    /// The variable with the public URL of the webhook.
    url_variable: Option<String>,
    tolerance: Option<Duration>,
}

impl SignatureRule {
    /// Reads the setting `verify`.
    pub(crate) fn of(settings: &Settings) -> Result<Option<SignatureRule>, ConfigError> {
        if let Some(own) = settings.code::<OwnVerifier>("verify")? {
            return Ok(Some(SignatureRule::Own(Arc::clone(&own.0))));
        }
        let Some((name, own)) = settings.choice("verify")? else { return Ok(None) };
        let mut parameters = Vec::new();
        for key in ["header", "prefix", "url"] {
            if own.has(key)
                && let Some(text) = own.optional_text(key)?
            {
                parameters.push((if key == "url" { "public_url" } else { key }, text.to_owned()));
            }
        }
        if own.has("encoding")
            && let Some((encoding, _)) = own.choice("encoding")?
        {
            parameters.push(("encoding", encoding.to_owned()));
        }
        let url_variable = if own.has("url_env") { own.optional_text("url_env")? } else { None };
        Ok(Some(SignatureRule::Scheme(SchemeRule {
            name,
            secrets: SecretSource::of(own)?,
            parameters,
            url_variable: url_variable.map(str::to_owned),
            tolerance: if own.has("tolerance") { Some(own.duration("tolerance")?) } else { None },
        })))
    }

    /// Returns the name of the scheme.
    pub(crate) fn scheme(&self) -> &str {
        match self {
            SignatureRule::Scheme(rule) => rule.name,
            SignatureRule::Own(verifier) => verifier.scheme(),
        }
    }

    /// Returns the header that the declaration names for the signature, as those of `hmac` and `ed25519` do.
    pub(crate) fn header(&self) -> Option<HeaderName> {
        let SignatureRule::Scheme(rule) = self else { return None };
        let (_, name) = rule.parameters.iter().find(|(key, _)| *key == "header")?;
        name.parse().ok()
    }

    /// Returns the time for which a copy of a request passes, for a scheme with a signed time.
    pub(crate) fn tolerance(&self) -> Option<Duration> {
        match self {
            SignatureRule::Scheme(rule) => rule.tolerance,
            SignatureRule::Own(_) => None,
        }
    }

    /// Reads the secrets and makes the check.
    ///
    /// # Errors
    ///
    /// What keeps the webhook from starting, such as a variable that is not set.
    pub(crate) fn made(&self, secrets: &Secrets) -> Result<Signature, Vec<String>> {
        match self {
            SignatureRule::Own(verifier) => {
                let current = Current { verifier: Arc::clone(verifier), secrets: Vec::new() };
                Ok(Signature { current: ArcSwap::from_pointee(current), file: None })
            }
            SignatureRule::Scheme(rule) => rule.made(secrets),
        }
    }
}

impl fmt::Debug for SignatureRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureRule({})", self.scheme())
    }
}

impl SchemeRule {
    fn made(&self, secrets: &Secrets) -> Result<Signature, Vec<String>> {
        let current = self.current(self.secrets.read(secrets)?, secrets).map_err(|fault| vec![fault])?;
        let file = self.secrets.file().map(|path| SecretFile {
            rule: self.clone(),
            path: path.to_owned(),
            secrets: secrets.clone(),
            seen: Mutex::new(secrets.read(path).map(Zeroizing::new)),
        });
        Ok(Signature { current: ArcSwap::from_pointee(current), file })
    }

    /// Makes the check of these secrets. An error has no secret.
    fn current(&self, texts: SecretTexts, secrets: &Secrets) -> Result<Current, String> {
        let url = match &self.url_variable {
            None => None,
            Some(name) => {
                let missing = || format!("the environment variable `{name}` with the public URL is not set");
                Some(secrets.read(name).ok_or_else(missing)?)
            }
        };
        let parameter = |key: &str| {
            let given = self.parameters.iter().find(|(own, _)| *own == key).map(|(_, value)| value.as_str());
            given.or_else(|| url.as_deref().map(str::trim).filter(|_| key == "public_url"))
        };
        let verify = Verify::by_name(self.name, texts.iter().map(|text| text.as_str()), parameter);
        let verify = verify.and_then(|verify| match self.tolerance {
            Some(tolerance) => verify.tolerance(tolerance),
            None => Ok(verify),
        });
        let verify = verify.map_err(|error| format!("`verify = {}(..)`: {error}", self.name))?;
        let secrets = if self.name == "zoom" { texts } else { Vec::new() };
        Ok(Current { verifier: Arc::new(verify), secrets })
    }
}

/// The signature check of a running webhook.
pub(crate) struct Signature {
    current: ArcSwap<Current>,
    file: Option<SecretFile>,
}

/// The check with the current secrets.
struct Current {
    verifier: Arc<dyn Verifier>,
    /// The secrets of `zoom`, whose handshake is answered with them. They are overwritten in memory when they are dropped.
    secrets: SecretTexts,
}

/// A file of secrets that is read again.
struct SecretFile {
    rule: SchemeRule,
    path: String,
    secrets: Secrets,
    /// The content that was read last.
    seen: Mutex<Option<Zeroizing<String>>>,
}

impl Signature {
    /// Verifies a request with the current secrets.
    pub(crate) fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        self.current.load().verifier.verify(request)
    }

    /// Returns the secrets that the handshake of the sender needs.
    pub(crate) fn secrets(&self) -> SecretTexts {
        self.current.load().secrets.clone()
    }

    /// Returns `true` if the secrets are in a file, so that [`watch`](Self::watch) does not end at once.
    pub(crate) fn is_watched(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file of the secrets again and again, and verifies with its current content.
    pub(crate) async fn watch(&self) {
        let Some(file) = &self.file else { return };
        loop {
            tokio::time::sleep(REREAD).await;
            if let Some(current) = file.changed() {
                self.current.store(Arc::new(current));
            }
        }
    }
}

impl SecretFile {
    /// Returns the check of the secrets, if the file has changed and its secrets are valid.
    fn changed(&self) -> Option<Current> {
        let text = self.secrets.read(&self.path).map(Zeroizing::new);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == text {
            return None;
        }
        let lines = text.as_deref().map(|text| SecretSource::lines(&self.path, text));
        *seen = text.clone();
        let path = &*self.path;
        let made = match lines {
            Some(Ok(texts)) => self.rule.current(texts, &self.secrets),
            Some(Err(fault)) => Err(fault),
            None => Err(format!("the file `{path}` of the secrets cannot be read")),
        };
        match made {
            Ok(current) => {
                tracing::info!(path, "the secrets of a webhook have changed");
                Some(current)
            }
            Err(fault) => {
                tracing::error!(path, fault, "the secrets of a webhook stay as they were");
                None
            }
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.current.load().verifier.scheme())
    }
}
