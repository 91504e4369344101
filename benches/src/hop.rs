//! An event from `emit` to the end of its handler, and the same by hand.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::yield_now;
use triggers::{Bytes, Handler, Json, Overflow, ProcessConfig, Runtime, TriggerConfig};

use crate::done::Done;
use crate::side::Took;

const EVENTS: u32 = 20_000;
const CAPACITY: usize = 100;
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

static DONE: Done = Done::new();

fn encode() -> Bytes {
    Bytes::from(serde_json::to_vec(&black_box(failed())).expect("JSON"))
}

fn decode(body: &Bytes) -> Failed {
    serde_json::from_slice(body).expect("JSON")
}

/// Handles ready bytes.
async fn handle(body: Bytes) {
    drop(black_box(body));
    DONE.one();
}

/// Handles a struct, and awaits once.
async fn handle_awaiting(failed: Failed) {
    yield_now().await;
    drop(black_box(failed));
    DONE.one();
}

/// Sends ready bytes over a channel.
pub async fn ready_by_hand() -> Took {
    by_hand(CAPACITY, || Bytes::from_static(BODY), |receiver| one_by_one(receiver, handle)).await
}

/// Sends a serialized struct over a channel.
pub async fn typed_by_hand() -> Took {
    let handle = |body: Bytes| async move {
        drop(black_box(decode(&body)));
        DONE.one();
    };
    by_hand(CAPACITY, encode, |receiver| one_by_one(receiver, handle)).await
}

/// Sends a serialized struct over a channel to a handler that awaits once.
pub async fn awaiting_by_hand(capacity: usize) -> Took {
    by_hand(capacity, encode, |receiver| one_by_one(receiver, |body| handle_awaiting(decode(&body)))).await
}

/// As [`awaiting_by_hand`], with a task for each event. A semaphore lets up to `at_once` tasks run.
pub async fn awaiting_by_hand_at_once(capacity: usize, at_once: usize) -> Took {
    let receive = |mut receiver: Receiver<Bytes>| async move {
        let permits = Arc::new(Semaphore::new(at_once));
        while let Some(body) = receiver.recv().await {
            let permit = Arc::clone(&permits).acquire_owned().await.expect("a semaphore");
            tokio::spawn(async move {
                handle_awaiting(decode(&body)).await;
                drop(permit);
            });
        }
    };
    by_hand(capacity, encode, receive).await
}

/// Handles the received events one at a time.
async fn one_by_one<F: Future>(mut receiver: Receiver<Bytes>, handle: impl Fn(Bytes) -> F) {
    while let Some(body) = receiver.recv().await {
        handle(body).await;
    }
}

/// Sends all events over a channel, and measures until the receiving task has handled them.
async fn by_hand<R: Future<Output = ()> + Send + 'static>(
    capacity: usize,
    encode: impl Fn() -> Bytes,
    receive: impl FnOnce(Receiver<Bytes>) -> R,
) -> Took {
    let (sender, receiver) = mpsc::channel(capacity);
    let receiving = tokio::spawn(receive(receiver));
    DONE.expect(EVENTS);
    let began = Instant::now();
    for _ in 0..EVENTS {
        sender.send(encode()).await.expect("a receiver");
    }
    DONE.all().await;
    let took = began.elapsed();
    drop(sender);
    receiving.await.expect("an end");
    Took(took, EVENTS)
}

/// Spawns a task for each event.
pub async fn a_task_for_each() -> Took {
    DONE.expect(EVENTS);
    let began = Instant::now();
    for _ in 0..EVENTS {
        tokio::spawn(handle(Bytes::from_static(BODY)));
        tokio::task::coop::consume_budget().await;
    }
    DONE.all().await;
    Took(began.elapsed(), EVENTS)
}

/// A runtime with one process.
#[derive(Debug)]
pub struct Ours(Runtime);

impl Ours {
    /// Starts a handler of ready bytes.
    pub async fn ready(config: ProcessConfig) -> Ours {
        Ours::start(config, handle).await
    }

    /// Starts a handler of a struct.
    pub async fn typed() -> Ours {
        let handler = |Json(failed): Json<Failed>| async move {
            black_box(failed);
            DONE.one();
        };
        Ours::start(config(), handler).await
    }

    /// Starts a handler of a struct that awaits once.
    pub async fn awaiting(config: ProcessConfig) -> Ours {
        Ours::start(config, |Json(failed): Json<Failed>| handle_awaiting(failed)).await
    }

    async fn start<Args>(config: ProcessConfig, handler: impl Handler<Args>) -> Ours {
        let builder = Runtime::builder().process("hop", config, handler);
        Ours(builder.start().await.expect("a sound process"))
    }

    /// Emits ready bytes.
    pub async fn emit(&self) -> Took {
        let bus = self.0.bus();
        DONE.expect(EVENTS);
        let began = Instant::now();
        for _ in 0..EVENTS {
            bus.emit_raw("build.failed", Bytes::from_static(BODY)).await.expect("a type");
        }
        DONE.all().await;
        Took(began.elapsed(), EVENTS)
    }

    /// Emits a struct.
    pub async fn emit_typed(&self) -> Took {
        let bus = self.0.bus();
        DONE.expect(EVENTS);
        let began = Instant::now();
        for _ in 0..EVENTS {
            bus.emit("build.failed", black_box(failed())).await.expect("a type");
        }
        DONE.all().await;
        Took(began.elapsed(), EVENTS)
    }
}

/// Returns the config of a process with the concurrency 1.
pub fn config() -> ProcessConfig {
    let trigger = TriggerConfig::event("build.failed").queue(CAPACITY).overflow(Overflow::Wait);
    ProcessConfig::new().trigger(trigger)
}
