//! What do a thousand handlers cost before the first event? The time of a start and of the end of an idle runtime, and the
//! memory in between (on Linux).
//!
//! `cargo bench --package benches --bench start`

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::fs;
use std::time::Instant;

use triggers::{Builder, Bytes, ProcessConfig, Runtime, TriggerConfig};

const HANDLERS: usize = 1000;
const ROUNDS: usize = 15;

#[tokio::main]
async fn main() {
    let before = resident();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let builder = builder();
        let began = Instant::now();
        let runtime = builder.start().await.expect("a sound wiring");
        let (started, memory) = (began.elapsed(), resident());
        let began = Instant::now();
        runtime.shutdown().await;
        rounds.push((started, began.elapsed(), memory.saturating_sub(before)));
    }
    println!("memory of the first {HANDLERS} handlers: {} KiB", rounds[0].2);
    rounds.sort();
    println!("start: {:?} ({:?} to {:?})", rounds[ROUNDS / 2].0, rounds[0].0, rounds[ROUNDS - 1].0);
    rounds.sort_by_key(|(_, stopped, _)| *stopped);
    println!("stop, idle: {:?} ({:?} to {:?})", rounds[ROUNDS / 2].1, rounds[0].1, rounds[ROUNDS - 1].1);
}

fn builder() -> Builder {
    (0..HANDLERS).fold(Runtime::builder(), |builder, number| {
        let trigger = match number % 2 {
            0 => TriggerConfig::event(format!("order.paid_{number}")),
            _ => TriggerConfig::message(format!("reports.*.r{number}")),
        };
        let config = ProcessConfig { triggers: vec![trigger], ..ProcessConfig::default() };
        builder.process(format!("p{number}"), config, |_: Bytes| async {})
    })
}

/// What the program has in memory, in KiB; 0 where nobody says.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}
