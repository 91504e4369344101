use triggers::prelude::*;

#[on_webhook("/events", verify = gitub(env = "GITHUB_WEBHOOK_SECRET"))]
async fn on_push(_event: TriggerEvent) {}

fn main() {}
