use triggers::prelude::*;

#[on_event("order.paid")]
#[process(retry = -1)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 4294967296)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = "5")]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(max_retries = 5)]
async fn send(_event: TriggerEvent) {}

fn main() {}
