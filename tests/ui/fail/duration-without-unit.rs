use triggers::prelude::*;

#[on_event("order.paid")]
#[process(timeout = "30")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = 30)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = 30s)]
async fn pack(_event: TriggerEvent) {}

fn main() {}
