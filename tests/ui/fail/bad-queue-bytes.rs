use triggers::prelude::*;

#[on_event("order.paid", queue_bytes = "8MB")]
async fn ship(_event: TriggerEvent) {}

#[on_message("orders.*", queue_bytes = "0B")]
async fn bill(_event: TriggerEvent) {}

#[on_dead_letter(queue_bytes = 1024)]
async fn tell(_event: TriggerEvent) {}

fn main() {}
