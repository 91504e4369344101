use triggers::prelude::*;

#[on_event("order.paid")]
#[process(retry = 3)]
#[process(concurrency = 2)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
