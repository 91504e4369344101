use triggers::prelude::*;

#[on_event("number", filter = |n: &u32| *n > 1, filter = |n: &u32| *n < 9)]
async fn between(_event: TriggerEvent) {}

#[on_event("number", when = |n: &u32| *n > 1)]
async fn above(_event: TriggerEvent) {}

fn main() {}
