//! Events whose handlers await, and the same by hand.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use triggers::{Attempt, Bytes, Json, Key, Outcome, ProcessConfig, TriggerEvent};

use crate::hop::{Failed, Ours, by_hand, config, decode, encode, events, handled, one_by_one, ready};
use crate::side::Took;

/// The capacity of the queues.
pub const CAPACITY: usize = 1000;

/// The time that the sleeping handler sleeps, and the delay of a late retry.
pub const DELAY: Duration = Duration::from_millis(1);

/// The time limit of a handler, which none exceeds.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The number of different keys.
pub const KEYS: u8 = 64;

/// Handles an event, and awaits once.
async fn awaits<T>(body: T) {
    yield_now().await;
    handled(body);
}

/// Handles an event, and sleeps before.
async fn sleeps(body: Bytes) {
    sleep(DELAY).await;
    handled(body);
}

/// Makes one attempt at an event. The first one fails.
async fn attempt(body: &Bytes, number: u32) -> Result<(), ()> {
    if number == 1 {
        return Err(());
    }
    handled(body);
    Ok(())
}

/// Makes attempts at an event until one succeeds.
async fn attempts(body: Bytes, after: Duration) {
    let mut number = 1;
    while attempt(&body, number).await.is_err() {
        number += 1;
        if !after.is_zero() {
            sleep(after).await;
        }
    }
}

/// Sends a serialized struct over a channel to a handler that awaits once.
pub async fn typed_by_hand() -> Took {
    by_hand(CAPACITY, encode, |receiver| one_by_one(receiver, |body| awaits(decode(&body)))).await
}

/// As [`typed_by_hand`], with up to `limit` events at once.
pub async fn typed_by_hand_at_once(limit: usize) -> Took {
    by_hand(CAPACITY, encode, |receiver| at_once(receiver, limit, |body| awaits(decode(&body)))).await
}

/// Sends ready bytes over a channel to a handler that awaits once.
pub async fn ready_by_hand() -> Took {
    by_hand(CAPACITY, ready, |receiver| one_by_one(receiver, awaits)).await
}

/// As [`ready_by_hand`], with up to `limit` events at once.
pub async fn ready_by_hand_at_once(limit: usize) -> Took {
    by_hand(CAPACITY, ready, |receiver| at_once(receiver, limit, awaits)).await
}

/// As [`ready_by_hand`], with a time limit for the handler.
pub async fn timeout_by_hand() -> Took {
    let handle = |body| async move { timeout(LIMIT, awaits(body)).await.expect("an end in time") };
    by_hand(CAPACITY, ready, |receiver| one_by_one(receiver, handle)).await
}

/// Sends ready bytes over a channel to a handler that sleeps, with up to [`CAPACITY`] events at once.
pub async fn sleeping_by_hand() -> Took {
    by_hand(CAPACITY, ready, |receiver| at_once(receiver, CAPACITY, sleeps)).await
}

/// Sends ready bytes over a channel to a handler whose first attempt fails. The next one follows at once.
pub async fn retried_by_hand() -> Took {
    by_hand(CAPACITY, ready, |receiver| one_by_one(receiver, |body| attempts(body, Duration::ZERO))).await
}

/// As [`retried_by_hand`], with a delay before the retry, and up to [`CAPACITY`] events at once.
pub async fn retried_late_by_hand() -> Took {
    by_hand(CAPACITY, ready, |receiver| at_once(receiver, CAPACITY, |body| attempts(body, DELAY))).await
}

/// Sends each event over the channel of its key, whose task calls a handler that awaits once.
pub async fn keyed_by_hand() -> Took {
    let mut channels = HashMap::new();
    let mut tasks = Vec::new();
    let next = next_keyed();
    let send = async || {
        let body = next();
        let channel = channels.entry(key(&body)).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(CAPACITY.div_ceil(KEYS.into()));
            tasks.push(tokio::spawn(one_by_one(receiver, awaits)));
            sender
        });
        channel.send(body).await.expect("a receiver");
    };
    let took = events(send).await;
    drop(channels);
    for task in tasks {
        task.await.expect("an end");
    }
    took
}

/// Handles up to `limit` events at once: a task for each event, and a permit of a semaphore for each task.
async fn at_once<F: Future + Send>(
    mut receiver: Receiver<Bytes>,
    limit: usize,
    handle: impl Fn(Bytes) -> F + Copy + Send + 'static,
) {
    let permits = Arc::new(Semaphore::new(limit));
    while let Some(body) = receiver.recv().await {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("a semaphore");
        tokio::spawn(async move {
            handle(body).await;
            drop(permit);
        });
    }
}

/// Returns a fn that returns the next event. The events have [`KEYS`] keys in turn.
fn next_keyed() -> impl Fn() -> Bytes {
    let bodies: Vec<_> = (0..KEYS)
        .map(|key| Bytes::from([b"{\"job\":\"nightly\",\"code\":500,\"attempt\":", &[key][..]].concat()))
        .collect();
    let number = Cell::new(0);
    move || {
        let at = number.replace((number.get() + 1) % bodies.len());
        bodies[at].clone()
    }
}

/// Returns the key of an event, which is its last byte.
fn key(body: &[u8]) -> Option<u8> {
    body.last().copied()
}

impl Ours {
    /// Starts a handler of ready bytes that awaits once.
    pub async fn awaiting(config: ProcessConfig) -> Ours {
        Ours::start(config, awaits::<Bytes>).await
    }

    /// Starts a handler of a struct that awaits once.
    pub async fn awaiting_typed(concurrency: usize) -> Ours {
        let handler = |Json(failed): Json<Failed>| awaits(failed);
        Ours::start(config(CAPACITY).concurrency(concurrency), handler).await
    }

    /// Starts a handler that sleeps, with up to [`CAPACITY`] events at once.
    pub async fn sleeping() -> Ours {
        Ours::start(config(CAPACITY).concurrency(CAPACITY), sleeps).await
    }

    /// Starts a handler whose first attempt fails, with a retry after this time.
    pub async fn retried(after: Duration) -> Ours {
        let handler = move |body: Bytes, number: Attempt| async move {
            match attempt(&body, number.number()).await {
                Ok(()) => Outcome::Done,
                Err(()) => Outcome::Retry(after),
            }
        };
        Ours::start(config(CAPACITY).retry(1), handler).await
    }

    /// Starts a handler that awaits once and has a key, with up to [`KEYS`] events at once.
    pub async fn keyed() -> Ours {
        let key = Key::of(|event: &TriggerEvent| key(event.raw()));
        Ours::awaiting(config(CAPACITY).concurrency(KEYS.into()).key(key)).await
    }

    /// Emits events with [`KEYS`] keys in turn.
    pub async fn emit_keyed(&self) -> Took {
        let (bus, next) = (self.bus(), next_keyed());
        let emit = async || {
            bus.emit_raw("build.failed", next()).await.expect("a type");
        };
        events(emit).await
    }
}
