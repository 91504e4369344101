use triggers::prelude::*;

#[on_webhook("/events", port = "9090", host = 127, queue = -1, body_limit = 1024)]
async fn ingest(_event: TriggerEvent) {}

#[on_event(17, source = 'x', id = IDS, queue = 0)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
