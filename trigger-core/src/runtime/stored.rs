//! The events of the store at a start: each is queued for its trigger, before any source accepts an event.

use std::collections::HashMap;
use std::sync::Arc;

use super::context::RuntimeContext;
use super::process_handle::ProcessHandle;
use crate::panic::guard;
use crate::registry::{Problem, ProblemKind};
use crate::source::Sink;
use crate::store::{Store, StoreError, Target};

/// The number of events that are loaded at a time.
const PAGE: usize = 1000;

impl RuntimeContext {
    /// Opens the queues of these processes, and queues their stored events in the order of the log. `is_start` is `true` if
    /// they are all processes of the runtime.
    pub(super) fn load_stored(&self, processes: &[Arc<ProcessHandle>], is_start: bool) -> Option<Problem> {
        processes.iter().for_each(|handle| handle.open_queues());
        let store = self.store.as_ref()?;
        let of_process = |handle: &ProcessHandle| -> Vec<(Target, Sink)> {
            let sinks = handle.triggers.iter().map(|trigger| trigger.sink());
            sinks.filter_map(|sink| Some((sink.durable()?.target.clone(), sink.clone()))).collect()
        };
        let sinks: HashMap<_, _> = processes.iter().flat_map(|handle| of_process(handle)).collect();
        let is_orphan =
            |target: &Target| is_start || processes.iter().any(|handle| handle.name() == &*target.process);
        let error = load(&**store, &sinks, is_orphan).err()?;
        let message = format!("the stored events cannot be loaded: {error}");
        Some(Problem::general(ProblemKind::Store, message))
    }
}

/// Queues the stored events of these triggers. `is_orphan` returns `true` for a target that no other process has.
fn load(
    store: &dyn Store,
    sinks: &HashMap<Target, Sink>,
    is_orphan: impl Fn(&Target) -> bool,
) -> Result<(), StoreError> {
    let (mut after, mut orphans) = (None, HashMap::<Target, u64>::new());
    loop {
        let page = guard(|| store.load(after, PAGE))
            .map_err(|panic| StoreError::new(format!("the store panicked: {panic}")))??;
        let is_last = page.len() < PAGE;
        for stored in page {
            let position = stored.position;
            // A position that does not ascend would load the same page for ever.
            if let Some(after) = after.filter(|after| position <= *after) {
                let message =
                    format!("the store returned the position {position} after {after}; positions ascend");
                return Err(StoreError::new(message));
            }
            after = Some(position);
            match sinks.get(&stored.target) {
                Some(sink) => {
                    sink.push_delayed([stored.event]);
                }
                None if is_orphan(&stored.target) => *orphans.entry(stored.target).or_default() += 1,
                None => {}
            }
        }
        if is_last {
            break;
        }
    }
    for (target, events) in orphans {
        tracing::warn!(%target, events, "the store has events of a trigger that the program does not have; they stay stored");
    }
    Ok(())
}
