use triggers::prelude::*;

struct Order;

#[on_event("order.paid")]
async fn ship(order: Order, Json(again): Json<Order>) {
    let _ = (order, again);
}

#[on_event("order.paid")]
async fn number() -> u8 {
    1
}

fn main() {}
