use triggers::prelude::*;

#[on_event("order.paid", overflow = "drop_old")]
async fn ship(_event: TriggerEvent) {}

#[on_message("orders.*", overflow = DropOldest)]
async fn bill(_event: TriggerEvent) {}

fn main() {}
