//! The end of a runtime: what was accepted is handled, then everything is left in order.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Runtime;
use super::hooks::Hook;
use super::report::DrainReport;
use crate::clock;
use crate::task::all;

/// How long the `on_stop` hooks get together, where the drain has left less of its deadline.
const HOOKS: Duration = Duration::from_secs(5);

impl Runtime {
    pub(super) async fn drain(&self) -> DrainReport {
        // A drain that was given up half way is taken up where it began.
        let deadline = *self.drain_deadline_at.get_or_init(|| clock::after(self.drain_deadline));
        // Before handlers are told, so that the report counts those that end because of it.
        self.processes().iter().for_each(|handle| handle.begin_to_end(deadline));
        self.context.env.shutdown.cancel();
        // One that is being added has seen that this has begun, or gets in.
        let _ = timeout_at(deadline, self.changing.lock()).await;
        let processes = self.processes();
        processes.iter().for_each(|handle| handle.begin_to_end(deadline));
        let at_rest = async {
            all(processes.iter().map(|handle| handle.stop_custom())).await;
            self.context.quiescence.ended().await;
        };
        let in_time = timeout_at(deadline, at_rest).await.is_ok();
        if !in_time {
            // While the queues are open, so that no handler goes on whose events nobody takes.
            all(processes.iter().map(|handle| handle.cancel())).await;
        }
        let end = if in_time { deadline } else { clock::instant() };
        let mut reports = all(processes
            .iter()
            .enumerate()
            .map(|(index, handle)| async move { (index, handle.end(end).await) }))
        .await;
        // Not before all have ended: a path that is gone answers 404, and its sender would not try again.
        all(processes.iter().map(|handle| handle.leave_ports())).await;
        reports.sort_by_key(|(index, _)| *index);
        self.run_stop_hooks(deadline).await;
        DrainReport::of(reports.into_iter().map(|(_, report)| report).collect())
    }

    async fn run_stop_hooks(&self, deadline: Instant) {
        let until = deadline.max(clock::after(HOOKS));
        loop {
            let Some(hook) = self.stop_hooks().pop() else { return };
            let location = hook.location;
            match timeout_at(until, hook.run()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%location, %error, "an `on_stop` hook failed"),
                Err(_) => tracing::error!(%location, "an `on_stop` hook did not end in time"),
            }
        }
    }

    fn stop_hooks(&self) -> std::sync::MutexGuard<'_, Vec<Hook>> {
        self.on_stop.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
