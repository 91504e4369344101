//! Data of the program is the argument `Json<T>`, not `T`.

use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    id: u64,
}

#[on_event("order.paid")]
async fn ship(order: Order) {
    println!("{}", order.id);
}

fn main() {}
