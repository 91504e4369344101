//! Arguments for which the event has no data: `None` in an `Option`, and a dead letter otherwise.

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use triggers::{
    Bytes, Context, DeadLetterReason, EventBus, FromTrigger, Handler, Headers, Json, Query, Rejection,
    RejectionKind, Result, Runtime, Text, TriggerEvent, WebhookTrigger,
};

use crate::common::{hook, on};
use crate::http::{self, post_request};

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    id: u8,
}

type Seen = Arc<Mutex<Vec<Option<u8>>>>;

/// Returns a handler that adds the id of each order to the list.
fn optional(seen: &Seen) -> impl Handler<(Option<Json<Order>>,)> + use<> {
    let seen = Arc::clone(seen);
    move |order: Option<Json<Order>>| {
        seen.lock().expect("the list").push(order.map(|Json(order)| order.id));
        async {}
    }
}

/// Makes an argument from a request with this body.
fn from_body<X: FromTrigger>(body: &str) -> Result<X, Rejection> {
    let event = WebhookTrigger::event("/in", Headers::default(), body.to_owned());
    X::from_trigger(&Context::new(&event))
}

#[tokio::test(start_paused = true)]
async fn optional_json_is_absent_in_a_request_without_a_body() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder().process("in", hook("/in"), optional(&seen)).start().await?;
    let address = runtime.local_addr("webhook-0/in").expect("an address");
    let head = "POST /in HTTP/1.1\r\nHost: localhost\r\n";
    for request in [
        format!("{head}\r\n").into_bytes(),
        format!("{head}Content-Length: 0\r\n\r\n").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        post_request("/in", "  \t\r\n"),
        post_request("/in", " null\n"),
        post_request("/in", r#"{"id": 7}"#),
    ] {
        assert_eq!(http::request(address, &request).await.status, 202);
    }
    let malformed = ["{", "nul", "\"\"", "[]", r#"{"id": null}"#];
    for body in malformed {
        http::post(address, "/in", body).await;
    }
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [None, None, None, None, None, Some(7)]);
    let dead_letters = runtime.dead_letters().list().await;
    assert_eq!(dead_letters.len(), malformed.len());
    assert!(dead_letters.iter().all(|dead| dead.reason == DeadLetterReason::Decode), "{dead_letters:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn optional_json_is_absent_in_an_event_without_data() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder().process("in", on("in"), optional(&seen)).start().await?;
    let bus: EventBus = runtime.bus();
    bus.emit("in", ()).await?;
    bus.emit("in", None::<u8>).await?;
    bus.emit("in", Value::Null).await?;
    bus.emit_raw("in", Bytes::new()).await?;
    bus.emit("in", json!({"id": 7})).await?;
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [None, None, None, None, Some(7)]);
    assert_eq!(runtime.dead_letters().list().await.len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn json_of_a_body_without_a_value_is_dead_lettered() -> Result {
    let handler = |_: Json<Order>| async {};
    let runtime = Runtime::builder().process("in", on("in"), handler).start().await?;
    runtime.bus().emit_raw("in", Bytes::new()).await?;
    runtime.bus().emit("in", ()).await?;
    runtime.shutdown().await;
    let dead_letters = runtime.dead_letters().list().await;
    let errors: Vec<_> = dead_letters.iter().map(|dead| (dead.reason, &*dead.error)).collect();
    assert_eq!(errors.len(), 2);
    for (text, (reason, error)) in ["the body is empty", "the body is `null`"].into_iter().zip(errors) {
        assert_eq!(reason, DeadLetterReason::Decode);
        assert!(error.contains(text), "{error}");
    }
    Ok(())
}

#[test]
fn null_is_a_value_for_a_type_that_decodes_from_it() -> Result<(), Rejection> {
    assert_eq!(from_body::<Option<Json<Value>>>("null")?, Some(Json(Value::Null)));
    assert_eq!(from_body::<Option<Json<()>>>("null")?, Some(Json(())));
    assert_eq!(from_body::<Option<Json<Option<Order>>>>("null")?, Some(Json(None)));
    assert_eq!(from_body::<Option<Json<Option<Order>>>>("")?, None);
    Ok(())
}

#[test]
fn empty_body_is_an_empty_text_and_empty_bytes() -> Result<(), Rejection> {
    assert_eq!(from_body::<Option<Text>>("")?, Some(Text(String::new())));
    assert_eq!(from_body::<Option<Bytes>>("")?, Some(Bytes::new()));
    assert_eq!(from_body::<Option<Text>>(" ")?, Some(Text(" ".to_owned())));
    assert_eq!(from_body::<Option<TriggerEvent>>("")?.map(|event| event.raw().len()), Some(0));
    Ok(())
}

#[test]
fn rejection_of_a_body_without_a_value_is_absent() -> Result<(), Rejection> {
    let kind = |body| from_body::<Json<Order>>(body).err().map(|rejection| rejection.kind());
    for body in ["", " ", "\n", "null", " null "] {
        assert_eq!(kind(body), Some(RejectionKind::Absent), "{body:?}");
        assert!(from_body::<Result<Json<Order>, Rejection>>(body)?.is_err_and(|error| error.is_absent()));
    }
    for body in ["{", "nullnull", "0", "\"null\""] {
        assert_eq!(kind(body), Some(RejectionKind::Invalid), "{body:?}");
    }
    Ok(())
}

#[test]
fn optional_query_is_absent_in_a_request_without_a_query() -> Result<(), Rejection> {
    fn query(target: &str) -> Result<Option<Query<Order>>, Rejection> {
        let event = WebhookTrigger::event(target, Headers::default(), "");
        FromTrigger::from_trigger(&Context::new(&event))
    }
    for target in ["/in", "/in?", "/in?token=secret"] {
        assert_eq!(query(target)?, None, "{target}");
    }
    assert_eq!(query("/in?id=7")?, Some(Query(Order { id: 7 })));
    for target in ["/in?id", "/in?other=7", "/in?id=7&id=7"] {
        assert!(query(target).is_err_and(|rejection| !rejection.is_absent()), "{target}");
    }
    Ok(())
}
