//! Measures an event from `emit` to the end of its handler with mimalloc instead of the system's allocator.
//!
//! `cargo xtask bench allocator`. The rest is as in `hop` on one thread. The difference between the two benches is the
//! cost of the system's allocator.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use benches::hop::{CAPACITY, Ours, config, ready_by_hand, typed_by_hand};
use benches::table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut table = Table::new("The same on one thread with mimalloc", "by hand", "triggers");
    table.note(
        "As the first table, with another allocator, which a program selects in two lines. A channel allocates nothing \
         per event. `triggers` allocates once per event, for the envelope.",
    );
    let by_hand = async || ready_by_hand(CAPACITY).await;
    let plain = Ours::ready(config(CAPACITY)).await;
    table.compare("ready bytes", None, by_hand, async || plain.emit().await).await;
    let typed = Ours::typed().await;
    let name = "a struct to `Json<T>`, beside `to_vec` and `from_slice`";
    table.compare(name, None, typed_by_hand, async || typed.emit_typed().await).await;
    table.end();
}
