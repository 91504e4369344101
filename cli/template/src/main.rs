//! A webhook that receives the results of builds, and a handler of those that failed.
//!
//! `cargo run -- --describe` shows what runs when.

use triggers::prelude::*;

#[derive(Serialize, Deserialize)]
struct Build {
    job: String,
    passed: bool,
}

/// The client gets 202 before this handler runs. A body that does not decode as `Build` becomes a dead letter.
///
/// Whoever reaches the port may post. With `verify = github(env = "SECRET")` beside the port only the sender may.
#[cfg_attr(not(feature = "container"), on_webhook("/builds", port = 9090, host = "127.0.0.1"))]
#[cfg_attr(feature = "container", on_webhook("/builds", port = 9090, host = "0.0.0.0"))]
async fn receive(Json(build): Json<Build>, bus: EventBus) -> Result<()> {
    let kind = if build.passed { "build.passed" } else { "build.failed" };
    bus.emit(kind, &build).source("ci").await?;
    Ok(())
}

/// An error is retried twice. After that, the event becomes a dead letter.
#[on_event("build.failed", source = "ci")]
#[process(retry = 2, backoff = "1s..10s")]
async fn report(Json(build): Json<Build>) -> Result<()> {
    tracing::info!("{} failed", build.job);
    Ok(())
}

#[triggers::main]
async fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handler_can_start() {
        triggers::check().unwrap();
    }

    #[tokio::test]
    async fn failed_build_becomes_an_event() -> Result<()> {
        let bus = EventBus::new();
        let failures = EventTrigger::new(&bus, "build.failed");
        failures.start().await?;
        let build = Build { job: "nightly".to_owned(), passed: false };
        receive(Json(build), bus).await?;
        let event = failures.wait_for_next().await?;
        assert_eq!(event.payload()["data"]["job"], "nightly");
        Ok(())
    }
}
