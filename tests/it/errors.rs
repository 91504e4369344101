//! Errors: a permanent error stays permanent inside other types, `?` converts `Error`, and no text is shown twice.

use std::error::Error as StdError;
use std::future::Future;
use std::io;

use anyhow::Context;
use serde_json::json;
use triggers::{
    Builder, ConfigErrorKind, DeadLetterReason, Error, EventBus, EventId, EventTrigger, Headers, Overflow,
    Problem, ProblemKind, ProcessConfig, Rejection, RejectionKind, Result, Runtime, StartError, State, Topic,
    Trigger, TriggerConfig, TriggerError, TriggerEvent, WebhookTrigger,
};

use crate::common::{config, on, status};

/// Runs a process with three retries on one event. Returns the reason, the error and the attempts of its dead letter.
async fn dead_letter_of<
    E: Into<Error> + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
>(
    handler: fn() -> Fut,
) -> Result<(DeadLetterReason, String, u32)> {
    let fails = move |_: TriggerEvent| handler();
    let runtime = Runtime::builder().process("p", on("e").retry(3), fails).start().await?;
    runtime.bus().emit("e", 1).await?;
    runtime.shutdown().await;
    assert_eq!(status(&runtime).dead_lettered, 1);
    let letter = runtime.dead_letters().list().await.remove(0);
    Ok((letter.reason, letter.error, letter.attempts))
}

async fn no_order() -> anyhow::Result<()> {
    Err(Error::permanent("no order"))?
}

async fn with_context() -> anyhow::Result<()> {
    no_order().await.context("cannot ship")
}

async fn with_two_contexts() -> anyhow::Result<()> {
    with_context().await.with_context(|| format!("order {}", 7))
}

#[derive(Debug, thiserror::Error)]
enum Ship {
    #[error(transparent)]
    Other(#[from] anyhow::Error),
    #[error("the ship has sunk")]
    Sunk(#[source] Box<dyn StdError + Send + Sync>),
}

async fn transparent() -> Result<(), Ship> {
    Ok(no_order().await?)
}

async fn as_a_source() -> Result<(), Ship> {
    Err(Ship::Sunk(Error::permanent("no order").into_boxed()))
}

async fn in_a_box_of_anyhow() -> anyhow::Result<()> {
    Err(anyhow::Error::from_boxed(Error::permanent("no order").into_boxed()))
}

async fn in_an_io_error() -> io::Result<()> {
    Err(io::Error::other(Error::permanent("no order").into_boxed()))
}

async fn twice() -> Result<()> {
    Err(Error::permanent(no_order().await.expect_err("permanent")))
}

#[tokio::test(start_paused = true)]
async fn permanent_error_stays_permanent_inside_other_error_types() -> Result {
    let rejected = |error: &str| (DeadLetterReason::Rejected, error.to_owned(), 1);
    assert_eq!(dead_letter_of(no_order).await?, rejected("no order"));
    assert_eq!(dead_letter_of(with_context).await?, rejected("cannot ship: no order"));
    assert_eq!(dead_letter_of(with_two_contexts).await?, rejected("order 7: cannot ship: no order"));
    assert_eq!(dead_letter_of(transparent).await?, rejected("no order"));
    assert_eq!(dead_letter_of(as_a_source).await?, rejected("the ship has sunk: no order"));
    assert_eq!(dead_letter_of(in_a_box_of_anyhow).await?, rejected("no order"));
    assert_eq!(dead_letter_of(in_an_io_error).await?, rejected("no order"));
    assert_eq!(dead_letter_of(twice).await?, rejected("no order"));
    Ok(())
}

async fn busy() -> anyhow::Result<()> {
    Err(Error::from(io::Error::other("the database is gone")))?
}

async fn busy_with_context() -> anyhow::Result<()> {
    busy().await.context("cannot ship")
}

#[tokio::test(start_paused = true)]
async fn process_retries_a_transient_error_inside_anyhow() -> Result {
    let exhausted = |error: &str| (DeadLetterReason::RetriesExhausted, error.to_owned(), 4);
    assert_eq!(dead_letter_of(busy).await?, exhausted("the database is gone"));
    assert_eq!(dead_letter_of(busy_with_context).await?, exhausted("cannot ship: the database is gone"));
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("a grenade")]
struct Grenade;

/// An error that panics when its source is read.
#[derive(Debug)]
struct Trap;

impl std::fmt::Display for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a trap")
    }
}

impl StdError for Trap {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        panic!("the trap shuts")
    }
}

