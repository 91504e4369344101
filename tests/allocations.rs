//! How often the way of an event asks for memory. A binary of its own, as its allocator counts.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test ends where it fails")]

use triggers::Handler;
use triggers::prelude::*;

const EVENTS: u64 = 1000;

/// The one is the event, which all who get it share; the future of the handler is in a place that is used again.
#[test]
fn event_of_ready_bytes_takes_one_allocation() {
    let emit = async |bus: &EventBus| drop(bus.emit_raw("build.failed", Bytes::from_static(b"{}")).await);
    assert_each_takes(1, emit, |_: Bytes| async {});
}

/// The other one is for its bytes. What is read from them may have memory of its own; this has none.
#[test]
fn event_of_a_type_takes_two_allocations() {
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
    let config = ProcessConfig { triggers: vec![trigger], ..ProcessConfig::default() };
    let start = Runtime::builder().process("counts", config, handler).start();
    let runtime = threads.block_on(start).expect("a sound process");
    let bus = runtime.bus();
    // The queue grows to its size.
    threads.block_on(emit(&bus));
    let counted = allocation_counter::measure(|| threads.block_on(emit(&bus)));
    // Where the queue is full, the publisher waits in a box.
    let most = allocations * EVENTS + EVENTS / 10;
    assert!(counted.count_total <= most, "{} for {EVENTS} events", counted.count_total);
    let report = threads.block_on(runtime.shutdown());
    assert_eq!((report.completed > 0, report.left), (true, 0));
}
