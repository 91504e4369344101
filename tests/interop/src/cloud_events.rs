//! Events that the CloudEvents SDK of PyPI sends, in both modes of the HTTP binding, received over a socket.

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
            let status = server.post("", &reply.headers, &body).await?;
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
    let cloudevent = event.metadata().get("cloudevent").and_then(Value::as_object);
    let pairs = cloudevent.ok_or_else(|| format!("a {mode} event is received as a plain request"))?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let received: Headers = pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let data = event.raw();
    if received != *attributes {
        return Err(format!("a {mode} event was sent with {attributes:?}, and received with {received:?}"));
    }
    // A JSON value may be written in other bytes.
    let json = |data: &[u8]| serde_json::from_slice::<Value>(data).ok();
    let is_same = match sample.content_type {
        "application/json" => json(data).is_some() && json(data) == json(&sample.data),
        _ => *data == sample.data,
    };
    if is_same { Ok(()) } else { Err(format!("a {mode} event of {} has other data", sample.content_type)) }
}
