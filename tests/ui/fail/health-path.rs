use triggers::prelude::*;

#[on_webhook("/health")]
async fn ingest(_event: TriggerEvent) {}

fn main() {}
