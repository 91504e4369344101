//! Structured and batched mode: each event is a JSON object with its attributes and its data (JSON event format 1.0.2).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{Attributes, MAX_COUNT, check_name};
use super::error::CloudEventError;
use super::parts::{CloudEventParts, Data};
use crate::event::media_type::MediaType;
use trigger_core::Bytes;

/// The maximum number of events in a batch.
const MAX_BATCH: usize = 1000;

/// The maximum number of members of an object: the attributes, each of which may be `null`, and the data.
const MAX_MEMBERS: usize = 2 * MAX_COUNT;

/// Reads the event of a request in structured mode.
pub(crate) fn read(body: &[u8]) -> Result<CloudEventParts, CloudEventError> {
    event(body)
}

/// Reads the events of a batch. If one of them is not valid, none is returned.
pub(crate) fn read_batch(body: &[u8]) -> Result<Vec<CloudEventParts>, CloudEventError> {
    let Batch(events) = parse(body, b'[', "the batch is no array in JSON")?;
    if events.len() > MAX_BATCH {
        let message = format!("the batch has over {MAX_BATCH} events").into();
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(CloudEventError { status, reason: "cloudevent_batch_too_large", message });
    }
    let read = |(index, raw): (usize, &RawValue)| {
        event(raw.get().as_bytes()).map_err(|error| error.of_batch(index + 1))
    };
    events.into_iter().enumerate().map(read).collect()
}

/// Parses JSON that begins with this byte. An error of serde_json about another type would repeat the whole value.
fn parse<'a, T: Deserialize<'a>>(
    json: &'a [u8],
    begin: u8,
    fault: &'static str,
) -> Result<T, CloudEventError> {
    if json.trim_ascii_start().first() != Some(&begin) {
        return Err(CloudEventError::invalid(fault));
    }
    serde_json::from_slice(json).map_err(|error| CloudEventError::invalid(format!("{fault}: {error}")))
}

/// Returns the event of a JSON object.
fn event(json: &[u8]) -> Result<CloudEventParts, CloudEventError> {
    let Members(members) = parse(json, b'{', "the event is no object in JSON")?;
    let (mut attributes, mut data) = (Attributes::default(), None);
    for (name, raw) in members {
        match &*name {
            "data" | "data_base64" if data.is_some() => {
                return Err(CloudEventError::invalid(
                    "the event has more than one of `data` and `data_base64`",
                ));
            }
            "data" => data = Some(Member::Data(raw.get())),
            "data_base64" => data = Some(Member::Base64(raw.get())),
            name => {
                check_name(name)?;
                let fault = |fault| CloudEventError::invalid(format!("the attribute `{name}` {fault}"));
                if let Some(value) = scalar(raw.get()).map_err(fault)? {
                    attributes.add(name, value)?;
                }
            }
        }
    }
    let attributes = attributes.complete()?;
    let data = data.map(|data| data.bytes(attributes.media_type())).transpose()?;
    Ok(CloudEventParts { attributes, data: Data::Own(data.unwrap_or_default()) })
}

/// Returns the value of an attribute. `null` stands for an attribute that is not set. The text is read by its type, because
/// serde_json passes a number as an object if the program enables its `arbitrary_precision`.
fn scalar(json: &str) -> Result<Option<Value>, &'static str> {
    let text = || serde_json::from_str(json).map(Value::String).map_err(|_| "is no valid string");
    Ok(Some(match json.as_bytes().first() {
        Some(b'"') => text()?,
        Some(b'{' | b'[') => return Err("is an object or an array"),
        _ => match json {
            "null" => return Ok(None),
            "true" => true.into(),
            "false" => false.into(),
            number => number.parse::<i32>().map_err(|_| "is no integer of 32 bits")?.into(),
        },
    }))
}

/// The member with the data, as JSON.
enum Member<'a> {
    Data(&'a str),
    Base64(&'a str),
}

impl Member<'_> {
    /// Returns the data as bytes: a JSON value as it was written, or the content of a string (section 3.1).
    fn bytes(&self, media_type: Option<MediaType<'_>>) -> Result<Bytes, CloudEventError> {
        let text = |json| serde_json::from_str::<String>(json);
        match self {
            // Without a media type the data is JSON.
            Member::Data(json) if media_type.is_none_or(|media_type| media_type.is_json()) => {
                Ok(Bytes::copy_from_slice(json.as_bytes()))
            }
            Member::Data(json) => text(json).map(Bytes::from).map_err(|_| {
                CloudEventError::invalid("`data` is no string, and `datacontenttype` is not JSON")
            }),
            Member::Base64(json) => {
                let decoded = text(json).ok().and_then(|text| BASE64.decode(text).ok());
                let invalid = || CloudEventError::invalid("`data_base64` is no string in base64");
                decoded.map(Bytes::from).ok_or_else(invalid)
            }
        }
    }
}

/// The members of a JSON object in order, each name once. serde_json's own map keeps the last of several members of one name,
/// and another reader may keep the first.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members: Vec<(String, &RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, _>()? {
            if members.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom("a member is there twice"));
            }
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom(format_args!("it has over {MAX_MEMBERS} members")));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// The events of a batch as JSON: at most one above [`MAX_BATCH`], so that a batch of many small values takes no memory.
struct Batch<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Batch<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Batch<'de>, D::Error> {
        deserializer.deserialize_seq(BatchVisitor)
    }
}

struct BatchVisitor;

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Batch<'de>, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = array.next_element()? {
            if events.len() <= MAX_BATCH {
                events.push(event);
            }
        }
        Ok(Batch(events))
    }
}
