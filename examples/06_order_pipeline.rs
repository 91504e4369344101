//! An order pipeline with a bank that is not always available: retries, order per customer, and dead letters that are
//! handled and redriven.
//!
//! `cargo run --example order_pipeline`

#[path = "support/post.rs"]
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use triggers::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: String,
    cents: u64,
}

/// A bank that is not always available.
#[derive(Clone, Default)]
struct Bank {
    open: Arc<AtomicBool>,
}

impl Bank {
    fn charge(&self, order: &Order, attempt: &Attempt) -> Result {
        if order.cents == 0 {
            // A retry cannot succeed.
            return Err(Error::permanent("the amount is 0"));
        }
        if order.customer == "carol" && !self.open.load(Ordering::SeqCst) {
            return Err("the bank is closed".into());
        }
        if order.id == 1 && attempt.number() < 3 {
            return Err("the line is busy".into());
        }
        Ok(())
    }
}

/// The server answers 202 as soon as the order is queued.
#[on_webhook("/orders", port = 0, host = "127.0.0.1")]
async fn receive(Json(order): Json<Order>, bus: EventBus) -> Result {
    bus.emit("order.placed", &order).source("shop").await?;
    Ok(())
}

/// Handles up to four customers at once. The orders of one customer stay in sequence, even during a retry.
#[on_event("order.placed", queue = 1000, queue_bytes = "1MiB")]
#[process(concurrency = 4, key = |order: &Order| order.customer, timeout = "1s", retry = 3, backoff = "20ms..200ms")]
async fn charge(Json(order): Json<Order>, bank: State<Bank>, attempt: Attempt, bus: EventBus) -> Result {
    if let Some(error) = attempt.last_error() {
        println!("  order {}: attempt {}, after {error:?}", order.id, attempt.number());
    }
    bank.charge(&order, &attempt)?;
    println!("order {} of {} is paid", order.id, order.customer);
    bus.emit("order.paid", &order).await?;
    Ok(())
}

#[on_event("order.paid")]
async fn ship(Json(order): Json<Order>) {
    println!("order {} of {} is on its way", order.id, order.customer);
}

/// Runs for every order that `charge` has dead-lettered.
#[on_dead_letter("charge")]
async fn apologize(dead_letter: DeadLetter, Json(order): Json<Order>) {
    println!(
        "order {} of {} was not paid: {} ({} after {} attempts)",
        order.id, order.customer, dead_letter.error, dead_letter.reason, dead_letter.attempts
    );
}

#[triggers::main]
async fn main(runtime: Builder) -> Result<()> {
    let bank = Bank::default();
    let closed = || async {
        println!("the shop is closed");
        Ok(())
    };
    let runtime = runtime.state(bank.clone()).on_stop(closed).start().await?;
    let address = runtime.local_addr("webhook-0/orders").ok_or("the webhook does not listen")?;
    for (id, customer, cents) in
        [(1, "ann", 100), (2, "ann", 200), (3, "bob", 300), (4, "carol", 400), (5, "dave", 0)]
    {
        let order = json!({"id": id, "customer": customer, "cents": cents});
        client::post(address, "/orders", &order.to_string()).await?;
    }

    while runtime.dead_letters().len().await < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bank.open.store(true, Ordering::SeqCst);
    let redriven = runtime.dead_letters().redrive(|dead| dead.error.contains("closed")).await;
    println!("the bank is open, redriven: {redriven}");

    println!("{}", runtime.shutdown().await);
    Ok(())
}
