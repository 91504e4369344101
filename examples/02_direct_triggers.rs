//! The three triggers without attributes and without a runtime: start, wait for events, stop.
//!
//! `cargo run --example direct_triggers`

#[path = "support/post.rs"]
mod client;

use triggers::TriggerError;
use triggers::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    // Events of one type, from one source.
    let bus = EventBus::new();
    let errors = EventTrigger::new(&bus, "pipeline.error")
        .source_filter("data-pipeline")
        .trigger_id("pipe-err-listener");
    errors.start().await?;
    let sent = bus.emit("pipeline.error", "disk full").source("data-pipeline").await?;
    println!("emitted: {sent:?}");
    println!("received: {}", errors.wait_for_next().await?.payload());

    // Messages on every topic that matches a pattern.
    let broker = MessageBroker::new();
    let reports = MessageTrigger::new(&broker, "reports.*").trigger_id("daily-report-sub").capacity(10);
    reports.start().await?;
    broker.publish("reports.daily", "all well").sender("report-generator").await?;
    println!("received: {}", reports.wait_for_next().await?.payload());

    // HTTP requests to a path. With port 0 the system picks a free port; a service usually has a fixed port.
    let webhook = WebhookTrigger::new().path("/webhook").host("127.0.0.1").port(0);
    webhook.start().await?;
    let address = webhook.local_addr().ok_or("the webhook does not listen")?;
    client::post(address, "/webhook?from=example", r#"{"hello": "world"}"#).await?;
    let event = webhook.wait_for_next().await?;
    println!("received: {} with {}", event.payload(), event.metadata()["query"]);

    // After a stop, the trigger still returns the buffered events. Then every call returns `TriggerError::Stopped`.
    bus.emit("pipeline.error", "one more").source("data-pipeline").await?;
    errors.stop().await;
    println!("received: {}", errors.wait_for_next().await?.payload()["data"]);
    assert!(matches!(errors.wait_for_next().await, Err(TriggerError::Stopped)));
    println!("{:?}", errors.status());

    reports.stop().await;
    webhook.stop().await;
    Ok(())
}
