//! Measures how the cost of an event grows with the number of processes, subscriptions and bytes.
//!
//! `cargo xtask bench scale`. Every point is measured in turns with its baseline, on one thread.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::black_box;
use std::time::Instant;

use benches::done::Done;
use benches::side::{Side, Took};
use benches::subscribed::{broker_with, publish};
use benches::table::{Goal, Table, at};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Sender};
use triggers::{Bytes, Json, Key, Overflow, ProcessConfig, Runtime, TriggerConfig, TriggerEvent};

const EVENTS: u32 = 20_000;
const CAPACITY: usize = 100;

static DONE: Done = Done::new();

#[tokio::main(flavor = "current_thread")]
async fn main() {
    processes().await;
    subscriptions().await;
    evictions().await;
    ready_bytes().await;
    typed().await;
}

/// Sends this number of events, and waits until all are handled.
async fn events(times: u32, mut send: impl AsyncFnMut()) -> Took {
    DONE.expect(times);
    let began = Instant::now();
    for _ in 0..times {
        send().await;
    }
    DONE.all().await;
    Took(began.elapsed(), times)
}

async fn handle(body: Bytes) {
    drop(black_box(body));
    DONE.one();
}

/// Returns a channel with a task that receives and handles.
fn channel(handle: fn(Bytes)) -> Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        while let Some(body) = receiver.recv().await {
            async { handle(body) }.await;
            DONE.one();
        }
    });
    sender
}

fn config(event_type: &str) -> ProcessConfig {
    let trigger = TriggerConfig::event(event_type).queue(CAPACITY).overflow(Overflow::Wait);
    ProcessConfig::new().trigger(trigger)
}

async fn processes() {
    let title = "An event for one of many processes, in turn";
    let mut table = Table::new(title, "by hand", "triggers").curve("processes");
    table.note(
        "Each process has a different event type. By hand there is a tokio channel and a task for each, and the sender \
         indexes an array of them. Memory bounds both: with many, the queue and the task of an event have left the caches \
         since their last event, and each event wakes its task.",
    );
    let many = Some(Goal::AtMost(2.0));
    for (count, name, goal) in [
        (1, "1", None),
        (10, "10", None),
        (64, "64", None),
        (100, "100", None),
        (1000, "1,000", None),
        (10_000, "10,000", many),
    ] {
        let types: Vec<String> = (0..count).map(|number| format!("order.paid_{number}")).collect();
        let builder = types.iter().fold(Runtime::builder(), |builder, event_type| {
            builder.process(format!("on {event_type}"), config(event_type), handle)
        });
        let runtime = builder.start().await.expect("a sound wiring");
        let bus = runtime.bus();
        let channels: Vec<_> = types.iter().map(|_| channel(|body| drop(black_box(body)))).collect();
        let by_hand = async || {
            let mut channels = channels.iter().cycle();
            let send = async || {
                let channel = channels.next().expect("a circle");
                channel.send(Bytes::from_static(b"{}")).await.expect("a receiver");
            };
            events(EVENTS, send).await
        };
        let ours = async || {
            let mut types = types.iter().cycle();
            let send = async || {
                let event_type = types.next().expect("a circle");
                bus.emit_raw(event_type, Bytes::from_static(b"{}")).await.expect("a type");
            };
            events(EVENTS, send).await
        };
        table.compare(at(count, name), goal, by_hand, ours).await;
        runtime.shutdown().await;
    }
    table.end();
}

async fn subscriptions() {
    let title = "A publication over more and more subscriptions";
    let mut table = Table::new(title, "over 10", "triggers").curve("subscriptions");
    table.note(
        "Half of the subscriptions are exact and half have a wildcard. 2 match (of 1, it matches), and drop the oldest. \
         All sizes are measured in the same rounds, beside 10. A publication looks up its topic once, and each of its \
         tokens once, for any number of subscriptions. The topic is the same each time, so the result of the look-up \
         stays in the caches. The work for the 2 that match bounds it.",
    );
    let mut brokers = Vec::new();
    for size in [10, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000] {
        brokers.push(broker_with(size).await);
    }
    let mut sides: Vec<_> =
        brokers.iter().map(|(broker, _)| async || publish(broker, EVENTS).await).collect();
    let mut sides = sides.iter_mut().map(|side| side as &mut dyn Side);
    let baseline = sides.next().expect("over 10");
    let points = [
        at(1, "1"),
        at(10, "10"),
        at(100, "100"),
        at(1000, "1,000"),
        at(10_000, "10,000"),
        at(100_000, "100,000"),
        at(1_000_000, "1,000,000"),
    ];
    let sides = points.into_iter().zip(sides).map(|(point, side)| (point, None, side)).collect();
    table.compare_all(baseline, sides).await;
    table.end();
}

