//! One handler with several triggers of different kinds.
//!
//! `cargo run --example several_triggers`

#[path = "support/post.rs"]
mod client;

use triggers::prelude::*;

const ON_REQUEST: &str = "report.requested";

#[on_event(ON_REQUEST)]
#[on_message("reports.{kind}.run", queue = 10)]
#[on_webhook("/run", port = 0, host = "127.0.0.1")]
#[process(name = "reporting", concurrency = 2)]
async fn report(event: TriggerEvent, kind: Option<String>, source: Option<Source>) {
    let source = source.map_or("an unknown source".to_owned(), |source| source.0);
    let kind = kind.unwrap_or("general".to_owned());
    println!("a {kind} report from {source} ({}): {}", event.kind(), event.payload());
}

#[triggers::main]
async fn main(runtime: Builder) -> Result<()> {
    let runtime = runtime.start().await?;
    runtime.bus().emit(ON_REQUEST, "the event").source("scheduler").await?;
    runtime.broker().publish("reports.weekly.run", "the message").await?;
    let address = runtime.local_addr("webhook-0/run").ok_or("the webhook does not listen")?;
    client::post(address, "/run", "the request").await?;
    println!("{}", runtime.shutdown().await);
    println!("{}", serde_json::to_string_pretty(&runtime.status())?);
    Ok(())
}
