use triggers::prelude::*;

#[on_webhook("/events", rate = "0/s")]
async fn on_push(_event: TriggerEvent) {}

#[on_webhook("/orders", rate_per_client = "10 per second")]
async fn on_order(_event: TriggerEvent) {}

fn main() {}
