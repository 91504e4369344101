//! An event from `emit` to the end of its handler, and the same by hand. [`awaiting`](crate::awaiting) has the handlers
//! that await.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Receiver};
use triggers::{Builder, Bytes, EventBus, Handler, Json, Overflow, ProcessConfig, Runtime, TriggerConfig};

use crate::done::Done;
use crate::side::Took;

/// The number of events of a round.
pub const EVENTS: u32 = 20_000;

/// The capacity of the queues, unless a measurement is about another one.
pub const CAPACITY: usize = 100;

const BODY: &[u8] = br#"{"job":"nightly","code":500,"attempt":3}"#;

/// The data of a typed event.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failed {
    job: String,
    code: u16,
    attempt: u32,
}

fn failed() -> Failed {
    Failed { job: "nightly".to_owned(), code: 500, attempt: 3 }
}

/// The events of the current round that are not handled yet.
pub static DONE: Done = Done::new();

/// Returns the 40 bytes of an event.
pub fn ready() -> Bytes {
    Bytes::from_static(BODY)
}

/// Returns a serialized struct.
pub fn encode() -> Bytes {
    Bytes::from(serde_json::to_vec(&black_box(failed())).expect("JSON"))
}

/// Returns a deserialized struct.
pub fn decode(body: &Bytes) -> Failed {
    serde_json::from_slice(body).expect("JSON")
}

/// Counts an event as handled.
pub fn handled<T>(body: T) {
    drop(black_box(body));
    DONE.one();
}

/// Handles ready bytes.
pub async fn handle(body: Bytes) {
    handled(body);
}

/// Sends ready bytes over a channel.
pub async fn ready_by_hand(capacity: usize) -> Took {
    by_hand(capacity, ready, |receiver| one_by_one(receiver, handle)).await
}

/// Sends a serialized struct over a channel.
pub async fn typed_by_hand() -> Took {
    let handle = |body: Bytes| async move { handled(decode(&body)) };
    by_hand(CAPACITY, encode, |receiver| one_by_one(receiver, handle)).await
}

/// Sends ready bytes over a channel to a task, which sends them over a second channel to another task.
pub async fn chain_by_hand() -> Took {
    let relay = |mut receiver: Receiver<Bytes>| async move {
        let (sender, second) = mpsc::channel(CAPACITY);
        let receiving = tokio::spawn(one_by_one(second, handle));
        while let Some(body) = receiver.recv().await {
            sender.send(body).await.expect("a receiver");
        }
        drop(sender);
        receiving.await.expect("an end");
    };
    by_hand(CAPACITY, ready, relay).await
}

/// Handles the received events one at a time.
pub async fn one_by_one<T, F: Future>(mut receiver: Receiver<T>, handle: impl Fn(T) -> F) {
    while let Some(body) = receiver.recv().await {
        handle(body).await;
    }
}

/// Sends all events over a channel, and measures until the receiving task has handled them.
pub async fn by_hand<T: Send + 'static, R: Future<Output = ()> + Send + 'static>(
    capacity: usize,
    encode: impl Fn() -> T,
    receive: impl FnOnce(Receiver<T>) -> R,
) -> Took {
    let (sender, receiver) = mpsc::channel(capacity);
    let receiving = tokio::spawn(receive(receiver));
    let send = async || assert!(sender.send(encode()).await.is_ok(), "the receiver has ended");
    let took = events(send).await;
    drop(sender);
    receiving.await.expect("an end");
    took
}

/// Sends all events, and measures until they are handled.
pub async fn events(mut send: impl AsyncFnMut()) -> Took {
    DONE.expect(EVENTS);
    let began = Instant::now();
    for _ in 0..EVENTS {
        send().await;
    }
    DONE.all().await;
    Took(began.elapsed(), EVENTS)
}

/// Spawns a task for each event.
pub async fn a_task_for_each() -> Took {
    let spawn = async || {
        tokio::spawn(handle(ready()));
        tokio::task::coop::consume_budget().await;
    };
    events(spawn).await
}

/// A runtime with a process for `build.failed`.
#[derive(Debug)]
pub struct Ours(Runtime);

impl Ours {
    /// Starts a process.
    pub async fn start<Args>(config: ProcessConfig, handler: impl Handler<Args>) -> Ours {
        Ours::of(Runtime::builder().process("hop", config, handler)).await
    }

    async fn of(builder: Builder) -> Ours {
        Ours(builder.start().await.expect("a sound process"))
    }

    /// Starts a handler of ready bytes.
    pub async fn ready(config: ProcessConfig) -> Ours {
        Ours::start(config, handle).await
    }

    /// Starts a handler of a struct.
    pub async fn typed() -> Ours {
        Ours::start(config(CAPACITY), |Json(failed): Json<Failed>| async move { handled(failed) }).await
    }

    /// Starts a handler that emits the bytes again, and a second process that handles them.
    pub async fn chain() -> Ours {
        let relay = |body: Bytes, bus: EventBus| async move {
            bus.emit_raw("build.reported", body).await.expect("a type");
        };
        let second = waiting("build.reported", CAPACITY);
        let builder = Runtime::builder().process("relay", config(CAPACITY), relay);
        Ours::of(builder.process("second", ProcessConfig::new().trigger(second), handle)).await
    }

    /// Emits ready bytes.
    pub async fn emit(&self) -> Took {
        let bus = self.0.bus();
        let emit = async || {
            bus.emit_raw("build.failed", ready()).await.expect("a type");
        };
        events(emit).await
    }

    /// Emits a struct.
    pub async fn emit_typed(&self) -> Took {
        let bus = self.0.bus();
        let emit = async || {
            bus.emit("build.failed", black_box(failed())).await.expect("a type");
        };
        events(emit).await
    }

    /// Returns the bus of the runtime.
    pub fn bus(&self) -> EventBus {
        self.0.bus()
    }
}

/// Returns the config of a process with the concurrency 1, whose publishers wait for capacity.
pub fn config(capacity: usize) -> ProcessConfig {
    ProcessConfig::new().trigger(waiting("build.failed", capacity))
}

fn waiting(event_type: &str, capacity: usize) -> TriggerConfig {
    TriggerConfig::event(event_type).queue(capacity).overflow(Overflow::Wait)
}
