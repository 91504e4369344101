use triggers::prelude::*;

#[on_event("order.paid")]
#[process(retry = 5, backoff = "30s")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 5, backoff = "200ms-30s")]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 5, backoff = "30s..200ms")]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 5, backoff = "200ms..30sec")]
async fn send(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(retry = 5, backoff = 200ms..30s)]
async fn store(_event: TriggerEvent) {}

fn main() {}
