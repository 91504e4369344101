use triggers::prelude::*;

#[on_webhook("/events", allow = ["192.30.252.0/22", "192.30.252.0/33"])]
async fn on_push(_event: TriggerEvent) {}

#[on_webhook("/orders", trusted_proxies = ["10.0.0"])]
async fn on_order(_event: TriggerEvent) {}

fn main() {}
