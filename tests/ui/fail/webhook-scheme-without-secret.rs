use triggers::prelude::*;

#[on_webhook("/events", verify = github)]
async fn on_push(_event: TriggerEvent) {}

#[on_webhook("/orders", verify = hmac(header = "X-Signature"))]
async fn on_order(_event: TriggerEvent) {}

fn main() {}
