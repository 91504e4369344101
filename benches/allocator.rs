//! What does an event cost from `emit` to the end of its handler with another allocator than the system's?
//!
//! `cargo xtask bench allocator`. As `hop` on one thread, with mimalloc on both sides: what is between the two is how much
//! of an event the C library takes to make room for it.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use benches::hop::{Ours, config, ready_by_hand, typed_by_hand};
use benches::table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut table = Table::new("The same on one thread with mimalloc", "by hand", "triggers");
    table.note(
        "As the first table, but for the allocator, which a program chooses in two lines. A channel asks for no memory \
         with each event, and an event does once, for its envelope.",
    );
    let plain = Ours::ready(config()).await;
    table.compare("ready bytes", None, ready_by_hand, async || plain.emit().await).await;
    let typed = Ours::typed().await;
    let name = "a struct to `Json<T>`, beside `to_vec` and `from_slice`";
    table.compare(name, None, typed_by_hand, async || typed.emit_typed().await).await;
    table.end();
}
