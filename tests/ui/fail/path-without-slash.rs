use triggers::prelude::*;

#[on_webhook("events")]
async fn ingest(_event: TriggerEvent) {}

fn main() {}
