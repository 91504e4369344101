//! What a webhook requires of a request beyond the limits of its server, and how it answers: its settings as a [`RuleSet`],
//! and the [`Rules`] of a running webhook, with its secrets.

pub(crate) mod refused;
pub(crate) mod secret_source;
pub(crate) mod signature;

use std::num::NonZeroU32;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode};
use trigger_core::{
    ConfigError, ConfigErrorKind, DedupeId, ScopedDedupe, Secrets, Settings, SourceContext, TriggerEvent,
};
use trigger_grammar::rate::{Rate, parse_rate};

use crate::client::{Admission, AdmissionRules, network};
use crate::event::cloudevents::handshake::Handshake as Consent;
use crate::handshake::Handshake;
use crate::rules::secret_source::SecretSource;
use crate::rules::signature::{Signature, SignatureRule};

/// The fn that reads the id of a delivery from its event.
pub(crate) type ReadId = fn(&TriggerEvent) -> Option<String>;

/// The settings of a webhook about its requests. The secrets are not read yet.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    signature: Option<SignatureRule>,
    clients: AdmissionRules,
    ids: IdFrom,
    window: Duration,
    handshake: HandshakeRule,
    accepted: Option<StatusCode>,
    methods: Vec<Method>,
    events: CloudEvents,
    form_field: Option<String>,
    gzip: bool,
    gone: bool,
}

/// Where the id of a delivery is.
#[derive(Clone, Debug)]
pub(crate) enum IdFrom {
    /// In what the scheme of the signature says, if it says an id.
    Scheme,
    Header(HeaderName),
    Event(ReadId),
    /// Nowhere: each delivery is an event.
    Off,
}

/// How a webhook takes CloudEvents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloudEvents {
    /// One in a request that says it is one. Other requests are plain ones.
    Either,
    /// One in each request.
    Only,
    /// One in each request, or several.
    Batch,
    /// As any other body.
    Off,
}

/// What the setting `handshake` says.
#[derive(Clone, Debug)]
enum HandshakeRule {
    None,
    Sender(Handshake),
    /// The token of Meta is a secret.
    Meta(SecretSource),
    CloudEvents(Consent),
}

/// The rules of a running webhook.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) admission: Admission,
    pub(crate) signature: Option<Signature>,
    /// The header of the signature, if the declaration names it.
    pub(crate) signature_header: Option<HeaderName>,
    pub(crate) ids: IdFrom,
    /// Where the ids of deliveries are remembered.
    pub(crate) deliveries: ScopedDedupe,
    /// Where signed requests are remembered for as long as their copies would pass.
    pub(crate) copies: ScopedDedupe,
    pub(crate) handshake: Option<Handshake>,
    pub(crate) consent: Option<Consent>,
    /// The status of an accepted request.
    pub(crate) accepted: StatusCode,
    pub(crate) methods: Vec<Method>,
    pub(crate) events: CloudEvents,
    pub(crate) form_field: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) gone: bool,
}

impl RuleSet {
    /// Reads the settings of a webhook.
    ///
    /// # Errors
    ///
    /// The first setting that contradicts another one.
    pub(crate) fn of(settings: &Settings) -> Result<RuleSet, ConfigError> {
        let signature = SignatureRule::of(settings)?;
        let handshake = HandshakeRule::of(settings, signature.as_ref())?;
        let window = settings.optional_number("dedupe_window")?;
        let window = window.map_or(DedupeId::WINDOW, Duration::from_millis);
        if let Some(tolerance) = signature.as_ref().and_then(SignatureRule::tolerance)
            && window < tolerance * 2
        {
            let reason = format!(
                "a copy of a request passes for twice the tolerance: use at least {:?}",
                tolerance * 2
            );
            return Err(conflict("dedupe_window", format_args!("{window:?}"), reason));
        }
        Ok(RuleSet {
            clients: clients(settings, signature.is_none())?,
            ids: IdFrom::of(settings)?,
            window,
            accepted: status(settings)?,
            methods: methods(settings)?,
            events: match settings.choice("cloudevents")? {
                None => CloudEvents::Either,
                Some(("only", _)) => CloudEvents::Only,
                Some(("batch", _)) => CloudEvents::Batch,
                Some(_) => CloudEvents::Off,
            },
            form_field: settings.optional_text("form_field")?.map(str::to_owned),
            gzip: settings.flag("gzip")?,
            gone: settings.flag("gone")?,
            handshake,
            signature,
        })
    }

