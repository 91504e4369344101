use triggers::prelude::*;

struct Order {
    id: u64,
}

#[on_event("order.paid")]
async fn ship(Json(_order): Json<Order>) {}

fn main() {}
