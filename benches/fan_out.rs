//! Compares a publication to 64 triggers with sends to 64 tokio channels.
//!
//! `cargo xtask bench fan_out`. Every queue and channel has a capacity of 100. They are emptied outside the measured
//! time.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::{Duration, Instant};

use benches::side::Took;
use benches::table::{Goal, Table};
use tokio::sync::mpsc::{self, Receiver, Sender};
use triggers::{Bytes, EventBus, EventTrigger, Trigger};

const TRIGGERS: usize = 64;
const CAPACITY: u32 = 100;
/// The number of times that every queue is filled in one round.
const FILLS: u32 = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (senders, mut receivers): (Vec<_>, Vec<_>) =
        (0..TRIGGERS).map(|_| mpsc::channel(CAPACITY as usize)).unzip();
    let bus = EventBus::new();
    let mut triggers = Vec::new();
    for _ in 0..TRIGGERS {
        let trigger = EventTrigger::new(&bus, "build.failed").capacity(CAPACITY as usize);
        trigger.start().await.expect("a type");
        triggers.push(trigger);
    }
    let (waiting, mut waited_for): (Vec<_>, Vec<_>) =
        (0..TRIGGERS).map(|_| mpsc::channel(CAPACITY as usize)).unzip();
    let mut table = Table::new("A publication to 64 triggers", "by hand", "triggers");
    let ours = async || publish(&bus, &triggers).await;
    let by_hand = async || try_send(&senders, &mut receivers);
    table.compare("beside 64 `try_send`", Goal::AtMost(1.2), by_hand, ours).await;
    let by_hand = async || send(&waiting, &mut waited_for).await;
    // 64 `try_send` alone take 0.29 x to 0.47 x of it, by the processor: atomic operations bound both.
    table.compare("beside 64 `send().await`", Goal::AtMost(0.5), by_hand, ours).await;
    table.note("Each has a capacity of 100. All are filled, and then emptied outside the measured time.");
    table.end();
}

fn try_send(senders: &[Sender<Bytes>], receivers: &mut [Receiver<Bytes>]) -> Took {
    let mut took = Duration::ZERO;
    for _ in 0..FILLS {
        let began = Instant::now();
        for _ in 0..CAPACITY {
            let body = Bytes::from(b"{}".to_vec());
            senders.iter().for_each(|sender| sender.try_send(body.clone()).expect("room"));
        }
        took += began.elapsed();
        receivers.iter_mut().for_each(|receiver| while receiver.try_recv().is_ok() {});
    }
    Took(took, FILLS * CAPACITY)
}

async fn send(senders: &[Sender<Bytes>], receivers: &mut [Receiver<Bytes>]) -> Took {
    let mut took = Duration::ZERO;
    for _ in 0..FILLS {
        let began = Instant::now();
        for _ in 0..CAPACITY {
            let body = Bytes::from(b"{}".to_vec());
            for sender in senders {
                sender.send(body.clone()).await.expect("a receiver");
            }
        }
        took += began.elapsed();
        receivers.iter_mut().for_each(|receiver| while receiver.try_recv().is_ok() {});
    }
    Took(took, FILLS * CAPACITY)
}

async fn publish(bus: &EventBus, triggers: &[EventTrigger]) -> Took {
    let mut took = Duration::ZERO;
    for _ in 0..FILLS {
        let began = Instant::now();
        for _ in 0..CAPACITY {
            let sent = bus.emit_raw("build.failed", b"{}".to_vec()).await.expect("a type");
            assert_eq!(sent.queued(), Some(TRIGGERS));
        }
        took += began.elapsed();
        triggers.iter().for_each(|trigger| drop(trigger.drain_pending()));
    }
    Took(took, FILLS * CAPACITY)
}