    /// Returns the name of the scheme of its signatures.
    pub(crate) fn scheme(&self) -> Option<&str> {
        self.signature.as_ref().map(SignatureRule::scheme)
    }

    /// Returns the proxies whose `X-Forwarded-For` is read.
    pub(crate) fn trusted_proxies(&self) -> &[ipnet::IpNet] {
        &self.clients.trusted_proxies
    }

    /// Returns what keeps the webhook from starting, such as a variable with a secret that is not set.
    pub(crate) fn problems(&self, secrets: &Secrets) -> Vec<String> {
        let signature = self.signature.as_ref().and_then(|rule| rule.made(secrets).err());
        let handshake = self.handshake.made(secrets).err();
        signature.into_iter().flatten().chain(handshake.into_iter().flatten()).collect()
    }

    /// Returns the rules of a webhook that starts.
    ///
    /// # Errors
    ///
    /// What [`problems`](Self::problems) returns.
    pub(crate) fn started(&self, cx: &SourceContext) -> Result<Rules, Vec<String>> {
        let secrets = cx.secrets();
        let (handshake, consent) = self.handshake.made(secrets)?;
        let tolerance = self.signature.as_ref().and_then(SignatureRule::tolerance);
        let preset = handshake.as_ref().map_or(StatusCode::ACCEPTED, Handshake::accepted_status);
        Ok(Rules {
            admission: Admission::new(self.clients.clone()),
            signature: self.signature.as_ref().map(|rule| rule.made(secrets)).transpose()?,
            signature_header: self.signature.as_ref().and_then(SignatureRule::header),
            ids: self.ids.clone(),
            deliveries: cx.dedupe().window(self.window),
            // The tolerance of a verifier of the program is not known.
            copies: cx.dedupe().window(tolerance.map_or(self.window, |tolerance| tolerance * 2)),
            accepted: self.accepted.unwrap_or(preset),
            methods: self.methods.clone(),
            events: self.events,
            form_field: self.form_field.clone(),
            gzip: self.gzip,
            gone: self.gone,
            handshake,
            consent,
        })
    }
}

impl Rules {
    /// Returns `true` if a request whose body has arrived is an event as it is, unless it is a CloudEvent.
    pub(crate) fn takes_plain_bodies(&self) -> bool {
        self.signature.is_none()
            && matches!(self.ids, IdFrom::Scheme | IdFrom::Off)
            && self.handshake.is_none()
            && self.consent.is_none()
            && self.accepted == StatusCode::ACCEPTED
            && self.form_field.is_none()
            && matches!(self.events, CloudEvents::Either | CloudEvents::Off)
            && !self.gzip
    }

    /// Returns `true` if a request with this method may be an event or a handshake, or if the webhook is gone.
    pub(crate) fn allows(&self, method: &Method) -> bool {
        self.methods.contains(method)
            || self.gone
            || (method == Method::GET && self.handshake.as_ref().is_some_and(Handshake::takes_get))
            || (method == Method::OPTIONS && self.consent.is_some())
    }

    /// Returns the methods of [`allows`](Self::allows), as a list for `Allow`.
    pub(crate) fn allow(&self) -> String {
        let others = [Method::GET, Method::OPTIONS];
        let others = others.iter().filter(|method| self.allows(method));
        let all: Vec<&str> = self.methods.iter().chain(others).map(Method::as_str).collect();
        all.join(", ")
    }
}

impl IdFrom {
    fn of(settings: &Settings) -> Result<IdFrom, ConfigError> {
        if let Some(read) = settings.code::<ReadId>("dedupe")? {
            return Ok(IdFrom::Event(*read));
        }
        match settings.choice("dedupe")? {
            Some(("header", own)) => {
                let name = own.text("name")?;
                let invalid = |error| ConfigError::new(ConfigErrorKind::Invalid, "dedupe.name", name, error);
                HeaderName::try_from(name).map(IdFrom::Header).map_err(invalid)
            }
            Some(_) => Ok(IdFrom::Off),
            None => Ok(IdFrom::Scheme),
        }
    }
}

