use triggers::prelude::*;

const ORDERS: &str = "orders";

#[on_dead_letter]
async fn tell_all(_event: TriggerEvent) {}

#[on_dead_letter()]
#[process(retry = 1)]
async fn tell_again(_event: TriggerEvent) {}

#[on_dead_letter("orders", id = "orders", queue = 10, queue_bytes = "1MiB", overflow = "drop_oldest")]
#[on_dead_letter(ORDERS)]
#[on_event("order.lost")]
async fn tell(_event: TriggerEvent) {}

#[triggers::on_dead_letter(queue = 10)]
async fn count(_event: TriggerEvent) {}

fn main() {}
