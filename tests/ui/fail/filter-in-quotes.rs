use triggers::prelude::*;

#[on_event("pipeline.error", filter = "code >= 500")]
async fn page(_event: TriggerEvent) {}

#[on_webhook("/deploy", filter = is_main)]
async fn deploy(_event: TriggerEvent) {}

fn main() {}
