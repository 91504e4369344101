use triggers::prelude::*;

#[on_event("order.paid", queue = 10, queue = 20)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(concurrency = 2)]
#[process(name = "billing")]
async fn bill(_event: TriggerEvent) {}

fn main() {}
