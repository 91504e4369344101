//! Processes declared in a file: their triggers and their policies. Only the handlers are code.
//!
//! `cargo run --example config_driven`. Misspell a key in `examples/data/processes.toml` to see the error.

#[path = "support/post.rs"]
mod client;

use std::collections::HashMap;

use triggers::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/processes.toml"))?;
    let mut processes: HashMap<String, ProcessConfig> = toml::from_str(&text)?;
    let mut config = |name: &str| processes.remove(name).ok_or(format!("processes.toml has no [{name}]"));

    let runtime = Runtime::builder()
        .process("alerts", config("alerts")?, |event: TriggerEvent| async move {
            println!("alert through {}: {}", event.trigger_id(), event.payload());
        })
        .process("ingest", config("ingest")?, |body: Text, bus: EventBus| async move {
            bus.emit("pipeline.error", body.0).source("data-pipeline").await?;
            Ok::<_, Error>(())
        })
        .start()
        .await?;

    runtime.broker().publish("alerts.disk.full", "90 %").await?;
    let address = runtime.local_addr("webhook-0/ingest").ok_or("the webhook does not listen")?;
    client::post(address, "/ingest", "the import failed").await?;

    println!("{}", runtime.shutdown().await);
    Ok(())
}
