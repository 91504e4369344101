//! Runs a runtime until a signal ends it.

use std::time::Duration;

use super::signal::Signals;
use super::{Builder, Runtime, stderr};
use crate::event::error::Result;

/// How long after the deadline of the drain a program may still run before it is forced to exit. `on_stop` hooks may use
/// 5 s of it.
const FORCED_EXIT_DELAY: Duration = Duration::from_secs(6);

impl Builder {
    /// Starts the runtime, waits for SIGINT, SIGTERM or SIGHUP (elsewhere Ctrl-C), drains, and prints the
    /// [`DrainReport`](super::DrainReport). A second signal ends the program at once. It needs the feature `main`.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Self::start), and an error if events were left at the deadline of the drain.
    pub async fn run(self) -> Result {
        // Signals are caught before the first event is accepted. Otherwise a signal in between would end the program
        // without a drain.
        let signals = Signals::listen(self.effective_drain_deadline().saturating_add(FORCED_EXIT_DELAY))?;
        self.start().await?.run_until(signals).await
    }
}

impl Runtime {
    /// Waits for SIGINT, SIGTERM or SIGHUP (elsewhere Ctrl-C), then drains and prints the report to stderr. A second signal ends
    /// the program at once. If handlers block every thread, the program is forced to exit 6 s after the deadline of the
    /// drain, with exit code 1. A stderr that nobody reads delays none of these.
    ///
    /// A program that was started to ignore SIGHUP, as `nohup` does, ignores it; only Linux says so.
    ///
    /// A signal that arrives between the start and this call also ends the program at once; [`Builder::run`] has no
    /// such gap. It needs the feature `main`.
    ///
    /// # Errors
    ///
    /// An error if events were left, or if the system does not permit the program to listen for signals.
    pub async fn run_until_signal(&self) -> Result {
        self.run_until(Signals::listen(self.drain_deadline.saturating_add(FORCED_EXIT_DELAY))?).await
    }

    async fn run_until(&self, mut signals: Signals) -> Result {
        signals.started();
        let signal = signals.next().await;
        tracing::info!(%signal, deadline = ?self.drain_deadline, "draining; a second signal ends at once");
        let report = tokio::select! {
            report = self.shutdown() => report,
            second = signals.next() => {
                let left = self.pending();
                stderr::log(move || tracing::error!(signal = %second, left, "ended before the drain was over"));
                std::process::exit(second.exit_code())
            }
        };
        stderr::print(report.to_string());
        if report.left > 0 {
            return Err(format!("events were left: {}", report.left).into());
        }
        Ok(())
    }
}
