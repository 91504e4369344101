use triggers::prelude::*;

const TIMEOUT: &str = "30";
const NONE: &str = "0s";
const BACKOFF: &str = "30s..1s";
const WAIT: std::time::Duration = std::time::Duration::from_secs(30);

#[on_event("order.paid")]
#[process(timeout = TIMEOUT)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = NONE)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 1, backoff = BACKOFF)]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = WAIT)]
async fn send(_event: TriggerEvent) {}

fn main() {}
