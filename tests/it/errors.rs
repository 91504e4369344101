//! Errors: a permanent one stays permanent through other types, `Error` leaves by `?`, and no text is shown twice.

use std::error::Error as StdError;
use std::future::Future;
use std::io;

use anyhow::Context;
use triggers::{
    DeadLetterReason, Error, EventBus, EventId, EventTrigger, Overflow, Rejection, Result, Runtime, Topic,
    Trigger, TriggerConfig, TriggerError, TriggerEvent, WebhookTrigger,
};

use crate::process::{on, status};

/// What a process with three retries makes of an event: the reason, the error and the attempts of its dead letter.
async fn letter<E: Into<Error> + Send + 'static, Fut: Future<Output = Result<(), E>> + Send + 'static>(
    handler: fn() -> Fut,
) -> Result<(DeadLetterReason, String, u32)> {
    let fails = move |_: TriggerEvent| handler();
    let runtime = Runtime::builder().process("p", on("e").retry(3), fails).start().await?;
    runtime.bus().emit("e", 1).await?;
    runtime.shutdown().await;
    assert_eq!(status(&runtime).dead_lettered, 1);
    let letter = runtime.dead_letters().list().remove(0);
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
async fn permanent_error_stays_permanent_through_other_error_types() -> Result {
    let rejected = |error: &str| (DeadLetterReason::Rejected, error.to_owned(), 1);
    assert_eq!(letter(no_order).await?, rejected("no order"));
    assert_eq!(letter(with_context).await?, rejected("cannot ship: no order"));
    assert_eq!(letter(with_two_contexts).await?, rejected("order 7: cannot ship: no order"));
    assert_eq!(letter(transparent).await?, rejected("no order"));
    assert_eq!(letter(as_a_source).await?, rejected("the ship has sunk: no order"));
    assert_eq!(letter(in_a_box_of_anyhow).await?, rejected("no order"));
    assert_eq!(letter(in_an_io_error).await?, rejected("no order"));
    assert_eq!(letter(twice).await?, rejected("no order"));
    Ok(())
}

async fn busy() -> anyhow::Result<()> {
    Err(Error::from(io::Error::other("the database is gone")))?
}

async fn busy_with_context() -> anyhow::Result<()> {
    busy().await.context("cannot ship")
}

#[tokio::test(start_paused = true)]
async fn error_that_is_not_permanent_is_retried_through_anyhow() -> Result {
    let exhausted = |error: &str| (DeadLetterReason::RetriesExhausted, error.to_owned(), 4);
    assert_eq!(letter(busy).await?, exhausted("the database is gone"));
    assert_eq!(letter(busy_with_context).await?, exhausted("cannot ship: the database is gone"));
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("a grenade")]
struct Grenade;

/// Shows itself, and panics when its source is read.
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
async fn source_that_panics_costs_one_attempt() -> Result {
    let (reason, error, attempts) = letter(trap).await?;
    assert_eq!((reason, attempts), (DeadLetterReason::RetriesExhausted, 4));
    assert_eq!(error, "an error that cannot be shown");
    Ok(())
}

#[test]
fn error_leaves_by_the_question_mark_with_its_type_and_its_text() {
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
fn permanent_error_dereferences_to_the_error_it_was_made_of() {
    let error = Error::permanent(Grenade);
    assert!(error.is::<Grenade>() && error.is_permanent());
    assert!(!Error::from(Grenade).is_permanent());
    assert_eq!(format!("{error} {error:?}"), "a grenade a grenade");
}

/// The text of an error and those of its sources.
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

/// One value of each public error type, and of each variant that has a cause.
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
        Box::new(bus.emit("a", Unwritable).await.expect_err("no JSON")),
        Box::new(bus.emit("full", 2).await.expect_err("no room")),
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
async fn no_error_shows_the_text_of_its_source_too() -> Result {
    for error in one_of_each().await? {
        let texts = texts(&*error);
        for (index, text) in texts.iter().enumerate() {
            let before = &texts[..index];
            assert!(!before.iter().any(|before| before.contains(text)), "{text:?} is repeated in {texts:?}");
        }
    }
    Ok(())
}
