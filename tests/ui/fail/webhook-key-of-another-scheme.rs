use triggers::prelude::*;

#[on_webhook("/events", verify = github(env = "GITHUB_WEBHOOK_SECRET", tolerance = "5m"))]
async fn on_push(_event: TriggerEvent) {}

fn main() {}
