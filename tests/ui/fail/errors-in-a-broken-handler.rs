//! The attribute and the body are wrong. The compiler reports both, each at the user's code.

use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    id: u64,
}

#[on_event("order.paid", retries = 3)]
async fn ship(Json(order): Json<Order>, bus: EventBus) -> Result<()> {
    let number: u64 = order.number;
    bus.emmit("order.shipped", number).await?;
    Ok(())
}

async fn calls_it() -> Result<()> {
    ship(Json(Order { id: 1 }), EventBus::new()).await
}

fn main() {
    let _listed = handlers![ship];
    drop(calls_it());
}
