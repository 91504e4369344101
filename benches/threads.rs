//! Compares an event that one thread publishes and another one handles with a channel between the same two threads.
//!
//! `cargo xtask bench threads`. The main thread publishes from `block_on`. The only thread of the runtime runs the task
//! that receives and handles. The two may work in turns or at once, and the cost of an event differs several times
//! between these. On a runtime that chooses, a median depends on the share of each. So each has its own rows here.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use benches::hop::{DONE, EVENTS, Ours, config, handled, one_by_one, ready};
use benches::side::Took;
use benches::table::{Goal, Table};
use tokio::sync::mpsc::{self, Sender};
use triggers::Bytes;

/// The number of events that one thread publishes before the other one handles them, in turns.
const BATCH: u32 = 100;

/// `true` while the thread of the runtime may handle events.
static OPEN: AtomicBool = AtomicBool::new(true);

/// The number of bytes of the frame of an event.
const FRAME: usize = 112;

/// Bytes with as much beside them as the frame of an event.
struct Framed {
    _body: Bytes,
    _rest: [u8; FRAME - size_of::<Bytes>()],
}

fn framed() -> Arc<Framed> {
    Arc::new(Framed { _body: ready(), _rest: [0; FRAME - size_of::<Bytes>()] })
}

fn main() {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let threads = threads.worker_threads(1).enable_all().build().expect("a runtime");
    threads.block_on(all());
}

async fn all() {
    let mut table = Table::new("An event between two threads", "channel", "triggers");
    regime(&mut table, "in turns", BATCH, 1.2).await;
    regime(&mut table, "at once", EVENTS, 1.6).await;
    table.note(
        "The main thread publishes from `block_on`, and the one thread of the runtime handles. The channel is one of tokio, \
         with `send().await`, and a task that receives and calls the same async fn. It sends 40 bytes, or an `Arc` of 112 \
         bytes, the size of an event's frame. In turns, the main thread publishes 100 events while the handler spins, and \
         then sleeps until they are handled. At once, it publishes 20,000 events, and the capacity is 20,000, so it never \
         waits. Both threads share the queue. It depends on the moment whether the handling thread finds an event or \
         sleeps, so the rounds differ: compare the last two columns too.",
    );
    table.end();
}

/// Measures one regime. The main thread publishes `batch` events, and then waits until they are handled.
async fn regime(table: &mut Table, name: &str, batch: u32, goal: f64) {
    let (bytes, frames) = (channel(batch, handle::<Bytes>), channel(batch, handle::<Arc<Framed>>));
    let ours = Ours::start(config(batch as usize), handle::<Bytes>).await;
    let bus = ours.bus();
    let mut by_hand = async || batches(batch, async || bytes.send(ready()).await.expect("a receiver")).await;
    let mut by_arc = async || {
        let send = async || assert!(frames.send(framed()).await.is_ok(), "the receiver has ended");
        batches(batch, send).await
    };
    let mut ours = async || {
        let emit = async || {
            bus.emit_raw("build.failed", ready()).await.expect("a type");
        };
        batches(batch, emit).await
    };
    let (goal, by_arc_name) = (Some(Goal::AtMost(goal)), format!("{name}, channel with an `Arc`"));
    table
        .compare_all(
            &mut by_hand,
            vec![(name.into(), goal, &mut ours), (by_arc_name.as_str().into(), None, &mut by_arc)],
        )
        .await;
}

/// Handles an event as soon as the thread may.
async fn handle<T>(body: T) {
    while !OPEN.load(Ordering::Acquire) {
        spin_loop();
    }
    handled(body);
}

/// Returns a channel with a task that receives and handles.
fn channel<T: Send + 'static, F: Future<Output = ()> + Send + 'static>(
    capacity: u32,
    handle: impl Fn(T) -> F + Send + Sync + 'static,
) -> Sender<T> {
    let (sender, receiver) = mpsc::channel(capacity as usize);
    tokio::spawn(one_by_one(receiver, handle));
    sender
}

/// Sends all events in batches. The thread of the runtime handles a batch once it is published, or at once if there is
/// only one batch.
async fn batches(batch: u32, mut send: impl AsyncFnMut()) -> Took {
    let began = Instant::now();
    for _ in 0..EVENTS / batch {
        OPEN.store(batch == EVENTS, Ordering::Release);
        DONE.expect(batch);
        for _ in 0..batch {
            send().await;
        }
        OPEN.store(true, Ordering::Release);
        DONE.all().await;
    }
    Took(began.elapsed(), EVENTS)
}
