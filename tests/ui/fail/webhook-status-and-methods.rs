use triggers::prelude::*;

#[on_webhook("/events", accepted = 201)]
async fn on_push(_event: TriggerEvent) {}

#[on_webhook("/orders", methods = ["POST", "GET"])]
async fn on_order(_event: TriggerEvent) {}

fn main() {}
