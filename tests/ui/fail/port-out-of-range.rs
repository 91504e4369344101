use triggers::prelude::*;

#[on_webhook("/events", port = 70000)]
async fn ingest(_event: TriggerEvent) {}

fn main() {}
