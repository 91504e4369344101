use triggers::prelude::*;

struct Order {
    customer: String,
}

#[on_event("order.paid")]
#[process(key = |o: &Order| o.customer)]
async fn ship(_event: TriggerEvent) {}

fn main() {}
