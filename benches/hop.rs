//! What does an event cost from `emit` to the end of its handler, beside a bare tokio channel?
//!
//! `cargo xtask bench hop`. Panic guard, counters and status are on, as always. Both sides have 100 places, wait for
//! room and handle the same bytes: on one thread, and on a runtime with two.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::done::Done;
use benches::side::Took;
use benches::table::{Goal, Table};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use triggers::{Bytes, Handler, Json, Overflow, ProcessConfig, Runtime, TriggerConfig};

const EVENTS: u32 = 20_000;
const PLACES: usize = 100;
const BODY: &[u8] = br#"{"job":"nightly","code":500,"attempt":3}"#;

#[derive(Serialize, Deserialize)]
struct Failed {
    job: String,
    code: u16,
    attempt: u32,
}

fn failed() -> Failed {
    Failed { job: "nightly".to_owned(), code: 500, attempt: 3 }
}

fn main() {
    let mut one = tokio::runtime::Builder::new_current_thread();
    let one = one.enable_all().build().expect("a runtime");
    one.block_on(all("From `emit` to the end of the handler, on one thread"));
    let mut two = tokio::runtime::Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    two.block_on(all("From `emit` to the end of the handler, on a runtime with two threads"));
}

async fn all(title: &str) {
    let mut table = Table::new(title, "by hand", "triggers");
    table.note(
        "By hand is a tokio channel with 100 places, `send().await`, and a task that receives and calls the same async \
         block. Both handle the same 40 bytes. Timeouts are 30 s, and by hand there is none.",
    );
    let hop = async || by_hand(|| Bytes::from_static(BODY), |body| drop(black_box(body))).await;
    let plain = Ours::start(config(), handle).await;
    table.compare("ready bytes", Goal::AtMost(1.2), hop, async || plain.emit().await).await;
    let timed = ProcessConfig { timeout: Some(Duration::from_secs(30)), ..config() };
    let timed = Ours::start(timed, handle).await;
    table.compare("with a timeout", Goal::AtMost(1.5), hop, async || timed.emit().await).await;
    let wide = Ours::start(ProcessConfig { concurrency: 64, ..config() }, handle).await;
    table.compare("concurrency 64", Goal::AtMost(2.0), hop, async || wide.emit().await).await;
    let spawned = "concurrency 64, beside a task for each";
    table.compare(spawned, Goal::Under(1.0), a_task_for_each, async || wide.emit().await).await;
    let typed = Ours::start(config(), |Json(failed): Json<Failed>| async move {
        black_box(failed);
        DONE.one();
    });
    let typed = typed.await;
    let encode = || Bytes::from(serde_json::to_vec(&black_box(failed())).expect("JSON"));
    let decode = |body: Bytes| drop(black_box(serde_json::from_slice::<Failed>(&body).expect("JSON")));
    let by_hand = async || by_hand(encode, decode).await;
    let name = "a struct to `Json<T>`, beside `to_vec` and `from_slice`";
    table.compare(name, Goal::AtMost(1.2), by_hand, async || typed.emit_typed().await).await;
    table.end();
}

static DONE: Done = Done::new();

async fn handle(body: Bytes) {
    drop(black_box(body));
    DONE.one();
}

/// A channel with a task that receives.
async fn by_hand(encode: impl Fn() -> Bytes, decode: fn(Bytes)) -> Took {
    let (sender, mut receiver) = mpsc::channel(PLACES);
    let receiving = tokio::spawn(async move {
        while let Some(body) = receiver.recv().await {
            async {
                decode(body);
                DONE.one();
            }
            .await;
        }
    });
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

async fn a_task_for_each() -> Took {
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
struct Ours(Runtime);

impl Ours {
    async fn start<Args>(config: ProcessConfig, handler: impl Handler<Args>) -> Ours {
        let builder = Runtime::builder().process("hop", config, handler);
        Ours(builder.start().await.expect("a sound process"))
    }

    async fn emit(&self) -> Took {
        let bus = self.0.bus();
        DONE.expect(EVENTS);
        let began = Instant::now();
        for _ in 0..EVENTS {
            bus.emit_raw("build.failed", Bytes::from_static(BODY)).await.expect("a type");
        }
        DONE.all().await;
        Took(began.elapsed(), EVENTS)
    }

    async fn emit_typed(&self) -> Took {
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

fn config() -> ProcessConfig {
    let trigger = TriggerConfig::event("build.failed").queue(PLACES).overflow(Overflow::Wait);
    ProcessConfig { triggers: vec![trigger], ..ProcessConfig::default() }
}