async fn trap() -> Result<(), Trap> {
    Err(Trap)
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_source_of_an_error_costs_one_attempt() -> Result {
    let (reason, error, attempts) = dead_letter_of(trap).await?;
    assert_eq!((reason, attempts), (DeadLetterReason::RetriesExhausted, 4));
    assert_eq!(error, "an error that cannot be shown");
    Ok(())
}

#[test]
fn question_mark_converts_an_error_and_keeps_its_type_and_text() {
    fn boxed() -> Result<(), Box<dyn StdError>> {
        Err(Error::from(Grenade))?
    }
    fn permanently() -> Result<(), Box<dyn StdError>> {
        Err(Error::permanent(Grenade))?
    }
    fn anyhow() -> anyhow::Result<()> {
        Err(Error::from(Grenade))?
    }
    assert!(boxed().expect_err("an error").is::<Grenade>());
    assert_eq!(permanently().expect_err("an error").to_string(), "a grenade");
    let error = anyhow().expect_err("an error");
    assert_eq!(error.to_string(), "a grenade");
    let inner = error.downcast_ref::<Box<dyn StdError + Send + Sync>>().expect("the box of the error");
    assert!(inner.is::<Grenade>());
}

#[test]
fn permanent_error_dereferences_to_its_inner_error() {
    let error = Error::permanent(Grenade);
    assert!(error.is::<Grenade>() && error.is_permanent());
    assert!(!Error::from(Grenade).is_permanent());
    assert_eq!(format!("{error} {error:?}"), "a grenade a grenade");
}

/// Returns the texts of an error and of its sources.
fn texts(error: &dyn StdError) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no such disk"))
    }
}

async fn stopped(trigger: EventTrigger) -> TriggerError {
    trigger.stop().await;
    drop(trigger.drain_pending());
    trigger.wait_for_next().await.expect_err("a trigger that is stopped")
}

/// Returns a value of each public error type, and of each variant that has a cause.
async fn one_of_each() -> Result<Vec<Box<dyn StdError>>> {
    let bus = EventBus::new();
    let full = EventTrigger::new(&bus, "full").capacity(1).overflow(Overflow::Reject);
    full.start().await?;
    bus.emit("full", 1).await?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let hook = |path: &str, port| WebhookTrigger::new().path(path).host("127.0.0.1").port(port);
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let start = Runtime::builder().process("p", on("a b").concurrency(0), |_: TriggerEvent| async {});
    Ok(vec![
        Box::new(bus.emit("a b", 1).await.expect_err("a space")),
        Box::new(bus.emit("a", Unwritable).await.expect_err("a value without a JSON form")),
        Box::new(bus.emit("full", 2).await.expect_err("a full queue")),
        Box::new(stopped(full).await),
        Box::new(EventTrigger::new(&bus, "a b").start().await.expect_err("a space")),
        Box::new(hook("/", port).start().await.expect_err("the port is taken")),
        Box::new(TriggerError::failed(io::Error::other("the sensor is off"))),
        Box::new(TriggerConfig::event("a b").validate().expect_err("a space")),
        Box::new(Topic::parse("a b").expect_err("a space")),
        Box::new("7".parse::<EventId>().expect_err("no id")),
        Box::new(Rejection::invalid("no id")),
        Box::new(start.start().await.expect_err("two faults")),
        Box::new(runtime.remove_process("q").await.expect_err("no such process")),
        Error::from(io::Error::other(Ship::Sunk("a leak".into()))).into(),
        Error::permanent(Ship::Sunk("a leak".into())).into(),
    ])
}

#[tokio::test]
async fn no_error_repeats_the_text_of_its_source() -> Result {
    for error in one_of_each().await? {
        let texts = texts(&*error);
        for (index, text) in texts.iter().enumerate() {
            let before = &texts[..index];
            assert!(!before.iter().any(|before| before.contains(text)), "{text:?} is repeated in {texts:?}");
        }
    }
    Ok(())
}

