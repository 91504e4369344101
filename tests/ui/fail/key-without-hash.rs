use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
    price: f64,
}

#[on_event("order.paid")]
#[process(key = |o: &Order| o.price)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |o: &Order| o.custmer)]
async fn bill(_event: TriggerEvent) {}

fn main() {}