const SIZES: [(u32, &str); 5] =
    [(100, "100 B"), (1 << 10, "1 KiB"), (10 << 10, "10 KiB"), (100 << 10, "100 KiB"), (1 << 20, "1 MiB")];

async fn evictions() {
    let title = "An event that evicts the oldest one of a queue with a key";
    let mut table = Table::new(title, "of 100", "triggers").curve("queued events");
    table.note(
        "The process is paused and its queue is full, with a different key for each event. Each publication evicts the \
         oldest event (`drop_oldest`), which becomes a dead letter. All sizes are measured in the same rounds, beside 100.",
    );
    let mut runtimes = Vec::new();
    for size in [100, 1000, 10_000, 100_000] {
        let trigger = TriggerConfig::event("build.done").queue(size).overflow(Overflow::DropOldest);
        let config = ProcessConfig::new().trigger(trigger).key(Key::of(|event: &TriggerEvent| event.id()));
        let runtime = Runtime::builder().process("keyed", config, handle);
        let runtime = runtime.start().await.expect("a sound process");
        runtime.pause("keyed").expect("the process");
        for _ in 0..size {
            runtime.bus().emit_raw("build.done", "{}").await.expect("a type");
        }
        runtimes.push(runtime);
    }
    let evict = async |runtime: &Runtime| {
        let bus = runtime.bus();
        let began = Instant::now();
        for _ in 0..EVENTS {
            bus.emit_raw("build.done", "{}").await.expect("a type");
        }
        Took(began.elapsed(), EVENTS)
    };
    let mut sides: Vec<_> = runtimes.iter().map(|runtime| async || evict(runtime).await).collect();
    let mut sides = sides.iter_mut().map(|side| side as &mut dyn Side);
    let baseline = sides.next().expect("of 100");
    let points = [at(1000, "1,000"), at(10_000, "10,000"), at(100_000, "100,000")];
    let sides = points.into_iter().zip(sides).map(|(point, side)| (point, None, side)).collect();
    table.compare_all(baseline, sides).await;
    table.end();
}

async fn ready_bytes() {
    let mut table = Table::new("An event of ready bytes", "by hand", "triggers").curve("bytes");
    table.note("Both sides share the bytes and copy nothing, so the time should not grow with their number.");
    let runtime = Runtime::builder().process("bytes", config("build.done"), handle);
    let runtime = runtime.start().await.expect("a sound process");
    let (bus, channel) = (runtime.bus(), channel(|body| drop(black_box(body))));
    for (size, name) in SIZES {
        let body = Bytes::from(vec![b'1'; size as usize]);
        let by_hand =
            async || events(EVENTS, async || channel.send(body.clone()).await.expect("a receiver")).await;
        let ours = async || {
            let emit = async || {
                bus.emit_raw("build.done", body.clone()).await.expect("a type");
            };
            events(EVENTS, emit).await
        };
        table.compare(at(size, name), None, by_hand, ours).await;
    }
    table.end();
}

#[derive(Serialize, Deserialize)]
struct Build {
    steps: Vec<Step>,
}

/// About 50 bytes of JSON.
#[derive(Clone, Serialize, Deserialize)]
struct Step {
    name: String,
    code: u16,
    seconds: u32,
}

async fn typed() {
    let title = "An event from a struct to `Json<T>`";
    let mut table = Table::new(title, "by hand", "triggers").curve("bytes");
    table.note(
        "By hand the struct is serialized with `to_vec`, sent over a channel, and deserialized with `from_slice`. \
         serde_json bounds both: it writes and reads each byte once.",
    );
    let handle = |Json(build): Json<Build>| async move {
        drop(black_box(build));
        DONE.one();
    };
    let runtime = Runtime::builder().process("typed", config("build.done"), handle);
    let runtime = runtime.start().await.expect("a sound process");
    let bus = runtime.bus();
    let channel =
        channel(|body| drop(black_box(serde_json::from_slice::<Build>(&body).expect("the same JSON"))));
    let step = Step { name: "unit tests".to_owned(), code: 200, seconds: 86_400 };
    let length = serde_json::to_vec(&step).expect("JSON").len();
    for (size, name) in SIZES {
        let build = Build { steps: vec![step.clone(); size as usize / length] };
        // Fewer events for larger bodies, so that the rounds of all sizes take about the same time.
        let times = ((10 << 20) / size).min(EVENTS);
        let by_hand = async || {
            let send = async || {
                let body = Bytes::from(serde_json::to_vec(black_box(&build)).expect("JSON"));
                channel.send(body).await.expect("a receiver");
            };
            events(times, send).await
        };
        let ours = async || {
            let emit = async || {
                bus.emit("build.done", black_box(&build)).await.expect("a type");
            };
            events(times, emit).await
        };
        table.compare(at(size, name), None, by_hand, ours).await;
    }
    table.end();
}
