//! A webhook request as an event: its attributes and its JSON form.

use http::Method;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::event::cloudevents::{CLOUDEVENT, attributes_of};
use crate::event::headers::{HEADERS, Headers};
use crate::event::pairs::{grouped, pairs_of};
use crate::event::query::{QUERY, query_pairs};
use trigger_core::{Attribute, Bytes, Draft, Frame};

/// The attribute with the method of a request, unless it is `POST`.
pub(crate) const METHOD: &str = "method";

/// The attribute with the scheme of a verified signature.
pub(crate) const SCHEME: &str = "signature_scheme";

/// The key of the metadata that is `true` if the signature of the request was verified.
const VERIFIED: &str = "signature_verified";

/// The attribute with the IP address of the client.
pub(crate) const REMOTE: &str = "remote";

/// Returns the metadata of a request.
pub(crate) fn metadata(frame: &Frame) -> Map<String, Value> {
    let headers = Headers::of(frame).unwrap_or_default();
    let fields = [
        (METHOD, frame.attribute(METHOD).unwrap_or(Method::POST.as_str()).into()),
        ("path", frame.name().into()),
        (QUERY, grouped(query_pairs(frame.attribute(QUERY).unwrap_or_default()))),
        (HEADERS, headers.grouped()),
        (REMOTE, frame.attribute(REMOTE).into()),
    ];
    let cloudevent = attributes_of(frame).map(|attributes| (CLOUDEVENT, attributes.into()));
    let signature = frame.attribute(SCHEME).map(|scheme| [(VERIFIED, true.into()), (SCHEME, scheme.into())]);
    fields
        .into_iter()
        .chain(cloudevent)
        .chain(signature.into_iter().flatten())
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Reads the path and the attributes of a request from its metadata.
pub(crate) fn read(metadata: &Map<String, Value>) -> Result<(String, Vec<(String, Attribute)>), String> {
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    let mut attributes = Vec::new();
    let query = pairs_of(metadata.get(QUERY));
    if !query.is_empty() {
        let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        attributes.push((QUERY.to_owned(), written.into()));
    }
    let headers: Headers = pairs_of(metadata.get(HEADERS)).into_iter().collect();
    attributes.push((HEADERS.to_owned(), headers.into_attribute()));
    for key in [REMOTE, SCHEME] {
        attributes.extend(text(key).map(|value| (key.to_owned(), value.into())));
    }
    let method = text(METHOD).filter(|method| *method != Method::POST.as_str());
    attributes.extend(method.map(|method| (METHOD.to_owned(), method.into())));
    if let Some(cloudevent) = metadata.get(CLOUDEVENT) {
        attributes.push((CLOUDEVENT.to_owned(), cloudevent.clone().into()));
        let media_type = cloudevent.get("datacontenttype").and_then(Value::as_str);
        attributes.extend(media_type.map(|media_type| ("content_type".to_owned(), media_type.into())));
    }
    Ok((text("path").unwrap_or_default().to_owned(), attributes))
}

/// Returns the event of a request, whose `query` has no secrets.
#[inline(always)]
pub(crate) fn draft(
    path: impl Into<SmolStr>,
    headers: Headers,
    remote: impl Into<SmolStr>,
    query: String,
    body: Bytes,
) -> Draft {
    let draft = Draft::new(path, body)
        .attribute(SmolStr::new_static(HEADERS), headers.into_attribute())
        .attribute(SmolStr::new_static(REMOTE), Attribute::Text(remote.into()));
    if query.is_empty() { draft } else { draft.attribute(SmolStr::new_static(QUERY), query) }
}
