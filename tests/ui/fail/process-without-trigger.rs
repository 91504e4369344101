use triggers::prelude::*;

#[process(concurrency = 8)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
