use triggers::prelude::*;

#[on_event]
async fn ship(_event: TriggerEvent) {}

#[on_message(queue = 10)]
async fn archive(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[on_webhook()]
async fn ingest(_event: TriggerEvent) {}

#[on_webhook(path = "/events")]
async fn named(_event: TriggerEvent) {}

fn main() {}
