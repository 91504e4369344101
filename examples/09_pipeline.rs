//! A pipeline of four stages, each of which publishes to the next one, and its tests.

use triggers::prelude::*;

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    cents: u64,
}

#[on_event("order.received")]
async fn validate(Json(order): Json<Order>, bus: EventBus) -> Result<()> {
    if order.cents == 0 {
        return Err(Error::permanent("the order is for nothing"));
    }
    bus.emit("order.valid", order).await?;
    Ok(())
}

#[on_event("order.valid")]
#[process(retry = 3, backoff = "1m..10m")]
async fn charge(Json(order): Json<Order>, attempt: Attempt, bus: EventBus) -> Result<()> {
    if order.cents > 100_000 && attempt.number() == 1 {
        return Err("the bank asks to try a large amount again".into());
    }
    bus.emit("order.paid", order).await?;
    Ok(())
}

#[on_event("order.paid")]
async fn pack(Json(order): Json<Order>, bus: EventBus) -> Result<()> {
    bus.emit("order.packed", order.id).await?;
    Ok(())
}

#[on_event("order.packed")]
async fn ship(Json(id): Json<u64>, bus: EventBus) -> Result<()> {
    println!("order {id} is on its way");
    bus.emit("order.shipped", id).await?;
    Ok(())
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let runtime = builder.start().await?;
    for (id, cents) in [(1, 900), (2, 0), (3, 1200)] {
        runtime.bus().emit("order.received", Order { id, cents }).await?;
    }
    println!("{}", runtime.shutdown().await);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends an order through all stages. Returns how many were shipped, handlers completed, and dead-lettered.
    async fn send(order: Order) -> Result<(usize, u64, u64)> {
        let hour = std::time::Duration::from_secs(3600);
        let runtime = Runtime::builder().linked().drain_deadline(hour).start().await?;
        let shipped = EventTrigger::new(&runtime.bus(), "order.shipped");
        shipped.start().await?;
        runtime.bus().emit("order.received", order).await?;
        let report = runtime.shutdown().await;
        Ok((shipped.drain_pending().len(), report.total_completed, report.total_dead_lettered))
    }

    #[tokio::test(start_paused = true)]
    async fn large_order_passes_all_stages_after_a_retry() -> Result<()> {
        assert_eq!(send(Order { id: 7, cents: 500_000 }).await?, (1, 4, 0));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn order_for_nothing_ends_in_the_first_stage() -> Result<()> {
        assert_eq!(send(Order { id: 8, cents: 0 }).await?, (0, 0, 1));
        Ok(())
    }
}
