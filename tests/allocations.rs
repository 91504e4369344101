//! The allocations of an event, and the memory that it keeps. A separate binary, because its allocator counts.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test ends where it fails")]

use triggers::Handler;
use triggers::prelude::*;

#[allow(dead_code, reason = "`block_until` is for threads")]
#[path = "it/until.rs"]
mod until;

use until::until;

const EVENTS: u64 = 1000;

/// The allocation is the event, which all triggers share; a worker reuses the memory of the handler's future.
#[test]
fn event_of_raw_bytes_takes_one_allocation() {
    let emit = async |bus: &EventBus| drop(bus.emit_raw("build.failed", Bytes::from_static(b"{}")).await);
    assert_each_takes(1, emit, |_: Bytes| async {});
}

/// The second allocation holds the bytes. A decoded value may allocate too; this one does not.
#[test]
fn event_of_serialized_data_takes_two_allocations() {
    let emit = async |bus: &EventBus| drop(bus.emit("build.failed", [500; 20]).await);
    assert_each_takes(2, emit, |_: Json<[u16; 20]>| async {});
}

fn assert_each_takes<Args>(allocations: u64, emit_one: impl AsyncFn(&EventBus), handler: impl Handler<Args>) {
    let emit = async |bus: &EventBus| {
        for _ in 0..EVENTS {
            emit_one(bus).await;
        }
    };
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let trigger = TriggerConfig::event("build.failed").overflow(Overflow::Wait);
    let config = ProcessConfig::new().trigger(trigger);
    let start = Runtime::builder().process("counts", config, handler).start();
    let runtime = threads.block_on(start).expect("a valid process");
    let bus = runtime.bus();
    // The first round grows the queue to its final size.
    threads.block_on(emit(&bus));
    let counted = allocation_counter::measure(|| threads.block_on(emit(&bus)));
    // A publisher that finds the queue full waits in a box.
    let most = allocations * EVENTS + EVENTS / 10;
    assert!(counted.count_total <= most, "{} for {EVENTS} events", counted.count_total);
    let report = threads.block_on(runtime.shutdown());
    assert_eq!((report.completed > 0, report.left), (true, 0));
}

/// The number of events that a test keeps, and the size of each body.
const KEPT: usize = 20;
const BODY: usize = 1024 * 1024;

/// A JSON list of `BODY` bytes. Parsed, it takes 16 times as much memory.
fn zeros() -> Bytes {
    let list = vec!["0"; BODY / 2].join(",");
    Bytes::copy_from_slice(format!("[{list}]").as_bytes())
}

/// Runs a program. Asserts that it keeps the bytes of `KEPT` events, and no JSON that was parsed from them.
fn assert_keeps_bytes_alone(
    program: impl AsyncFn(&Runtime),
    config: ProcessConfig,
    handler: impl Handler<(TriggerEvent,)>,
) {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let start = Runtime::builder().process("parses", config, handler).start();
    let runtime = threads.block_on(start).expect("a valid process");
    let counted = allocation_counter::measure(|| threads.block_on(program(&runtime)));
    let most = (KEPT + 1) * BODY;
    assert!(counted.bytes_max > 8 * BODY as u64, "the handler parses: {}", counted.bytes_max);
    assert!(counted.bytes_current < most as i64, "{} bytes for {KEPT} events", counted.bytes_current);
    drop(runtime);
}

async fn fails_after_it_parses(event: TriggerEvent) -> Result<()> {
    Err(format!("{} numbers", event.payload()["data"].as_array().map_or(0, Vec::len)).into())
}

async fn asks_for_a_retry_after_it_parses(event: TriggerEvent) -> Outcome {
    let numbers = event.payload()["data"].as_array().map_or(0, Vec::len);
    Outcome::Retry(std::time::Duration::from_secs(numbers as u64))
}

fn config(trigger: TriggerConfig) -> ProcessConfig {
    ProcessConfig::new().trigger(trigger.overflow(Overflow::Wait))
}

#[test]
fn dead_letter_keeps_no_parsed_json() {
    let program = async |runtime: &Runtime| {
        for _ in 0..KEPT {
            runtime.bus().emit_raw("zeros", zeros()).await.expect("capacity");
        }
        until("the dead letters", || runtime.status().processes[0].dead_lettered == KEPT as u64).await;
    };
    assert_keeps_bytes_alone(program, config(TriggerConfig::event("zeros")), fails_after_it_parses);
}

#[test]
fn event_that_waits_for_its_retry_keeps_no_parsed_json() {
    let config = config(TriggerConfig::event("zeros")).retry(1);
    let program = async |runtime: &Runtime| {
        for _ in 0..KEPT {
            runtime.bus().emit_raw("zeros", zeros()).await.expect("capacity");
        }
        until("the retries", || runtime.status().processes[0].waiting == KEPT).await;
    };
    assert_keeps_bytes_alone(program, config, asks_for_a_retry_after_it_parses);
}

#[test]
fn queued_event_keeps_no_json_that_its_filter_parsed() {
    let filter = triggers::Filter::of(|event: &TriggerEvent| event.payload()["data"].is_array());
    let program = async |runtime: &Runtime| {
        runtime.pause("parses").expect("the process");
        for _ in 0..KEPT {
            runtime.bus().emit_raw("zeros", zeros()).await.expect("capacity");
        }
        assert_eq!(runtime.status().processes[0].triggers[0].queue_size, KEPT);
    };
    assert_keeps_bytes_alone(
        program,
        config(TriggerConfig::event("zeros").filter(filter)),
        fails_after_it_parses,
    );
}
