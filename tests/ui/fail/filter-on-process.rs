use triggers::prelude::*;

#[on_event("number")]
#[process(filter = |number: &u16| *number >= 500)]
async fn large(_event: TriggerEvent) {}

fn main() {}
