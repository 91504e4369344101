use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
}

fn customer_of(order: &Order) -> &str {
    &order.customer
}

#[on_event("order.paid")]
#[process(key = "/customer")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = customer_of)]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = async |o: &Order| o.customer)]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = move |o: &Order| o.customer)]
async fn send(_event: TriggerEvent) {}

fn main() {}
