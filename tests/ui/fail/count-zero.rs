use triggers::prelude::*;

#[on_event("order.paid", queue = 0)]
#[process(concurrency = 0, retry = 5000000000)]
async fn ship(_event: TriggerEvent) {}

#[on_message("orders.*", queue = -1)]
#[process(concurrency = "8")]
async fn pack(_event: TriggerEvent) {}

fn main() {}
