use triggers::prelude::*;

#[on_webhook("/events", verify = github(secret = "It's a Secret to Everybody"))]
async fn on_push(_event: TriggerEvent) {}

#[on_webhook("/orders", verify = github("It's a Secret to Everybody"))]
async fn on_order(_event: TriggerEvent) {}

fn main() {}
