//! One CloudEvent, between its request and its event.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::attributes::{Attributes, text_of};
use trigger_core::{Attribute, Bytes, Draft, Frame};

/// The attribute of a frame with the attributes of its CloudEvent, as a JSON object. Its key in the metadata is the same.
pub(crate) const CLOUDEVENT: &str = "cloudevent";

/// One CloudEvent of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CloudEventParts {
    pub(crate) attributes: Attributes,
    pub(crate) data: Data,
}

/// The data of a CloudEvent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// The body of the request (binary mode). It is not copied.
    Body,
    /// Bytes of their own, so that a small event does not keep a large body alive. Empty if the event has no data.
    Own(Bytes),
}

impl CloudEventParts {
    /// Returns the source and the id, which together are unique to an event (CloudEvents 1.0.2 section 3.1).
    pub(crate) fn dedupe_key(&self) -> (&str, &str) {
        let text = |name| text_of(self.attributes.map(), name).unwrap_or_default();
        (text("source"), text("id"))
    }

    /// Returns the data as bytes. `body` is that of the request.
    pub(crate) fn data(&self, body: &Bytes) -> Bytes {
        match &self.data {
            Data::Body => body.clone(),
            Data::Own(data) => data.clone(),
        }
    }

    /// Adds the attributes and the media type of the data to the draft of the event.
    pub(crate) fn add_to(&self, draft: Draft) -> Draft {
        let attributes = self.attributes.map();
        let written = Attribute::Json(Value::from(attributes.clone()).to_string().into());
        let draft = draft.attribute(SmolStr::new_static(CLOUDEVENT), written);
        match text_of(attributes, "datacontenttype") {
            Some(media_type) => draft.content_type(media_type),
            None => draft,
        }
    }
}

/// Returns the attributes of the CloudEvent of an event, if it is one.
pub(crate) fn attributes_of(frame: &Frame) -> Option<Map<String, Value>> {
    match frame.any_attribute(CLOUDEVENT)? {
        Attribute::Json(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
