//! Runs one hot path a number of times on one thread, for a count of its instructions: `instructions PATH TIMES`.
//! Without arguments it prints its paths.
//!
//! `cargo xtask instructions` runs it under valgrind. This file reads no clock and draws no random number, so that two
//! runs have the same count.

#![allow(clippy::disallowed_methods, reason = "a bare channel has a bare task")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;
use triggers::HandlerRecord;
use triggers::prelude::*;

/// The name of a path, and the fn that runs it a number of times.
type Path = (&'static str, fn(u32) -> Pin<Box<dyn Future<Output = ()>>>);

const PATHS: &[Path] = &[
    ("awaits", |times| Box::pin(emit_raw(handlers![awaits], times))),
    ("channel", |times| Box::pin(channel(times))),
    ("channel-awaits", |times| Box::pin(channel_awaits(times))),
    ("evict-keyed", |times| Box::pin(evict_keyed(times))),
    ("fan-out", |times| Box::pin(fan_out(times))),
    ("hop", |times| Box::pin(emit_raw(handlers![hop], times))),
    ("hop-64", |times| Box::pin(emit_raw(handlers![hop_64], times))),
    ("hop-keyed", |times| Box::pin(emit_raw(handlers![hop_keyed], times))),
    ("hop-timeout", |times| Box::pin(emit_raw(handlers![hop_timeout], times))),
    ("keyed-awaits", |times| Box::pin(emit_raw(handlers![keyed_awaits], times))),
    ("message", |times| Box::pin(message(times))),
    ("publish", |times| Box::pin(publish(times))),
    ("retried", |times| Box::pin(emit_raw(handlers![retried], times))),
    ("status", |times| Box::pin(status(times))),
    ("timeout-awaits", |times| Box::pin(emit_raw(handlers![timeout_awaits], times))),
    ("typed", |times| Box::pin(emit_typed(times))),
    ("waits", |times| Box::pin(emit_raw(handlers![waits], times))),
    ("waits-many", |times| Box::pin(waits_many(times))),
    ("webhook", |times| Box::pin(webhook(times))),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (path, times) = match arguments.as_slice() {
        [] => {
            PATHS.iter().for_each(|(name, _)| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        [path, times] => (PATHS.iter().find(|(name, _)| name == path), times.parse()),
        _ => (None, Ok(0)),
    };
    let (Some((_, run)), Ok(times)) = (path, times) else {
        eprintln!("usage: instructions PATH TIMES. `instructions` without arguments prints the paths");
        return ExitCode::FAILURE;
    };
    let mut threads = tokio::runtime::Builder::new_current_thread();
    let threads = threads.enable_all().build().expect("a runtime");
    // The first runtime of a program calibrates the counter of the processor, which must not be counted.
    threads.block_on(async { drop(start(handlers![hop], 0).await.shutdown().await) });
    counted(&threads, run(times));
    ExitCode::SUCCESS
}

/// Runs the path. valgrind counts the instructions in this fn.
#[inline(never)]
fn counted(threads: &tokio::runtime::Runtime, path: impl Future<Output = ()>) {
    threads.block_on(path);
}

/// The number of events that are not handled yet.
static LEFT: AtomicU32 = AtomicU32::new(0);
static NONE_LEFT: Notify = Notify::const_new();

fn handled<T>(body: T) {
    drop(black_box(body));
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        NONE_LEFT.notify_one();
    }
}

/// The default capacity of the queues of events and messages.
const CAPACITY: usize = 100;

/// The capacity of the queues whose handlers await.
const AWAITING_CAPACITY: usize = 1000;

/// Sends over a bare channel. The other paths are compared with this one.
async fn channel(times: u32) {
    LEFT.store(times, Ordering::Relaxed);
    let (sender, mut receiver) = mpsc::channel(CAPACITY);
    let receiving = tokio::spawn(async move {
        while let Some(body) = receiver.recv().await {
            handled::<Bytes>(body);
        }
    });
    send(sender, times).await;
    receiving.await.expect("an end");
}

/// Sends over a bare channel to a handler that awaits once. It is the baseline of `awaits`.
async fn channel_awaits(times: u32) {
    LEFT.store(times, Ordering::Relaxed);
    let (sender, mut receiver) = mpsc::channel(AWAITING_CAPACITY);
    let receiving = tokio::spawn(async move {
        while let Some(body) = receiver.recv().await {
            awaited(body).await;
        }
    });
    send(sender, times).await;
    receiving.await.expect("an end");
}

/// Sends all events over a channel, and waits until they are handled.
async fn send(sender: mpsc::Sender<Bytes>, times: u32) {
    for number in 0..times {
        sender.send(body(number)).await.expect("a receiver");
    }
    NONE_LEFT.notified().await;
}

#[on_event("build.failed", overflow = "wait")]
async fn hop(body: Bytes) {
    handled(body);
}

#[on_event("build.failed", overflow = "wait")]
#[process(concurrency = 64)]
async fn hop_64(body: Bytes) {
    handled(body);
}

#[on_event("build.failed", overflow = "wait")]
#[process(key = |failed: &Failed| failed.job)]
async fn hop_keyed(body: Bytes) {
    handled(body);
}

#[on_event("build.failed", queue = 10_000, overflow = "drop_oldest")]
#[process(key = |event: &TriggerEvent| event.id())]
async fn keyed_apart(body: Bytes) {
    handled(body);
}

#[on_event("build.failed", overflow = "wait")]
#[process(timeout = "30s")]
async fn hop_timeout(body: Bytes) {
    handled(body);
}

/// Awaits once, and then counts the event as handled.
async fn awaited(body: Bytes) {
    yield_now().await;
    handled(body);
}

#[on_event("build.failed", queue = AWAITING_CAPACITY, overflow = "wait")]
async fn awaits(body: Bytes) {
    awaited(body).await;
}

#[on_event("build.failed", queue = AWAITING_CAPACITY, overflow = "wait")]
#[process(concurrency = 4, key = |failed: &Failed| failed.job)]
async fn keyed_awaits(body: Bytes) {
    awaited(body).await;
}

#[on_event("build.failed", queue = AWAITING_CAPACITY, overflow = "wait")]
#[process(timeout = "30s")]
async fn timeout_awaits(body: Bytes) {
    awaited(body).await;
}

/// The publisher waits for capacity at each event.
#[on_event("build.failed", queue = 1, overflow = "wait")]
async fn waits(body: Bytes) {
    handled(body);
}

/// The first attempt at each event fails, and the second one follows at once.
#[on_event("build.failed", overflow = "wait")]
#[process(retry = 1)]
async fn retried(body: Bytes, attempt: Attempt) -> Outcome {
    if attempt.number() == 1 {
        return Outcome::Retry(Duration::ZERO);
    }
    handled(body);
    Outcome::Done
}

#[derive(Serialize, Deserialize)]
struct Failed {
    job: String,
    code: u16,
    attempt: u32,
}

/// Returns one of four bodies, which differ in the key of `hop-keyed`.
fn body(number: u32) -> Bytes {
    const BODIES: [&[u8]; 4] = [
        br#"{"job":"nightly","code":500,"attempt":3}"#,
        br#"{"job":"release","code":500,"attempt":3}"#,
        br#"{"job":"publish","code":500,"attempt":3}"#,
        br#"{"job":"preview","code":500,"attempt":3}"#,
    ];
    Bytes::from_static(BODIES[number as usize % BODIES.len()])
}

async fn start(handlers: impl IntoIterator<Item = &'static HandlerRecord>, times: u32) -> Runtime {
    LEFT.store(times, Ordering::Relaxed);
    Runtime::builder().handlers(handlers).start().await.expect("a sound process")
}

async fn emit_raw(handlers: [&'static HandlerRecord; 1], times: u32) {
    let runtime = start(handlers, times).await;
    let bus = runtime.bus();
    for number in 0..times {
        bus.emit_raw("build.failed", body(number)).await.expect("a type");
    }
    NONE_LEFT.notified().await;
}

/// Returns a runtime with a paused process and a full queue of 10,000 events, each with a different key.
async fn full() -> Runtime {
    let runtime = start(handlers![keyed_apart], 0).await;
    runtime.pause("keyed_apart").expect("the process");
    for number in 0..10_000 {
        runtime.bus().emit_raw("build.failed", body(number)).await.expect("a type");
    }
    runtime
}

/// The cost must not depend on the 10,000 queued events: each event evicts the oldest one.
async fn evict_keyed(times: u32) {
    let runtime = full().await;
    let bus = runtime.bus();
    for number in 0..times {
        bus.emit_raw("build.failed", body(number)).await.expect("a type");
    }
}

/// The cost must not depend on the 10,000 queued events.
async fn status(times: u32) {
    let runtime = full().await;
    for _ in 0..times {
        drop(black_box(runtime.status()));
    }
}

#[on_event("build.failed", overflow = "wait")]
async fn typed(Json(failed): Json<Failed>) {
    handled(failed);
}

async fn emit_typed(times: u32) {
    let runtime = start(handlers![typed], times).await;
    let bus = runtime.bus();
    for attempt in 0..times {
        let failed = Failed { job: "nightly".to_owned(), code: 500, attempt: attempt % 10 };
        bus.emit("build.failed", black_box(failed)).await.expect("a type");
    }
    NONE_LEFT.notified().await;
}

/// Begins and ends this number of waits of handlers, all at once, each with the start of its worker. The cost of one must
/// not depend on the others.
async fn waits_many(times: u32) {
    let waiting = |event_type: &str, capacity| {
        let trigger = TriggerConfig::event(event_type).queue(capacity).overflow(Overflow::Wait);
        ProcessConfig::new().trigger(trigger)
    };
    let times = times as usize;
    let relay = async |body: Bytes, bus: EventBus| drop(bus.emit_raw("build.relayed", body).await);
    let builder = Runtime::builder()
        .process("waits", waiting("build.failed", times).concurrency(times), relay)
        .process("full", waiting("build.relayed", 1), async |_: Bytes| std::future::pending::<()>().await);
    let runtime = builder.start().await.expect("sound processes");
    let bus = runtime.bus();
    for number in 0..times {
        bus.emit_raw("build.failed", body(number as u32)).await.expect("a type");
        yield_now().await;
    }
}

#[on_message("builds.{job}.failed", overflow = "wait")]
async fn captured(job: String, body: Bytes) {
    handled((job, body));
}

async fn message(times: u32) {
    let runtime = start(handlers![captured], times).await;
    let broker = runtime.broker();
    for number in 0..times {
        broker.publish_raw("builds.nightly.failed", body(number)).await.expect("a topic");
    }
    NONE_LEFT.notified().await;
}

/// Publishes to 64 triggers, and drains their queues when they are full.
async fn fan_out(times: u32) {
    const TRIGGERS: usize = 64;
    let bus = EventBus::new();
    let triggers: Vec<_> =
        (0..TRIGGERS).map(|_| EventTrigger::new(&bus, "build.failed").capacity(CAPACITY)).collect();
    for trigger in &triggers {
        trigger.start().await.expect("a type");
    }
    for number in 0..times {
        let sent = bus.emit_raw("build.failed", body(number)).await.expect("a type");
        assert_eq!(sent.queued(), Some(TRIGGERS));
        if (number as usize + 1).is_multiple_of(CAPACITY) {
            triggers.iter().for_each(|trigger| drop(black_box(trigger.drain_pending())));
        }
    }
}

/// Publishes over 10,000 subscriptions, of which two match. The topics take turns, because the cost of a look-up depends
/// on the topic.
async fn publish(times: u32) {
    const SUBSCRIPTIONS: usize = 10_000;
    const TOPICS: usize = 100;
    let broker = MessageBroker::new();
    let mut triggers = Vec::with_capacity(SUBSCRIPTIONS);
    for number in 0..SUBSCRIPTIONS / 2 {
        for last in ["done", "*"] {
            let trigger = MessageTrigger::new(&broker, &format!("jobs.{number}.{last}"));
            triggers.push(trigger.capacity(1).overflow(Overflow::DropOldest));
        }
    }
    for trigger in &triggers {
        trigger.start().await.expect("a pattern");
    }
    let topics: Vec<_> = (0..TOPICS).map(|number| format!("jobs.{number}.done")).collect();
    for number in 0..times {
        let topic = &topics[number as usize % TOPICS];
        let sent = broker.publish_raw(topic, body(number)).await.expect("a topic");
        assert_eq!(sent.matched(), Some(2));
    }
}

#[on_webhook("/builds", port = 0, host = "127.0.0.1", id = "builds")]
async fn posted(body: Bytes) {
    handled(body);
}

/// Sends webhook requests with a client of two system calls, whose own cost is small. It sends a prepared request, waits
/// for the handler, and then reads the answer, which has arrived by then.
async fn webhook(times: u32) {
    let runtime = start(handlers![posted], 1).await;
    let address = runtime.local_addr("builds").expect("a port");
    let mut client = TcpStream::connect(address).expect("a server");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let padding = "x".repeat(200 - r#"{"job":""}"#.len());
    let request = format!(
        "POST /builds HTTP/1.1\r\nHost: localhost\r\nUser-Agent: instructions\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: 200\r\n\r\n{{\"job\":\"{padding}\"}}"
    );
    let mut answer = [0; 1024];
    for _ in 0..times {
        LEFT.store(1, Ordering::Relaxed);
        client.write_all(request.as_bytes()).expect("a connection");
        NONE_LEFT.notified().await;
        let length = client.read(&mut answer).expect("an answer as soon as the handler is done");
        assert!(answer[..length].starts_with(b"HTTP/1.1 202 "), "refused");
    }
}
