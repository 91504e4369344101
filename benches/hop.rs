//! Compares an event, from `emit` to the end of its handler, with a bare tokio channel.
//!
//! `cargo xtask bench hop`. Panic guard, counters and status are on, as always. Both sides have a capacity of 100, wait
//! for capacity, and handle the same bytes. It runs on one thread, and on a runtime with two.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Duration;

use benches::hop::{CAPACITY, Ours, a_task_for_each, chain_by_hand, config, ready_by_hand, typed_by_hand};
use benches::table::{Goal, Table};

fn main() {
    let mut one = tokio::runtime::Builder::new_current_thread();
    let one = one.enable_all().build().expect("a runtime");
    // An event reads the clock, 20 ns, and allocates its frame. The channel takes 82 to 100 ns, by the place of its code in
    // the binary, and an event 129 to 135, so the ratio moves between 1.35 and 1.6. One more allocation exceeds the goal.
    one.block_on(all("From `emit` to the end of the handler, on one thread", 1.7));
    let mut two = tokio::runtime::Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    two.block_on(all("From `emit` to the end of the handler, on a runtime with two threads", 1.2));
}

/// Measures every row. `ready` is the goal for the ratio of ready bytes.
async fn all(title: &str, ready: f64) {
    let mut table = Table::new(title, "by hand", "triggers");
    table.note(
        "By hand: a tokio channel with a capacity of 100, `send().await`, and a task that receives and calls the same \
         async block. Both handle the same 40 bytes. The timeout is 30 s; by hand there is no timeout. \
         The full queue has a capacity of 1, so the publisher waits at each event. In a chain, the first handler emits a \
         second event; by hand, the first task sends over a second channel.",
    );
    let by_hand = async || ready_by_hand(CAPACITY).await;
    let plain = Ours::ready(config(CAPACITY)).await;
    table.compare("ready bytes", Goal::AtMost(ready), by_hand, async || plain.emit().await).await;
    let timed = config(CAPACITY).timeout(Duration::from_secs(30));
    let timed = Ours::ready(timed).await;
    table.compare("with a timeout", Goal::AtMost(1.7), by_hand, async || timed.emit().await).await;
    let wide = Ours::ready(config(CAPACITY).concurrency(64)).await;
    table.compare("concurrency 64", Goal::AtMost(2.0), by_hand, async || wide.emit().await).await;
    let spawned = "concurrency 64, beside a task for each";
    table.compare(spawned, Goal::Under(1.0), a_task_for_each, async || wide.emit().await).await;
    let typed = Ours::typed().await;
    let name = "a struct to `Json<T>`, beside `to_vec` and `from_slice`";
    table.compare(name, Goal::AtMost(1.2), typed_by_hand, async || typed.emit_typed().await).await;
    let full = Ours::ready(config(1)).await;
    let by_hand = async || ready_by_hand(1).await;
    table.compare("a full queue", None, by_hand, async || full.emit().await).await;
    let chain = Ours::chain().await;
    table.compare("a chain of two", None, chain_by_hand, async || chain.emit().await).await;
    table.end();
}
