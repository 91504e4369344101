//! What a handler may take as arguments: state of the program, parts of the event, and types of your own.
//!
//! `cargo run --example state_and_extractors`

#[path = "support/post.rs"]
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triggers::prelude::*;
use triggers::{Context, FromTrigger, Rejection};

/// Shared by all handlers: each call gets a clone of the `Arc`.
#[derive(Default)]
struct Orders {
    total: AtomicU64,
}

#[derive(Deserialize)]
struct Order {
    amount: u64,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    dry_run: bool,
}

/// An argument of our own: who sent the order, from a header.
struct Customer(String);

impl FromTrigger for Customer {
    fn from_trigger(cx: &Context<'_>) -> Result<Customer, Rejection> {
        let headers = Headers::from_trigger(cx)?;
        let customer = headers.get("user-agent").unwrap_or("somebody");
        Ok(Customer(customer.to_owned()))
    }
}

#[on_webhook("/orders", port = 0, host = "127.0.0.1")]
async fn order(
    Json(order): Json<Order>,
    Query(options): Query<Options>,
    customer: Customer,
    State(orders): State<Arc<Orders>>,
    bus: EventBus,
) -> Result<Outcome> {
    if order.amount == 0 {
        return Ok(Outcome::reject("an order of nothing"));
    }
    if !options.dry_run {
        let total = orders.total.fetch_add(order.amount, Ordering::Relaxed) + order.amount;
        bus.emit("orders.total", total).source(customer.0).await?;
    }
    Ok(Outcome::Done)
}

#[on_event("orders.total")]
async fn tell(Json(total): Json<u64>, source: Source, id: EventId, attempt: Attempt) {
    println!("{id}: {total} in all after an order of {}, attempt {}", source.0, attempt.number());
}

#[triggers::main]
async fn main(runtime: Builder) -> Result<()> {
    let runtime = runtime.state(Arc::new(Orders::default())).start().await?;
    let address = runtime.local_addr("webhook-0/orders").ok_or("the webhook does not listen")?;
    client::post(address, "/orders", r#"{"amount": 5}"#).await?;
    client::post(address, "/orders?dry_run=true", r#"{"amount": 7}"#).await?;
    client::post(address, "/orders", r#"{"amount": 0}"#).await?;
    client::post(address, "/orders", "five").await?;
    println!("{}", runtime.shutdown().await);
    for letter in runtime.dead_letters().list().await {
        println!("dead letter ({}): {} in {:?}", letter.reason, letter.error, letter.event.raw());
    }
    Ok(())
}
