use triggers::prelude::*;

#[on_event("order.paid", crate = triggers)]
#[process(crate = other)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid", crate = "triggers")]
async fn bill(_event: TriggerEvent) {}

fn main() {}
