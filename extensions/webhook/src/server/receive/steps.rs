//! The steps between a body that has arrived and its answer, for a webhook with rules about its requests: handshake,
//! signature, unpacking, event.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use hyper::body::Body;
use trigger_core::{Bytes, Draft, EventId, TriggerEvent};

use super::RequestReader;
use super::once::Delivery;
use crate::event::cloudevents::{self, CloudEventError, CloudEventParts};
use crate::event::draft::SCHEME;
use crate::event::form_field::form_field;
use crate::event::gzip::gunzip;
use crate::handshake::{self, Handshake};
use crate::respond::{self, Answer};
use crate::rules::{CloudEvents, IdFrom, Rules};
use crate::server::check::is_gzip;
use crate::server::peer::Origin;
use crate::source::WEBHOOK;
use crate::verify::{SignedRequest, Verified, VerifyError};

/// Why a request is not an event.
enum Ended {
    /// It is answered already, such as a handshake.
    Answered(Box<Answer>),
    Refused {
        status: StatusCode,
        reason: &'static str,
        message: Cow<'static, str>,
    },
}

fn refused(status: StatusCode, reason: &'static str, message: impl Into<Cow<'static, str>>) -> Ended {
    Ended::Refused { status, reason, message: message.into() }
}

impl<B: Body<Data = Bytes> + Unpin> RequestReader<B> {
    /// Returns the answer to a request whose body has arrived.
    pub(crate) async fn answer_by_rules<P: Origin>(&mut self, peer: &P) -> Answer {
        let endpoint = Arc::clone(&self.endpoint);
        if let Some(answer) = self.answer_without_signature(&endpoint.rules) {
            return answer;
        }
        let verified = match self.verified(&endpoint.rules) {
            Ok(verified) => verified,
            Err(error) => return self.unverified(&error, peer),
        };
        match self.delivery(&endpoint.rules, verified.as_ref(), peer) {
            Ok(delivery) => self.deliver(&endpoint.rules, delivery, peer).await,
            Err(Ended::Answered(answer)) => *answer,
            Err(Ended::Refused { status, reason, message }) => {
                endpoint.refused.add(reason);
                respond::error(status, &message)
            }
        }
    }

    /// Answers a handshake that has neither a body nor a signature.
    fn answer_without_signature(&self, rules: &Rules) -> Option<Answer> {
        if self.method == Method::OPTIONS {
            let consent = rules.consent.as_ref()?.answer(&self.headers);
            return Some(respond::empty(consent.status, consent.headers));
        }
        let handshake = rules.handshake.as_ref().filter(|_| self.method == Method::GET)?;
        self.shake(rules, handshake, false)
    }

