//! Measures an event with a handler that takes typed data and awaits: its time, and the events per second.
//!
//! `cargo xtask bench handlers`. It measures from `emit` of a struct to the end of a handler of `Json<T>` that yields
//! once. The queue has a capacity of 1000 and the policy `wait`. The concurrency is 1 and 64, on one thread and on a
//! runtime with two.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use benches::hop::{Ours, awaiting_by_hand, awaiting_by_hand_at_once};
use benches::number::Unit;
use benches::side::{Side, in_turns};
use benches::table::Table;
use triggers::{Overflow, ProcessConfig, TriggerConfig};

const CAPACITY: usize = 1000;
const AT_ONCE: usize = 64;

fn main() {
    let mut one = tokio::runtime::Builder::new_current_thread();
    let one = one.enable_all().build().expect("a runtime");
    one.block_on(all("A handler of `Json<T>` that awaits once, on one thread"));
    let mut two = tokio::runtime::Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    two.block_on(all("A handler of `Json<T>` that awaits once, on a runtime with two threads"));
}

async fn all(title: &str) {
    let mut table = Table::new(title, "by hand", "triggers");
    let ours = Ours::awaiting(config(1)).await;
    let by_hand = async || awaiting_by_hand(CAPACITY).await;
    measure(&mut table, "one at a time", by_hand, async || ours.emit_typed().await).await;
    let ours = Ours::awaiting(config(AT_ONCE)).await;
    let by_hand = async || awaiting_by_hand_at_once(CAPACITY, AT_ONCE).await;
    measure(&mut table, "64 at a time", by_hand, async || ours.emit_typed().await).await;
    table.note(
        "By hand, a struct is serialized with `to_vec`, sent over a tokio channel with a capacity of 1000 by \
         `send().await`, and deserialized with `from_slice`. One at a time, the receiving task awaits the handler. 64 at \
         a time, it waits for a permit of a semaphore and spawns a task for each event. The handler awaits `yield_now` on \
         both sides. The threads also publish, so the events per second are those of a whole program.",
    );
    table.end();
}

/// Adds the time of an event and the events per second, both from the same rounds.
async fn measure(table: &mut Table, name: &str, mut by_hand: impl Side, mut ours: impl Side) {
    let rounds = in_turns(&mut [&mut by_hand, &mut ours]).await;
    table.beside(name, Unit::Nanoseconds, None, &rounds[0], &rounds[1]);
    let per_second = |nanoseconds: &Vec<f64>| nanoseconds.iter().map(|each| 1e9 / each).collect::<Vec<_>>();
    let [by_hand, ours] = [0, 1].map(|side| per_second(&rounds[side]));
    table.beside(&*format!("{name}, events/s"), Unit::PerSecond, None, &by_hand, &ours);
}

fn config(concurrency: usize) -> ProcessConfig {
    let trigger = TriggerConfig::event("build.failed").queue(CAPACITY).overflow(Overflow::Wait);
    ProcessConfig::new().trigger(trigger).concurrency(concurrency)
}