impl HandshakeRule {
    fn of(settings: &Settings, signature: Option<&SignatureRule>) -> Result<HandshakeRule, ConfigError> {
        let Some((sender, own)) = settings.choice("handshake")? else { return Ok(HandshakeRule::None) };
        let scheme = signature.map(SignatureRule::scheme);
        // Its answer is made with the secret that signs, so no other scheme will do.
        if sender == "zoom" && scheme != Some("zoom") {
            let reason = "the handshake of Zoom needs `verify = zoom(env = \"..\")`";
            return Err(conflict("handshake", sender, reason));
        }
        let handshake = match sender {
            "slack" => Handshake::slack(),
            "github" => Handshake::github(),
            "discord" => Handshake::discord(),
            "zoom" => Handshake::zoom(),
            "graph" => Handshake::graph(),
            "dropbox" => Handshake::dropbox(),
            "meta" => return Ok(HandshakeRule::Meta(SecretSource::of(own)?)),
            _ => {
                let rate = own.optional_number("rate")?.and_then(|rate| u32::try_from(rate).ok());
                let origins = own.texts("origins")?.into_iter().map(str::to_owned);
                let consent = Consent::new(origins, rate.and_then(NonZeroU32::new));
                return Ok(HandshakeRule::CloudEvents(consent));
            }
        };
        if handshake.needs_signature() && signature.is_none() {
            let reason = format!("its handshake is signed: it needs `verify = {sender}(..)`");
            return Err(conflict("handshake", sender, reason));
        }
        Ok(HandshakeRule::Sender(handshake))
    }

    fn made(&self, secrets: &Secrets) -> Result<(Option<Handshake>, Option<Consent>), Vec<String>> {
        Ok(match self {
            HandshakeRule::None => (None, None),
            HandshakeRule::Sender(handshake) => (Some(handshake.clone()), None),
            HandshakeRule::CloudEvents(consent) => (None, Some(consent.clone())),
            HandshakeRule::Meta(source) => {
                let tokens = source.read(secrets)?;
                let made = Handshake::meta(tokens.iter().map(|token| token.as_bytes()));
                (Some(made.map_err(|error| vec![format!("`handshake = meta(..)`: {error}")])?), None)
            }
        })
    }
}

fn clients(settings: &Settings, is_unsigned: bool) -> Result<AdmissionRules, ConfigError> {
    let networks = |key: &str| -> Result<Vec<_>, ConfigError> {
        let texts = settings.texts(key)?.into_iter();
        let invalid = |text: &str, fault| ConfigError::new(ConfigErrorKind::Invalid, key, text, fault);
        texts.map(|text| network(text).map_err(|fault| invalid(text, fault))).collect()
    };
    let rate = |key: &str| -> Result<Option<Rate>, ConfigError> {
        let Some(text) = settings.optional_text(key)? else { return Ok(None) };
        let invalid = |fault| ConfigError::new(ConfigErrorKind::Invalid, key, text, fault);
        parse_rate(text).map(Some).map_err(invalid)
    };
    Ok(AdmissionRules {
        trusted_proxies: networks("trusted_proxies")?,
        allow: if settings.is_given("allow") { Some(networks("allow")?) } else { None },
        is_unsigned,
        hosts: settings.texts("hosts")?.into_iter().map(str::to_owned).collect(),
        rate: rate("rate")?,
        rate_per_client: rate("rate_per_client")?,
    })
}

fn status(settings: &Settings) -> Result<Option<StatusCode>, ConfigError> {
    let number = settings.optional_number("accepted")?.and_then(|number| u16::try_from(number).ok());
    Ok(number.and_then(|number| StatusCode::from_u16(number).ok()))
}

fn methods(settings: &Settings) -> Result<Vec<Method>, ConfigError> {
    let mut methods: Vec<Method> =
        settings.texts("methods")?.into_iter().filter_map(|name| name.parse().ok()).collect();
    if methods.is_empty() {
        methods.push(Method::POST);
    }
    Ok(methods)
}

fn conflict(key: &str, value: impl std::fmt::Display, reason: impl std::fmt::Display) -> ConfigError {
    ConfigError::new(ConfigErrorKind::Conflict, key, value, reason)
}
