//! What receives signed requests. Each transport is a function of the form [`Receive`].

use std::time::SystemTime;

use trigger_webhook::{HeaderMap, SignedRequest};

use crate::library::Headers;
use crate::schemes::{Message, Scheme};
use crate::server::Server;

/// Whether a receiver accepts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// The signature is not the one of this body and this secret.
    Refused,
}

/// Receives a request, with the secret of its scheme. An error is a refusal for another reason than the signature.
pub(crate) type Receive<'a> = &'a mut dyn FnMut(Scheme, &Headers, &Message) -> Result<Verdict, String>;

/// Verifies a request by a value, without a server.
pub(crate) fn by_value(scheme: Scheme, headers: &Headers, message: &Message) -> Result<Verdict, String> {
    let verify = scheme.verify().map_err(|error| error.to_string())?;
    let headers = HeaderMap::try_from(headers).map_err(|error| error.to_string())?;
    let mut request = SignedRequest::new(&headers, &message.body, now());
    request.query = message.url.split_once('?').map(|(_, query)| query);
    match verify.check_request(&request) {
        Ok(_) => Ok(Verdict::Accepted),
        Err(error) if ["signature_mismatch", "body_hash_mismatch"].contains(&error.reason()) => {
            Ok(Verdict::Refused)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Posts a request over a socket to a webhook with `verify`.
pub(crate) async fn by_socket(
    scheme: Scheme,
    headers: &Headers,
    message: &Message,
) -> Result<Verdict, String> {
    let server = Server::verifying(scheme.verify().map_err(|error| error.to_string())?).await?;
    let query = message.url.find('?').map_or("", |at| &message.url[at..]);
    let status = server.post(query, headers, &message.body).await;
    server.stop().await;
    match status? {
        202 => Ok(Verdict::Accepted),
        401 => Ok(Verdict::Refused),
        other => Err(format!("the webhook answers {other}")),
    }
}

/// Returns the time, which the libraries of other languages read too.
#[expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
