//! A program whose settings an operator changes. Its last argument selects what it does.

use std::time::Duration;

use triggers::prelude::*;

#[on_webhook("/in", port = 9090, host = "127.0.0.1")]
async fn receive(_: TriggerEvent) {}

#[on_event("order.placed", source = "shop", queue = 10)]
#[process(concurrency = 2, retry = 1, backoff = "1s..2s")]
async fn charge(_: TriggerEvent) {}

#[on_message("reports.*.done")]
#[on_message("audit.>", id = "audit")]
async fn archive(_: TriggerEvent) {}

#[on_dead_letter("charge")]
#[process(name = "a-b")]
async fn tell(_: TriggerEvent) {}

#[on_event("note")]
#[process(name = "a_b")]
async fn note(_: TriggerEvent) {}

#[on_webhook("/hooks/{tenant}", port = 0, host = "127.0.0.1")]
async fn hook(tenant: String) {
    drop(tenant);
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("built")).concurrency(3);
    let handler = |_: TriggerEvent| async {};
    match std::env::args().next_back().as_deref() {
        Some("embedded") => {
            let runtime = Runtime::builder().process("embedded", config, handler).start().await?;
            println!("{}", runtime.describe());
            Ok(())
        }
        Some("configured") => {
            let runtime =
                Runtime::builder().process("embedded", config, handler).configured().start().await?;
            println!("{}", runtime.describe());
            Ok(())
        }
        Some("starts") => {
            let runtime = builder.process("built", config, handler).start().await?;
            let address = runtime.local_addr("webhook-9090/in").map(|address| address.to_string());
            println!("{}", address.unwrap_or_default());
            Ok(())
        }
        Some("again") => builder.process("built", config, handler).configured().run().await,
        _ => builder.process("built", config, handler).drain_deadline(Duration::from_secs(3)).run().await,
    }
}
