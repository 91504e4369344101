//! A program can construct the arguments of its handlers, and so test handlers and extractors without a runtime.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, json};
use triggers::{
    Attempt, Bytes, Context, DeadLetter, DeadLetterReason, EventBus, EventId, EventTrigger, FromTrigger,
    Headers, Json, MessageBroker, MessageTrigger, Query, Rejection, RejectionKind, Result, Shutdown, Source,
    State, Text, Topic, Trigger, TriggerEvent, TriggerKind, WebhookTrigger,
};

fn event(body: &'static str) -> TriggerEvent {
    TriggerEvent::new("test", body, Map::new())
}

#[test]
fn context_provides_every_argument_that_needs_no_runtime() -> Result<(), Rejection> {
    let event = event(r#"{"id": 7}"#);
    let cx = Context::new(&event);
    assert_eq!(Json::<HashMap<String, u8>>::from_trigger(&cx)?["id"], 7);
    assert_eq!(*Text::from_trigger(&cx)?, *r#"{"id": 7}"#);
    assert_eq!(Bytes::from_trigger(&cx)?, *event.raw());
    assert_eq!(EventId::from_trigger(&cx)?, event.id());
    assert_eq!(TriggerEvent::from_trigger(&cx)?.id(), event.id());
    assert_eq!(Attempt::from_trigger(&cx)?, Attempt::new(1, None));
    assert!(!Shutdown::from_trigger(&cx)?.is_cancelled());
    assert!(Option::<State<u8>>::from_trigger(&cx)?.is_none());
    assert!(Option::<EventBus>::from_trigger(&cx)?.is_none());
    assert!(Option::<MessageBroker>::from_trigger(&cx)?.is_none());
    Ok(())
}

#[tokio::test]
async fn context_provides_the_values_it_was_built_with() -> Result {
    let event = event("21");
    let (bus, broker) = (EventBus::new(), MessageBroker::new());
    let (events, messages) = (EventTrigger::new(&bus, "a"), MessageTrigger::new(&broker, "a"));
    events.start().await?;
    messages.start().await?;
    let (begin, shutdown) = Shutdown::manual();
    let cx = Context::new(&event)
        .state(1_u8)
        .state(2_u8)
        .state("text")
        .attempt(Attempt::new(3, Some("timed out")))
        .bus(bus)
        .broker(broker)
        .shutdown(shutdown);

    assert_eq!(State::<u8>::from_trigger(&cx)?.0, 2, "the last state of a type");
    assert_eq!(State::<&str>::from_trigger(&cx)?.0, "text");
    let attempt = Attempt::from_trigger(&cx)?;
    assert_eq!((attempt.number(), attempt.last_error()), (3, Some("timed out")));
    assert_eq!(EventBus::from_trigger(&cx)?.emit("a", 1).await?.queued(), Some(1));
    assert_eq!(MessageBroker::from_trigger(&cx)?.publish("a", 1).await?.queued(), Some(1));
    let extracted = Shutdown::from_trigger(&cx)?;
    assert!(!extracted.is_cancelled());
    begin();
    assert!(extracted.is_cancelled());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn test_can_begin_the_shutdown_that_a_handler_waits_for() {
    async fn work(shutdown: Shutdown) -> &'static str {
        tokio::select! {
            () = shutdown.cancelled() => "stopped",
            () = tokio::time::sleep(Duration::from_secs(10)) => "done",
        }
    }
    let (begin, shutdown) = Shutdown::manual();
    let (ended, ()) = tokio::join!(work(shutdown), async { begin() });
    assert_eq!(ended, "stopped");
    let (begin, shutdown) = Shutdown::manual();
    drop(begin);
    assert_eq!(work(shutdown).await, "done", "the shutdown never begins");
}

#[test]
fn constructed_webhook_event_has_the_metadata_of_a_request() -> Result<(), Rejection> {
    let headers = Headers::from_iter(vec![("X-A".to_owned(), "1"), ("x-a".to_owned(), "2")]);
    let event = WebhookTrigger::event("/in?b=3&token=secret", headers, "no JSON");
    let cx = Context::new(&event);
    assert_eq!(event.kind(), TriggerKind::Webhook);
    assert_eq!(*event.payload(), json!("no JSON"));
    assert_eq!(event.metadata()["path"], "/in");
    assert_eq!(event.metadata()["query"], json!({"b": "3"}));
    assert_eq!(event.metadata()["headers"], json!({"x-a": ["1", "2"]}));
    assert_eq!(Query::<HashMap<String, u8>>::from_trigger(&cx)?.0, HashMap::from([("b".to_owned(), 3)]));
    for absent in [Topic::from_trigger(&cx).err(), Source::from_trigger(&cx).err()] {
        assert_eq!(absent.map(|rejection| rejection.kind()), Some(RejectionKind::Absent));
    }
    let rejected = Json::<u8>::from_trigger(&cx).err();
    assert_eq!(rejected.map(|rejection| rejection.kind()), Some(RejectionKind::Invalid));
    Ok(())
}

#[test]
fn constructed_headers_follow_the_rules_of_a_request() {
    let long = "x".repeat(65_536);
    let headers = Headers::from_iter([
        ("X-B", "1"),
        ("Cookie", "secret"),
        ("X-Long", &*long),
        (&*long, "1"),
        ("x-longest", &long[1..]),
        ("x-a", "é"),
        ("X-B", ""),
    ]);
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["x-b", "x-longest", "x-a", "x-b"]);
    assert_eq!((headers.get("x-a"), headers.get("X-b")), (Some("é"), Some("1")));
    assert_eq!(headers.get("x-longest").map(str::len), Some(65_535));
    let expected = json!({"x-a": "é", "x-b": ["1", ""], "x-longest": &long[1..]});
    assert_eq!(serde_json::to_value(&headers).expect("an object"), expected);
    assert_eq!(Headers::from_iter([("", ""); 0]).iter().count(), 0);
}

#[test]
fn constructed_dead_letter_has_the_given_values() {
    let event = event("7");
    let (id, at) = (event.id(), event.timestamp());
    let letter = DeadLetter::new(event, "charge", DeadLetterReason::TimedOut, "too slow");
    assert_eq!((letter.number(), letter.event.id(), &*letter.process), (0, id, "charge"));
    assert_eq!((letter.reason, &*letter.error, letter.attempts), (DeadLetterReason::TimedOut, "too slow", 0));
    assert_eq!((letter.first_at, letter.last_at), (at, at));
    let later = at + Duration::from_secs(1);
    let letter = letter.attempts(3).between(at, later);
    assert_eq!((letter.attempts, letter.first_at, letter.last_at), (3, at, later));
}
