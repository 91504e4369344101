//! `#[process]` may be the outermost attribute. No imported attribute counts as unused.
#![deny(warnings)]
use triggers::{TriggerEvent, on_event, on_message, process};

#[process(concurrency = 2)]
#[on_event("order.paid")]
#[on_message("orders.*")]
async fn ship(_event: TriggerEvent) {}

fn main() {}
