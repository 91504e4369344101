use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
}

#[on_event("order.paid")]
#[process(key = |o| o.customer)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |o: &_| o.customer)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |_| 1)]
async fn pack(_event: TriggerEvent) {}

fn main() {}
