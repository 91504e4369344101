//! Helpers that several modules share: processes, their handlers, and what they count.

use std::sync::Arc;

use tokio::sync::Notify;
use triggers::{
    Handler, ProcessConfig, ProcessStatus, Published, Runtime, TriggerConfig, TriggerEvent, TriggerStatus,
};

/// Returns a process with these triggers.
pub(crate) fn config(triggers: impl IntoIterator<Item = TriggerConfig>) -> ProcessConfig {
    ProcessConfig::new().triggers(triggers)
}

/// Returns a process for the events of one type.
pub(crate) fn on(event_type: &str) -> ProcessConfig {
    config([TriggerConfig::event(event_type)])
}

/// Returns a process for the requests to a path, on a port that the system picks.
pub(crate) fn hook(path: &str) -> ProcessConfig {
    config([TriggerConfig::webhook(path, 0).host("127.0.0.1")])
}

/// Returns a handler that waits for one notification of `gate` for each event.
pub(crate) fn gated(gate: &Arc<Notify>) -> impl Handler<(TriggerEvent,)> + use<> {
    let gate = Arc::clone(gate);
    move |_: TriggerEvent| {
        let gate = Arc::clone(&gate);
        async move { gate.notified().await }
    }
}

/// Returns the status of the first process.
pub(crate) fn status(runtime: &Runtime) -> ProcessStatus {
    runtime.status().processes.remove(0)
}

/// Asserts that every accepted event is counted exactly once.
#[track_caller]
pub(crate) fn assert_balanced(status: &ProcessStatus) {
    let sum = |of: fn(&TriggerStatus) -> u64| status.triggers.iter().map(of).sum::<u64>();
    let (accepted, evicted) = (sum(|trigger| trigger.accepted), sum(|trigger| trigger.evicted));
    let queued = sum(|trigger| trigger.queue_size as u64);
    let released = sum(|trigger| trigger.released);
    let accounted = queued + status.in_flight + status.handled + status.dead_lettered + evicted + released;
    assert_eq!(accepted, accounted, "{status:?}");
}

/// Returns how many triggers a publication matched, how many queued it, and how many dropped it.
pub(crate) fn counts(sent: &Published) -> (usize, usize, usize) {
    let known = "the triggers are in this process";
    (sent.matched().expect(known), sent.queued().expect(known), sent.dropped().expect(known))
}

/// Returns the number of tasks on the tokio runtime of the test.
pub(crate) fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
