use triggers::prelude::*;

#[on_webhook("/events", body_limit = "1MB")]
async fn ingest(_event: TriggerEvent) {}

#[on_webhook("/nothing", body_limit = "0B")]
async fn nothing(_event: TriggerEvent) {}

fn main() {}
