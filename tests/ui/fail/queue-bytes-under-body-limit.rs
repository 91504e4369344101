use triggers::prelude::*;

#[on_webhook("/events", body_limit = "1MiB", queue_bytes = "512KiB")]
async fn ingest(_event: TriggerEvent) {}

fn main() {}
