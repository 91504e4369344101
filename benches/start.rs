//! Measures handlers without an event: the time of the start and of the shutdown, and, on Linux, the memory in between. A
//! second table shows how both grow from a thousand handlers to ten thousand.
//!
//! `cargo xtask bench start`

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::fs;
use std::time::Instant;

use benches::number::Unit;
use benches::table::{Goal, Table};
use triggers::{Builder, Bytes, ProcessConfig, Runtime, TriggerConfig};

const HANDLERS: usize = 1000;
const ROUNDS: usize = 15;

#[tokio::main]
async fn main() {
    let before = resident();
    let (mut starts, mut stops, mut memory) = (Vec::new(), Vec::new(), None);
    for _ in 0..ROUNDS {
        let runtime = start(HANDLERS, &mut starts).await;
        // Later rounds reuse memory that the allocator has kept, so only the first round shows the memory of a start.
        if starts.len() == 1 {
            memory = resident().zip(before).map(|(now, before)| now - before);
        }
        stop(runtime, &mut stops).await;
    }
    let mut table = Table::new("A thousand handlers without an event", "", "1,000 handlers");
    table.alone("start", Unit::Nanoseconds, Goal::Under(10e6), &starts);
    table.alone("stop, idle", Unit::Nanoseconds, Goal::Under(50e6), &stops);
    if let Some(memory) = memory {
        table.exactly("memory, of the first start", Unit::Bytes, Goal::Under(10e6), memory);
    }
    table.end();
    ten_times_as_many().await;
}

async fn ten_times_as_many() {
    let [(mut starts, mut stops), (mut many_starts, mut many_stops)] = Default::default();
    for _ in 0..ROUNDS {
        let runtime = start(HANDLERS, &mut starts).await;
        stop(runtime, &mut stops).await;
        let runtime = start(10 * HANDLERS, &mut many_starts).await;
        stop(runtime, &mut many_stops).await;
    }
    let mut table = Table::new("Ten times as many handlers", "1,000 handlers", "10,000 handlers");
    table.note("With a linear cost the ratio is about 10 x, and with a quadratic one 100 x.");
    table.beside("start", Unit::Nanoseconds, None, &starts, &many_starts);
    table.beside("stop, idle", Unit::Nanoseconds, None, &stops, &many_stops);
    table.end();
}

/// Starts this number of handlers, and adds the time in nanoseconds.
async fn start(handlers: usize, times: &mut Vec<f64>) -> Runtime {
    let builder = builder(handlers);
    let began = Instant::now();
    let runtime = builder.start().await.expect("a sound wiring");
    times.push(began.elapsed().as_nanos() as f64);
    runtime
}

/// Stops the runtime, and adds the time in nanoseconds.
async fn stop(runtime: Runtime, times: &mut Vec<f64>) {
    let began = Instant::now();
    runtime.shutdown().await;
    times.push(began.elapsed().as_nanos() as f64);
}

fn builder(handlers: usize) -> Builder {
    (0..handlers).fold(Runtime::builder(), |builder, number| {
        let trigger = match number % 2 {
            0 => TriggerConfig::event(format!("order.paid_{number}")),
            _ => TriggerConfig::message(format!("reports.*.r{number}")),
        };
        let config = ProcessConfig::new().trigger(trigger);
        builder.process(format!("p{number}"), config, |_: Bytes| async {})
    })
}

/// Returns the resident memory of the program in bytes; `None` if the system does not provide it.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
