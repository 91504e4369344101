use triggers::prelude::*;

#[on_webhook("/a", overflow = "reject")]
async fn reject(_event: TriggerEvent) {}

#[on_webhook("/b", overflow = "drop_newest")]
async fn drop_newest(_event: TriggerEvent) {}

fn main() {}