#[test]
fn config_error_has_the_kind_of_its_fault() {
    use ConfigErrorKind::{Conflict, Invalid, Misplaced, Missing, OutOfRange, UnknownKey, WrongType};
    let webhook = || TriggerConfig::webhook("/a", 0);
    for (config, field, kind) in [
        (TriggerConfig::event("a b"), "event_type", Invalid),
        (TriggerConfig::event("a").source(""), "event_source", Invalid),
        (TriggerConfig::event("a").queue(0), "queue", OutOfRange),
        (TriggerConfig::event("a").host("h"), "webhook_host", Misplaced),
        (webhook().overflow(Overflow::Reject), "overflow", Conflict),
        (webhook().queue_bytes(1), "queue_bytes", Conflict),
        (webhook().body_limit(0), "body_limit", OutOfRange),
    ] {
        let error = config.validate().expect_err(field);
        assert_eq!((error.field(), error.kind()), (field, kind));
    }
    for (written, field, kind) in [
        (json!({"type": "event", "event_typ": "a"}), "event_typ", UnknownKey),
        (json!({"type": "event"}), "event_type", Missing),
        (json!({"type": "event", "event_type": 7}), "event_type", WrongType),
        (json!({"type": "timer"}), "type", Invalid),
        (json!({"type": "webhook", "webhook_port": 70000}), "webhook_port", OutOfRange),
        (json!({"type": "webhook", "webhook_port": "80"}), "webhook_port", WrongType),
        (json!({"type": "webhook", "body_limit": "1MB"}), "body_limit", Invalid),
        (json!([]), "trigger", WrongType),
    ] {
        let error = TriggerConfig::try_from(written).expect_err(field);
        assert_eq!((error.field(), error.kind()), (field, kind));
    }
    for (written, field, kind) in [
        (json!({"concurrency": -1}), "concurrency", OutOfRange),
        (json!({"concurrency": 1.5}), "concurrency", WrongType),
        (json!({"backoff": "1s..2s"}), "backoff", Conflict),
        (json!({"triggers": [{"type": "event", "event_type": "a b"}]}), "triggers[0].event_type", Invalid),
        (json!({"triggers": [7]}), "triggers", WrongType),
    ] {
        let error = ProcessConfig::try_from(written).expect_err(field);
        assert_eq!((error.field(), error.kind()), (field, kind));
    }
    let parsed = "5s".parse::<triggers::Backoff>().expect_err("no range");
    assert_eq!((parsed.kind(), parsed.kind().to_string()), (Invalid, "invalid".to_owned()));
    assert_eq!(serde_json::to_value(parsed).expect("an object")["kind"], "invalid");
}

#[tokio::test]
async fn problem_has_the_kind_of_its_fault() -> Result {
    let kinds = |error: StartError| error.problems().iter().map(Problem::kind).collect::<Vec<_>>();
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let hook = |port| config([TriggerConfig::webhook("/a", port).host("127.0.0.1")]);
    let plain = |_: TriggerEvent| async {};
    let start = async |builder: Builder| builder.start().await.map(drop).expect_err("a problem");

    let builder = || Runtime::builder();
    assert_eq!(kinds(start(builder()).await), [ProblemKind::Empty]);
    assert_eq!(kinds(start(builder().process("p", config([]), plain)).await), [ProblemKind::Empty]);
    assert_eq!(kinds(start(builder().process("p", on("a b"), plain)).await), [ProblemKind::Config]);
    let headers = |_: Headers| async {};
    assert_eq!(kinds(start(builder().process("p", on("a"), headers)).await), [ProblemKind::Argument]);
    let state = |_: State<u8>| async {};
    assert_eq!(kinds(start(builder().process("p", on("a"), state)).await), [ProblemKind::MissingState]);
    let twice = builder().process("p", on("a"), plain).process("p", on("b"), plain);
    assert_eq!(kinds(start(twice).await), [ProblemKind::Conflict]);
    let letters = config([TriggerConfig::dead_letter().process("q")]);
    assert_eq!(kinds(start(builder().process("p", letters, plain)).await), [ProblemKind::UnknownProcess]);
    assert_eq!(kinds(start(builder().process("p", hook(port), plain)).await), [ProblemKind::Bind]);
    let hooked = builder().process("p", on("a"), plain).on_start(|| async { Err("no disk".into()) });
    assert_eq!(kinds(start(hooked).await), [ProblemKind::Hook]);

    let runtime = builder().process("p", on("a"), plain).start().await?;
    runtime.shutdown().await;
    let late = runtime.add_process("q", on("a"), plain).await.expect_err("the end");
    assert_eq!(kinds(late), [ProblemKind::Ending]);
    Ok(())
}

#[test]
fn rejection_kind_separates_absent_from_invalid() {
    assert_eq!(Rejection::absent("no id").kind(), RejectionKind::Absent);
    assert_eq!(Rejection::invalid("no id").kind(), RejectionKind::Invalid);
    assert_eq!(RejectionKind::Absent.to_string(), "absent");
}
