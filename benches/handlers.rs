//! Measures an event whose handler awaits, sleeps, or fails and is retried.
//!
//! `cargo xtask bench handlers`. It measures from `emit` to the end of the handler. The queue has a capacity of 1000 and
//! the policy `wait`. It runs on one thread, and on a runtime with two. Most rows have ready bytes on both sides, so their
//! ratio is that of the hop. The others have a struct and `Json<T>`.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Duration;

use benches::awaiting::{
    CAPACITY, DELAY, KEYS, LIMIT, keyed_by_hand, ready_by_hand, ready_by_hand_at_once, retried_by_hand,
    retried_late_by_hand, sleeping_by_hand, timeout_by_hand, typed_by_hand, typed_by_hand_at_once,
};
use benches::hop::{Ours, config};
use benches::number::Unit;
use benches::side::{Side, in_turns};
use benches::table::{Goal, Table};

const AT_ONCE: usize = 64;

fn main() {
    let mut one = tokio::runtime::Builder::new_current_thread();
    let one = one.enable_all().build().expect("a runtime");
    one.block_on(ready("A handler that awaits, on one thread", 1.2));
    one.block_on(typed("A handler of `Json<T>` that awaits once, on one thread"));
    let mut two = tokio::runtime::Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    two.block_on(ready("A handler that awaits, on a runtime with two threads", 1.25));
    two.block_on(typed("A handler of `Json<T>` that awaits once, on a runtime with two threads"));
}

/// Measures the handlers of ready bytes. `awaiting` is the goal for the ratio of a handler that awaits once.
async fn ready(title: &str, awaiting: f64) {
    let mut table = Table::new(title, "by hand", "triggers");
    let ours = Ours::awaiting(config(CAPACITY)).await;
    let goal = Goal::AtMost(awaiting);
    table.compare("awaits once", goal, ready_by_hand, async || ours.emit().await).await;
    let ours = Ours::awaiting(config(CAPACITY).timeout(LIMIT)).await;
    let goal = Goal::AtMost(1.3);
    table.compare("with a timeout", goal, timeout_by_hand, async || ours.emit().await).await;
    let ours = Ours::awaiting(config(CAPACITY).concurrency(AT_ONCE)).await;
    let by_hand = async || ready_by_hand_at_once(AT_ONCE).await;
    let goal = Goal::AtMost(0.65);
    table.compare("64 at a time", goal, by_hand, async || ours.emit().await).await;
    let ours = Ours::keyed().await;
    let name = format!("with {KEYS} keys");
    table.compare(&*name, None, keyed_by_hand, async || ours.emit_keyed().await).await;
    let ours = Ours::sleeping().await;
    let name = "sleeps 1 ms, 1000 at a time";
    table.compare(name, None, sleeping_by_hand, async || ours.emit().await).await;
    let ours = Ours::retried(Duration::ZERO).await;
    table.compare("fails, retried at once", None, retried_by_hand, async || ours.emit().await).await;
    let ours = Ours::retried(DELAY).await;
    let name = "fails, retried after 1 ms";
    table.compare(name, None, retried_late_by_hand, async || ours.emit().await).await;
    table.note(
        "By hand, 40 bytes are sent over a tokio channel with a capacity of 1000 by `send().await`. The receiving task \
         awaits the handler, which awaits `yield_now` on both sides. The timeout is 30 s, by hand that of \
         `tokio::time::timeout`. `N at a time`, the task waits for a permit of a semaphore and spawns a task for each \
         event. With keys there is a channel and a task for each key, in a map. The first attempt of a handler that fails \
         returns an error; by hand, a loop calls the handler again. After 1 ms, this loop sleeps in a task for each event, \
         of which up to 1000 exist, and `triggers` keeps up to 1000 events in the queue.",
    );
    table.end();
}

/// Measures a handler of a struct that awaits once.
async fn typed(title: &str) {
    let mut table = Table::new(title, "by hand", "triggers");
    let ours = Ours::awaiting_typed(1).await;
    measure(&mut table, "one at a time", typed_by_hand, async || ours.emit_typed().await).await;
    let ours = Ours::awaiting_typed(AT_ONCE).await;
    let by_hand = async || typed_by_hand_at_once(AT_ONCE).await;
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
