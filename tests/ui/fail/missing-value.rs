use triggers::prelude::*;

#[on_webhook("/orders", port = , queue)]
async fn ship(_event: TriggerEvent) {}

#[on_event]
async fn bill(_event: TriggerEvent) {}

#[on_message = "orders.*"]
async fn pack(_event: TriggerEvent) {}

fn main() {}
