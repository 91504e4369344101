use triggers::prelude::*;

const REPORTS: &str = "reports.*";

#[on_event("order.paid", source = "shop")]
#[on_event("order.paid")]
#[on_event("order.paid", id = "other")]
#[on_message(REPORTS)]
#[on_message(REPORTS, queue = 10)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
