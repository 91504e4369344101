//! The handlers of billing: they charge what was ordered.

use triggers::prelude::*;

/// What a customer orders.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The number of the order.
    pub id: u64,
    /// Its price.
    pub cents: u64,
}

#[on_event("order.placed", source = "shop")]
#[process(retry = 3)]
async fn charge(Json(order): Json<Order>, bus: EventBus) -> Result<()> {
    println!("billing: order {} costs {} cents", order.id, order.cents);
    bus.emit("order.paid", &order).source("billing").await?;
    Ok(())
}
