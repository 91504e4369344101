use triggers::prelude::*;

const PORT: &str = "9090";

#[on_webhook("/events", port = PORT)]
async fn ingest(_event: TriggerEvent) {}

#[on_event(MISSING)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
