use triggers::prelude::*;

#[on_event("order.paid", port = 9090, concurrency = 8)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(queue = 10)]
async fn bill(_event: TriggerEvent) {}

fn main() {}