    /// Returns the answer to a handshake, or `None` for a delivery.
    fn shake(&self, rules: &Rules, handshake: &Handshake, verified: bool) -> Option<Answer> {
        let secrets = rules.signature.as_ref().map(|signature| signature.secrets());
        let secrets = secrets.as_deref().unwrap_or_default();
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_bytes()).collect();
        let request = handshake::Request {
            method: &self.method,
            query: self.query(),
            headers: &self.headers,
            body: self.received(),
            verified,
            secrets: &secrets,
        };
        let reply = handshake.answer(&request)?;
        if let Some(reason) = reply.refused {
            self.endpoint.refused.add(reason);
        }
        Some(reply.answer)
    }

    /// Verifies the bytes of the body as they came. Returns `None` if the webhook has no signature check.
    fn verified(&self, rules: &Rules) -> Result<Option<Verified>, VerifyError> {
        let Some(signature) = &rules.signature else { return Ok(None) };
        let captures = self.endpoint.captures(self.path());
        let captures: Vec<(&str, &str)> = captures.iter().map(|(name, value)| (*name, &**value)).collect();
        let mut request = SignedRequest::new(&self.headers, self.received(), self.endpoint.sink.now());
        request.method = self.method.as_str();
        request.path = self.path();
        request.query = self.query();
        request.captures = &captures;
        signature.verify(&request).map(Some)
    }

    /// Returns the answer to a request without a valid signature. The reason is in the log and the status alone, because it
    /// would help an attacker.
    #[cold]
    fn unverified<P: Origin>(&self, error: &VerifyError, peer: &P) -> Answer {
        let (trigger, remote) = (self.endpoint.sink.trigger_id(), self.remote(peer));
        let count = self.endpoint.refused.add(error.reason());
        // A stranger can make as many of them as they like.
        if count == 1 || count.is_multiple_of(100) {
            tracing::warn!(trigger, remote, reason = error.reason(), count, %error, "signature refused");
        }
        respond::error(StatusCode::UNAUTHORIZED, "missing or invalid signature")
    }

    /// Returns the events of a request, with the ids by which they are recognized.
    fn delivery<P: Origin>(
        &mut self,
        rules: &Rules,
        verified: Option<&Verified>,
        peer: &P,
    ) -> Result<Delivery, Ended> {
        if rules.consent.as_ref().is_some_and(|consent| !consent.allows_delivery(&self.headers)) {
            let message = "this origin may not deliver here";
            return Err(refused(StatusCode::FORBIDDEN, "origin_not_allowed", message));
        }
        if rules.gzip && is_gzip(&self.headers) {
            let body = gunzip(self.received(), self.endpoint.body_limit)
                .map_err(|error| refused(error.status(), error.reason(), error.message()))?;
            self.replace_body(&body);
        }
        if let Some(handshake) = &rules.handshake
            && let Some(answer) = self.shake(rules, handshake, verified.is_some())
        {
            return Err(Ended::Answered(Box::new(answer)));
        }
        if let Some(field) = &rules.form_field {
            let media_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let body = form_field(media_type, self.received(), field)
                .map_err(|error| refused(error.status(), error.reason(), error.message(field)))?;
            self.replace_body(&body);
        }
        let parts = self
            .cloudevents(rules.events)
            .map_err(|error| refused(error.status, error.reason, error.message))?;
        let copy = verified.and_then(Verified::replay_id).map(str::to_owned);
        let id = match &rules.ids {
            IdFrom::Scheme if parts.is_none() => {
                verified.and_then(Verified::delivery_id).map(|id| id.as_bytes().into())
            }
            IdFrom::Header(name) => self.headers.get(name).map(|value| value.as_bytes().into()),
            _ => None,
        };
        let is_batch = parts.is_some() && cloudevents::is_batch(&self.headers);
        let mut delivery = Delivery::new(copy, id, is_batch);
        let request = self.event_parts(peer);
        let draft = |body| {
            let draft = request.clone().draft(body);
            match verified {
                Some(verified) => draft.attribute(SCHEME, verified.scheme()),
                None => draft,
            }
        };
        match parts {
            None => delivery.push(self.stamped(draft(request.body.clone())), rules, None),
            Some(parts) => {
                for part in &parts {
                    let event = part.add_to(draft(part.data(&request.body)));
                    delivery.push(self.stamped(event), rules, Some(part));
                }
            }
        }
        Ok(delivery)
    }

    /// Returns the CloudEvents of the request, or `None` if it is a plain one.
    fn cloudevents(&self, mode: CloudEvents) -> Result<Option<Vec<CloudEventParts>>, CloudEventError> {
        let read = |batch| cloudevents::read(&self.headers, self.received(), batch);
        match mode {
            CloudEvents::Off => Ok(None),
            CloudEvents::Either if !self.is_cloudevent => Ok(None),
            CloudEvents::Either => read(false),
            CloudEvents::Only => read(false)?.map(Some).ok_or_else(CloudEventError::missing),
            CloudEvents::Batch => read(true)?.map(Some).ok_or_else(CloudEventError::missing),
        }
    }

    fn stamped(&self, draft: Draft) -> (EventId, Draft) {
        let (id, time) = self.endpoint.sink.stamp();
        (id, draft.stamped(id, time))
    }
}

impl Delivery {
    /// Adds an event, with the id that its body has.
    fn push(&mut self, (id, draft): (EventId, Draft), rules: &Rules, part: Option<&CloudEventParts>) {
        let key = match (&rules.ids, part) {
            (IdFrom::Event(read), _) => {
                let event = TriggerEvent::from_draft(&WEBHOOK, String::new(), draft.clone());
                read(&event)
            }
            // The source and the id are unique together (CloudEvents 1.0.2 section 3.1). Neither has a line break.
            (IdFrom::Scheme, Some(part)) => {
                let (source, id) = part.dedupe_key();
                Some(format!("{source}\n{id}"))
            }
            _ => None,
        };
        self.add(id, draft, key);
    }
}
