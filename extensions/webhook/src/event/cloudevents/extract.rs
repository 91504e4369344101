//! [`CloudEvent`]: the attributes and the data of a CloudEvent as an argument.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::data::decode;
use super::parts::attributes_of;
use super::time::time;
use trigger_core::{Context, FromTrigger, Rejection, TriggerKind};

/// A CloudEvent that a webhook received, with its data decoded into a type.
///
/// It is the same in binary, structured and batched mode. Data whose `datacontenttype` is JSON, or that has none, is decoded
/// from JSON. Other data is a text, such as a `String`, or bytes, such as [`Bytes`](trigger_core::Bytes). Data that is
/// absent is rejected, unless `T` is an `Option` or `()`. An `Option<CloudEvent<T>>` is `None` if the request is no
/// CloudEvent.
///
/// `Json<T>`, `Text` and `Bytes` read the data alone. The attributes are also in
/// [`metadata`](trigger_core::TriggerEvent::metadata), as `metadata()["cloudevent"]["type"]`.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection};
/// # use trigger_webhook::{CloudEvent, Headers, WebhookTrigger};
/// #[derive(serde::Deserialize)]
/// struct Order { id: u64 }
///
/// async fn ship(event: CloudEvent<Order>) {
///     println!("{} from {}: order {}", event.event_type, event.source, event.data.id);
/// }
/// # let _ = ship;
///
/// let headers = Headers::from_iter([
///     ("ce-specversion", "1.0"),
///     ("ce-id", "A1"),
///     ("ce-source", "/shop"),
///     ("ce-type", "com.example.order"),
///     ("content-type", "application/json"),
/// ]);
/// let event = WebhookTrigger::cloudevent("/orders", headers, r#"{"id": 7}"#)?;
/// assert_eq!(event.metadata()["cloudevent"]["type"], "com.example.order");
/// let event = CloudEvent::<Order>::from_trigger(&Context::new(&event))?;
/// assert_eq!((&*event.source, event.data.id), ("/shop", 7));
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent<T> {
    /// The id, which is unique for the source. An event that is sent again has the same id.
    pub id: String,
    /// Where the event happened, as a URI reference.
    pub source: String,
    /// The attribute `type`: what happened, such as `com.github.pull_request.opened`.
    pub event_type: String,
    /// What the event is about, in the context of the source.
    pub subject: Option<String>,
    /// When the event happened.
    pub time: Option<SystemTime>,
    /// The URI of the schema of the data.
    pub dataschema: Option<String>,
    /// The media type of the data. In binary mode it is the content type of the request.
    pub datacontenttype: Option<String>,
    /// Every other attribute except `specversion`, which is `1.0`. In binary mode each value is a string. Otherwise it may
    /// also be an integer of 32 bits or a boolean.
    pub extensions: Map<String, Value>,
    /// The data.
    pub data: T,
}

impl<T: DeserializeOwned> FromTrigger for CloudEvent<T> {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Webhook]);

    fn from_trigger(cx: &Context<'_>) -> Result<CloudEvent<T>, Rejection> {
        let frame = cx.event().frame();
        if frame.kind() != TriggerKind::Webhook {
            return Err(Rejection::absent("only a webhook request can be a CloudEvent"));
        }
        let attributes = attributes_of(frame);
        let mut attributes = attributes.ok_or_else(|| Rejection::absent("the request is no CloudEvent"))?;
        attributes.remove("specversion");
        let mut text = |name: &str| match attributes.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let datacontenttype = text("datacontenttype");
        let data = decode(frame.raw(), datacontenttype.as_deref()).map_err(Rejection::invalid)?;
        // The reader of requests refuses an event without them, but an event may also come from a file.
        let needed = |name: &str, value: Option<String>| {
            value.ok_or_else(|| Rejection::invalid(format!("the CloudEvent has no `{name}`")))
        };
        Ok(CloudEvent {
            id: needed("id", text("id"))?,
            source: needed("source", text("source"))?,
            event_type: needed("type", text("type"))?,
            subject: text("subject"),
            time: text("time").as_deref().and_then(time),
            dataschema: text("dataschema"),
            datacontenttype,
            extensions: attributes,
            data,
        })
    }
}
