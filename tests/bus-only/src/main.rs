//! A program without the default features of `triggers`. `cargo xtask alone` runs it, and builds it with a webhook, which
//! must fail with the name of the missing feature.

use triggers::{Error, Result, Runtime, Text, TriggerConfig, handlers, on_event, process};

#[on_event("ping")]
#[process(retry = 1)]
async fn answer(Text(text): Text) -> Result<()> {
    if text == "ping" { Ok(()) } else { Err("not a ping".into()) }
}

#[cfg(feature = "with-a-webhook")]
#[triggers::on_webhook("/in")]
async fn receive() {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(run())?;
    Ok(())
}

async fn run() -> Result<()> {
    let runtime = Runtime::builder().handlers(handlers![answer]).start().await?;
    runtime.bus().emit("ping", "ping").await?;
    let report = runtime.shutdown().await;
    let status = runtime.status();
    if (report.left, status.processes[0].handled) != (0, 1) {
        return Err(format!("the event was not handled: {status:?}").into());
    }
    let Err(missing) = TriggerConfig::webhook("/in", 0).validate() else {
        return Err(Error::from("a webhook without its source is valid"));
    };
    println!("handled 1 event; {}", missing.reason());
    Ok(())
}
