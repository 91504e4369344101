//! The agents, with a local stand-in of the chat completions API of OpenAI.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test ends where it fails, and so do its tasks"
)]

mod agents;
mod http;
mod model;
mod program;

use std::time::Duration;

/// Awaits what normally happens at once, with time for a busy machine.
async fn soon<T>(what: impl Future<Output = Option<T>>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(60), what).await;
    waited.expect("it does not happen").expect("the other end is gone")
}
