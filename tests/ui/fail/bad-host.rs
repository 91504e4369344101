use triggers::prelude::*;

#[on_webhook("/events", host = "localhost:9090")]
async fn ingest(_event: TriggerEvent) {}

fn main() {}
