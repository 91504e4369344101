//! The attributes of an event: a few values by key, besides its name and its body.

use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::Value;
use smol_str::SmolStr;

/// The attribute that holds the media type of the body.
pub(crate) const CONTENT_TYPE: &str = "content_type";

/// The attribute that holds the reason of a dead letter, in the frame that a dead-letter trigger delivers.
pub(crate) const ABOUT_DEAD_LETTER: &str = "dead_letter";

/// The attribute that holds the path pattern that the name of the event has matched.
pub(crate) const ROUTE: &str = "route";

/// One attribute of a [`Frame`](crate::Frame).
///
/// ```
/// # use trigger_core::{Attribute, Draft};
/// let draft = Draft::new("photo.jpg", vec![0xff]).attribute("camera", "north").attribute("size", Attribute::Json("13".into()));
/// # drop(draft);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// A text.
    Text(SmolStr),
    /// Bytes that are not text, or a form that the kind defines.
    Bytes(Bytes),
    /// The text of a JSON value that is not a string.
    Json(SmolStr),
}

impl Attribute {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Attribute::Text(text) => Value::String(text.to_string()),
            Attribute::Bytes(bytes) => Value::String(BASE64.encode(bytes)),
            Attribute::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Attribute {
        Attribute::Text(text.into())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Attribute {
        Attribute::Text(text.into())
    }
}

impl From<Bytes> for Attribute {
    fn from(bytes: Bytes) -> Attribute {
        Attribute::Bytes(bytes)
    }
}

/// A string becomes a text, so that an attribute from JSON equals the attribute of the source.
impl From<Value> for Attribute {
    fn from(value: Value) -> Attribute {
        match value {
            Value::String(text) => Attribute::Text(text.into()),
            other => Attribute::Json(other.to_string().into()),
        }
    }
}

/// The attributes of a frame. Each key is unique, and the order has no meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    /// The first ones are inline, so that a webhook request needs no second allocation for them. An empty place comes
    /// after all others.
    first: [Option<(SmolStr, Attribute)>; 3],
    more: Vec<(SmolStr, Attribute)>,
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Attributes) -> bool {
        self.iter().count() == other.iter().count()
            && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Attributes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        let all = self.first.iter().flatten().chain(&self.more);
        all.map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Attribute> {
        self.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Sets an attribute. A value of the same key is replaced.
    // So that a source which sets attributes one after the other knows which places are empty.
    #[inline(always)]
    pub(crate) fn set(&mut self, key: SmolStr, value: Attribute) {
        for place in &mut self.first {
            match place {
                Some((other, _)) if *other != key => {}
                // The places are taken in their order, so no later one has the key.
                place => return *place = Some((key, value)),
            }
        }
        match self.more.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => self.more.push((key, value)),
        }
    }

    pub(crate) fn set_text(&mut self, key: &'static str, text: &str) {
        self.set(SmolStr::new_static(key), text.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Removes an attribute.
    pub(crate) fn remove(&mut self, key: &str) {
        let all = mem::take(self);
        let first = all.first.into_iter().flatten();
        first.chain(all.more).filter(|(other, _)| other != key).for_each(|(key, value)| self.set(key, value));
    }
}
