#![forbid(unsafe_code, missing_docs, missing_debug_implementations, unreachable_pub, dead_code, unused)]
//! Private handlers need no exception from any of these lints.
use triggers::prelude::*;

#[on_message("orders.{id}")]
#[process(concurrency = 2)]
async fn ship(id: u64, order: Json<Vec<u8>>) {
    drop((id, order));
}

fn main() {}
