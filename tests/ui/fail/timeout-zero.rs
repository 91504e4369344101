use triggers::prelude::*;

#[on_event("order.paid")]
#[process(timeout = "0s")]
async fn ship(_event: TriggerEvent) {}

fn main() {}
