use triggers::prelude::*;

#[on_event("order.paid")]
#[process(backoff = "1s..5m")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 0, backoff = "1s..5m")]
async fn bill(_event: TriggerEvent) {}

fn main() {}
