use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
}

#[on_event("order.paid")]
#[process(key = |o: Order| o.customer)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |o: &mut Order| o.customer)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |o: &Order, p: &Order| o.customer)]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = || 1)]
async fn send(_event: TriggerEvent) {}

fn main() {}
