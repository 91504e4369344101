use triggers::prelude::*;

const EVENTS: &str = "events";
const PAID: &str = "order paid";
const NONE: usize = 0;

#[on_webhook(EVENTS)]
async fn take(_event: TriggerEvent) {}

#[on_event(PAID)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid", queue = NONE)]
async fn bill(_event: TriggerEvent) {}

fn main() {}
