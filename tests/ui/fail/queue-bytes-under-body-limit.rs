use triggers::prelude::*;

#[on_webhook("/events", body_limit = "1MiB", queue_bytes = "512KiB")]
async fn ingest(_event: TriggerEvent) {}

// The default of `body_limit` is 1 MiB.
#[on_webhook("/default", queue_bytes = "512KiB")]
async fn default(_event: TriggerEvent) {}

// The default of `queue_bytes` is 64 MiB.
#[on_webhook("/large", body_limit = "65MiB")]
async fn large(_event: TriggerEvent) {}

fn main() {}
