//! A long run keeps its memory flat: events through a small queue, and dead letters of failures.
//!
//! `FLAT_MEMORY_EVENTS=10000000 cargo test --release --test flat_memory` takes 10 million events instead of 100,000.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

use triggers::prelude::*;

/// The number of events, which takes under 3 s without optimization.
fn events() -> u32 {
    let given = std::env::var("FLAT_MEMORY_EVENTS").ok();
    given.map_or(100_000, |number| number.parse().expect("a number of events"))
}

/// Publishes events to a queue of 16, and returns the largest number of bytes that the run has held at once.
fn most_bytes(tokio: &tokio::runtime::Runtime, events: u32, fails: bool) -> u64 {
    let handler =
        move |Json(_): Json<u32>| async move { if fails { Err(Error::from("no")) } else { Ok(()) } };
    let trigger = TriggerConfig::event("e").queue(16).overflow(Overflow::Wait);
    let config = ProcessConfig::new().trigger(trigger).concurrency(4);
    let measured = allocation_counter::measure(|| {
        tokio.block_on(async {
            let builder = Runtime::builder().process("p", config.clone(), handler);
            let runtime = builder.start().await.expect("it starts");
            let bus = runtime.bus();
            for number in 0..events {
                bus.emit("e", number).await.expect("it is queued");
            }
            assert_eq!(runtime.shutdown().await.left, 0);
            let status = runtime.status().processes.remove(0);
            assert_eq!(status.handled + status.dead_lettered, u64::from(events));
        });
    });
    measured.bytes_max
}

#[test]
fn memory_does_not_grow_with_the_number_of_events() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for fails in [false, true] {
        // The dead letters are full after 1000 failures.
        let (short, long) = (most_bytes(&tokio, 2000, fails), most_bytes(&tokio, events(), fails));
        assert!(long <= short + 64 * 1024, "fails: {fails}: {short} bytes grew to {long}");
    }
}
