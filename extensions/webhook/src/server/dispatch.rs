//! The way of a request after its head: to an answer that is known, to a webhook, or to another route.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Body as HttpBody;

use crate::respond::{self, Answer};
use crate::server::check::{Check, Head, HeaderSummary};
use crate::server::peer::Origin;
use crate::server::receive::{RequestReader, Seen};
use crate::server::table::Table;
use trigger_core::Bytes;

/// The way of a request.
pub(crate) enum Dispatch<B> {
    /// The response is known.
    Known(Answer),
    /// A webhook.
    Webhook(RequestReader<B>),
    /// An axum route.
    Other(Routed),
}

/// The answer of an axum route.
pub(crate) type Routed = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Decides by its head where a request goes. Without a table the server has stopped. `other` calls an axum route.
///
/// The refusals of the checks are counted with the server, and those of a webhook with the webhook.
#[inline(always)]
pub(crate) fn dispatch<B, T>(
    table: Option<T>,
    checks: &impl Check,
    origin: &impl Origin,
    request: Request<B>,
    other: impl FnOnce(T, Request<B>) -> Routed,
) -> Dispatch<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    T: Deref<Target = Arc<Table>>,
{
    let head = Head::of(&request, origin.remote());
    let summary = HeaderSummary::of(head.headers);
    let HeaderSummary { bytes: header_bytes, expects, is_cloudevent, .. } = summary;
    let checked = checks.head(&head, &summary).inspect_err(|refusal| {
        refusal.log(&head);
        origin.load().counts.add(refusal.reason);
    });
    match (table, checked) {
        (None, _) => Dispatch::Known(respond::stopping()),
        (_, Err(refusal)) => Dispatch::Known(refusal.answer()),
        (Some(table), Ok(())) => match table.endpoint(&request) {
            Some(endpoint) => match endpoint.admit(origin, &request, &summary) {
                Ok(client) => {
                    let seen = Seen { header_bytes, expects, is_cloudevent };
                    Dispatch::Webhook(RequestReader::new(endpoint, request, seen, client))
                }
                Err(refusal) => {
                    refusal.log(&Head::of(&request, origin.remote()));
                    endpoint.refused.add(refusal.reason);
                    Dispatch::Known(refusal.answer())
                }
            },
            None => Dispatch::Other(other(table, request)),
        },
    }
}
