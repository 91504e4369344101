//! CloudEvents 1.0.2 in requests (CloudEvents HTTP protocol binding 1.0.2): binary, structured and batched mode.
//!
//! The reader is strict and bounded. An event that two readers could understand differently is refused, and so are attributes
//! that would make an event much larger than its accounted body.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::event::media_type::MediaType;

mod attributes;
mod binary;
mod data;
mod error;
mod extract;
pub(crate) mod handshake;
mod parts;
mod structured;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use error::CloudEventError;
pub use extract::CloudEvent;
pub(crate) use parts::{CLOUDEVENT, CloudEventParts, attributes_of};

/// The media types of structured and batched mode begin with it.
const STRUCTURED: &str = "application/cloudevents";

/// What follows in batched mode.
const BATCH: &str = "-batch+json";

/// Reads the CloudEvents of a request: one in binary or structured mode, up to 1000 in a batch. Returns `None` if the request
/// has neither a `ce-` header nor a media type of CloudEvents.
///
/// # Errors
///
/// 400 for an event that is not valid, also for one of a batch. 415 for another format than JSON, for another charset
/// than UTF-8, and for a batch unless `batch_allowed`. 413 for a batch over 1000 events.
pub(crate) fn read(
    headers: &HeaderMap,
    body: &[u8],
    batch_allowed: bool,
) -> Result<Option<Vec<CloudEventParts>>, CloudEventError> {
    let mut content_types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = content_types.next();
    let is_ambiguous = content_types.next().is_some();
    let format = headers.get_all(CONTENT_TYPE).iter().find_map(format_of);
    let is_binary = || headers.keys().any(|name| name.as_str().starts_with(binary::PREFIX));
    if format.is_none() && !is_binary() {
        return Ok(None);
    }
    if is_ambiguous {
        return Err(CloudEventError::invalid("the request has more than one content type"));
    }
    let Some((format, media_type)) = format else {
        return binary::read(headers, content_type).map(|event| Some(vec![event]));
    };
    let is_batch = format.eq_ignore_ascii_case(BATCH);
    if !is_batch && !format.eq_ignore_ascii_case("+json") {
        let message = "the webhook reads CloudEvents as `application/cloudevents+json`";
        return Err(CloudEventError::unsupported("cloudevent_format", message));
    }
    if !media_type.is_utf_8() {
        return Err(CloudEventError::unsupported("cloudevent_charset", "a CloudEvent in JSON is UTF-8"));
    }
    match is_batch {
        false => structured::read(body).map(|event| Some(vec![event])),
        true if batch_allowed => structured::read_batch(body).map(Some),
        true => {
            let message = "the webhook takes no batches of CloudEvents";
            Err(CloudEventError::unsupported("cloudevent_batch", message))
        }
    }
}

/// Returns `true` if the request is in batched mode, also with one event.
pub(crate) fn is_batch(headers: &HeaderMap) -> bool {
    let format = headers.get(CONTENT_TYPE).and_then(format_of);
    format.is_some_and(|(format, _)| format.eq_ignore_ascii_case(BATCH))
}

/// Returns what follows `application/cloudevents` in the content type of structured or batched mode.
fn format_of(content_type: &HeaderValue) -> Option<(&str, MediaType<'_>)> {
    let media_type = MediaType::parse(content_type.to_str().ok()?)?;
    Some((media_type.strip_prefix(STRUCTURED)?, media_type))
}
