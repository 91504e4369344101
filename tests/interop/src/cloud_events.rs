//! Events that the CloudEvents SDK of PyPI sends, in both modes of the HTTP binding, received over a socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use trigger_core::TriggerEvent;

use crate::library::{Headers, Language, Question, from_base64, to_base64};
use crate::server::Server;
use crate::table::Table;

/// The modes in which an event is sent.
const MODES: [&str; 2] = ["binary", "structured"];

/// The library in the table.
const LIBRARY: &str = "cloudevents (PyPI)";

/// The attributes that every event has.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("specversion", "1.0"),
    ("id", "7"),
    ("type", "com.example.order.created"),
    ("source", "/orders"),
    ("time", "2026-07-30T12:00:00Z"),
];

/// An event: its media type, its further attributes, and its data.
struct Sample {
    content_type: &'static str,
    attributes: &'static [(&'static str, &'static str)],
    data: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(500_000)).into_bytes();
    let unicode = r#"{"text":"Grüße, 東京 👋"}"#.as_bytes().to_vec();
    let extended = &[("subject", "größe"), ("comexampleextension", "a b%")];
    let sample = |content_type, attributes, data| Sample { content_type, attributes, data };
    vec![
        sample("application/json", &[], b"{}".to_vec()),
        sample("application/json", extended, unicode),
        sample("application/json", &[], large),
        sample("text/plain", &[], "Grüße".as_bytes().to_vec()),
        sample("image/png", &[], vec![0x89, b'P', b'N', b'G', 0, 0xff]),
    ]
}

/// Sends every event in both modes, and counts those that arrive as they were sent.
pub(crate) async fn exchange(python: &mut Language, table: &mut Table) -> Result<(), String> {
    let server = Server::start().await?;
    for mode in MODES {
        table.declare(LIBRARY, &direction(mode));
        for sample in samples() {
            let content_type = [("datacontenttype", sample.content_type)];
            let attributes = ATTRIBUTES.iter().chain(sample.attributes).chain(&content_type);
            let attributes = attributes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let attributes: Headers = attributes.collect();
            let body = to_base64(&sample.data);
            let reply = python.ask(&Question::Event { mode, attributes: &attributes, body })?;
            let body = from_base64(&reply.body)?;
            let status = server.post(&reply.headers, &body).await?;
            if status != 202 {
                return Err(format!("a {mode} event of cloudevents is answered {status}"));
            }
            check(mode, &attributes, &sample, &server.event().await?)?;
            table.count(LIBRARY, &direction(mode));
        }
    }
    Ok(())
}

fn direction(mode: &str) -> String {
    format!("{mode} events, received by us")
}

/// Checks that an event has the attributes and the data that were sent.
fn check(mode: &str, attributes: &Headers, sample: &Sample, event: &TriggerEvent) -> Result<(), String> {
    let (received, data) = match mode {
        "binary" => from_binary(event)?,
        _ => from_structured(event)?,
    };
    if received != *attributes {
        return Err(format!("a {mode} event was sent with {attributes:?}, and received with {received:?}"));
    }
    // A JSON value may be written in other bytes.
    let json = |data: &[u8]| serde_json::from_slice::<Value>(data).ok();
    let is_same = match sample.content_type {
        "application/json" => json(&data).is_some() && json(&data) == json(&sample.data),
        _ => data == sample.data,
    };
    if is_same { Ok(()) } else { Err(format!("a {mode} event of {} has other data", sample.content_type)) }
}

/// Returns the attributes and the data of a request in binary mode.
fn from_binary(event: &TriggerEvent) -> Result<(Headers, Vec<u8>), String> {
    let headers = event.metadata()["headers"].as_object().ok_or("the event has no headers")?;
    let mut attributes = Headers::new();
    for (name, value) in headers {
        let name = if name == "content-type" { Some("datacontenttype") } else { name.strip_prefix("ce-") };
        if let (Some(name), Some(value)) = (name, value.as_str()) {
            attributes.insert(name.to_owned(), percent_decoded(value)?);
        }
    }
    Ok((attributes, event.raw().to_vec()))
}

/// Returns the attributes and the data of a request in structured mode.
fn from_structured(event: &TriggerEvent) -> Result<(Headers, Vec<u8>), String> {
    let content_type = event.metadata()["headers"]["content-type"].as_str().unwrap_or_default();
    if content_type.split(';').next() != Some("application/cloudevents+json") {
        return Err(format!("a structured event has the content type {content_type:?}"));
    }
    let mut attributes = Headers::new();
    let mut data = Vec::new();
    for (name, value) in event.payload().as_object().ok_or("the event is no JSON object")? {
        match (name.as_str(), value.as_str()) {
            ("data_base64", Some(text)) => data = STANDARD.decode(text).map_err(|error| error.to_string())?,
            ("data", Some(text)) => data = text.as_bytes().to_vec(),
            ("data", None) => data = value.to_string().into_bytes(),
            (name, Some(text)) => drop(attributes.insert(name.to_owned(), text.to_owned())),
            (name, None) => return Err(format!("the attribute {name} is no text")),
        }
    }
    Ok((attributes, data))
}

/// Decodes the value of a header (CloudEvents HTTP binding section 3.1.3.2).
fn percent_decoded(value: &str) -> Result<String, String> {
    let mut decoded = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(decoded).map_err(|error| error.to_string())
}
