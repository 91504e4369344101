//! A cascade in two stages, with a retry after 10 s and a timeout: it runs, and is tested, with the clock paused.

use std::time::Duration;

use triggers::prelude::*;

#[on_event("order.placed")]
async fn place(Json(order): Json<u64>, bus: EventBus) -> Result<()> {
    bus.emit("order.charge", order).await?;
    bus.emit("order.pack", order).await?;
    Ok(())
}

/// The bank is busy at first, and asks for 10 s.
#[on_event("order.charge")]
#[process(retry = 1)]
async fn charge(Json(order): Json<u64>, attempt: Attempt, bus: EventBus) -> Result<Outcome> {
    if attempt.number() == 1 {
        return Ok(Outcome::Retry(Duration::from_secs(10)));
    }
    bus.emit("order.receipt", order).await?;
    Ok(Outcome::Done)
}

/// The belt is stuck, so this ends by its timeout.
#[on_event("order.pack")]
#[process(timeout = "4s")]
async fn pack() {
    std::future::pending::<()>().await;
}

#[on_event("order.receipt")]
async fn mail(Json(order): Json<u64>) {
    println!("receipt of order {order}");
}

/// Starts the handlers, places an order, and returns once all that it causes is done.
async fn run() -> Result<Runtime> {
    let runtime = Runtime::builder().handlers(handlers![place, charge, pack, mail]).start().await?;
    runtime.bus().emit("order.placed", 7).await?;
    println!("{}", runtime.shutdown().await);
    Ok(runtime)
}

// The clock is paused: it jumps to the next timer when nothing else is left to do.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    for dead_letter in run().await?.dead_letters().list().await {
        println!("{} {}: {}", dead_letter.process, dead_letter.reason, dead_letter.error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use triggers::DeadLetterReason;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cascade_ends_after_its_retry_and_its_timeout() -> Result<()> {
        let began = Instant::now();
        let runtime = run().await?;

        assert_eq!(began.elapsed().as_secs(), 10);
        let report = runtime.shutdown().await;
        assert_eq!((report.total_completed, report.total_dead_lettered, report.left), (3, 1, 0));
        let status = runtime.status();
        let charge = status.processes.iter().find(|process| process.name == "charge").ok_or("no charge")?;
        assert_eq!((charge.handled, charge.failed, charge.retried), (1, 1, 1));
        let dead_letters = runtime.dead_letters().list().await;
        assert_eq!((&*dead_letters[0].process, dead_letters[0].reason), ("pack", DeadLetterReason::TimedOut));
        Ok(())
    }
}
