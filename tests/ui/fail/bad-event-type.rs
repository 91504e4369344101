use triggers::prelude::*;

#[on_event("order.*")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order paid")]
async fn bill(_event: TriggerEvent) {}

fn main() {}
