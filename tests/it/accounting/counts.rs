//! An observer that counts, and compares its counts with the status.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use triggers::{
    DeadLetterReason, DropReason, Ended, EventId, ObservedAttempt, ObservedEnd, ObservedEvent,
    ObservedFailure, ObservedPublication, Observer, ProcessStatus, RuntimeStatus,
};

/// Counts the calls for all processes of one run.
#[derive(Clone, Default)]
pub(super) struct Counts(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    published: u64,
    unmatched: u64,
    processes: HashMap<String, OfProcess>,
    triggers: HashMap<(String, String), OfTrigger>,
    /// The events that were queued and have not ended, by trigger and id. A dead-letter trigger may have several of
    /// one id.
    open: HashMap<(String, String, EventId), Open>,
}

#[derive(Default)]
struct Open {
    events: u64,
    running: u64,
}

#[derive(Default)]
struct OfProcess {
    failed: u64,
    handled: u64,
    dead_lettered: HashMap<DeadLetterReason, u64>,
}

#[derive(Debug, Default, PartialEq)]
struct OfTrigger {
    accepted: u64,
    evicted: u64,
    refused: u64,
    filtered: u64,
    undecodable: u64,
    left: usize,
}

impl Inner {
    fn trigger(&mut self, event: &ObservedEvent<'_>) -> &mut OfTrigger {
        self.triggers.entry((event.process.to_owned(), event.trigger_id.to_owned())).or_default()
    }

    fn process(&mut self, event: &ObservedEvent<'_>) -> &mut OfProcess {
        self.processes.entry(event.process.to_owned()).or_default()
    }

    fn open(&mut self, event: &ObservedEvent<'_>) -> &mut Open {
        let key = (event.process.to_owned(), event.trigger_id.to_owned(), event.frame.id());
        self.open.entry(key).or_default()
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A failed assertion of a call poisons it.
        self.0.lock().expect("every call came in its order")
    }

    /// Compares the counts with the status after the end of the runtime. `unmatched` is the count of the bus and the
    /// broker.
    pub(super) fn check(&self, status: &RuntimeStatus, unmatched: u64) {
        let counts = self.lock();
        assert_eq!(counts.unmatched, unmatched);
        assert!(counts.published >= unmatched);
        let open: Vec<_> =
            counts.open.iter().filter(|(_, open)| open.events > 0).map(|(key, _)| key).collect();
        assert!(open.is_empty(), "no end was reported: {open:?}");
        for process in &status.processes {
            counts.check_process(process);
        }
    }
}

impl Inner {
    fn check_process(&self, status: &ProcessStatus) {
        let none = OfProcess::default();
        let process = self.processes.get(&status.name).unwrap_or(&none);
        assert_eq!((process.handled, process.failed), (status.handled, status.failed), "{status:#?}");
        for reason in [
            DeadLetterReason::Decode,
            DeadLetterReason::Rejected,
            DeadLetterReason::Failed,
            DeadLetterReason::RetriesExhausted,
            DeadLetterReason::Panicked,
            DeadLetterReason::TimedOut,
            DeadLetterReason::Drained,
            DeadLetterReason::Loop,
        ] {
            let counted = process.dead_lettered.get(&reason).copied().unwrap_or_default();
            assert_eq!(counted, status.dead_letters.get(reason), "{reason}: {status:#?}");
        }
        for trigger in &status.triggers {
            let expected = OfTrigger {
                accepted: trigger.accepted,
                evicted: trigger.evicted,
                refused: trigger.dropped - trigger.evicted,
                filtered: trigger.filtered,
                undecodable: trigger.undecodable,
                left: trigger.queue_size,
            };
            let none = OfTrigger::default();
            let counted = self.triggers.get(&(status.name.clone(), trigger.id.clone())).unwrap_or(&none);
            assert_eq!(*counted, expected, "{status:#?}");
        }
    }
}

impl Observer for Counts {
    fn published(&self, publication: &ObservedPublication<'_>) {
        let mut counts = self.lock();
        counts.published += 1;
        counts.unmatched += u64::from(publication.triggers == 0);
    }

    fn queued(&self, event: &ObservedEvent<'_>) {
        let mut counts = self.lock();
        counts.trigger(event).accepted += 1;
        counts.open(event).events += 1;
    }

    fn dropped(&self, event: &ObservedEvent<'_>, reason: DropReason) {
        let mut counts = self.lock();
        let trigger = counts.trigger(event);
        let is_refused = matches!(reason, DropReason::Full | DropReason::Loop);
        trigger.refused += u64::from(is_refused);
        trigger.filtered += u64::from(!is_refused);
        trigger.undecodable += u64::from(reason == DropReason::Undecodable);
    }

    fn started(&self, attempt: &ObservedAttempt<'_>) {
        let mut counts = self.lock();
        let open = counts.open(&attempt.event);
        open.running += 1;
        assert!(open.running <= open.events, "{attempt:?}");
    }

    fn attempt_failed(&self, failure: &ObservedFailure<'_>) {
        let mut counts = self.lock();
        counts.process(&failure.attempt.event).failed += 1;
        let open = counts.open(&failure.attempt.event);
        assert!(open.running > 0, "{failure:?}");
        // An attempt that settles its event is running until then.
        open.running -= u64::from(failure.retry_after.is_some());
    }

    fn settled(&self, end: &ObservedEnd<'_>) {
        let mut counts = self.lock();
        let process = counts.process(&end.event);
        match end.how {
            Ended::Handled => process.handled += 1,
            Ended::DeadLettered(reason) => *process.dead_lettered.entry(reason).or_default() += 1,
            _ => {}
        }
        let trigger = counts.trigger(&end.event);
        trigger.evicted += u64::from(end.how == Ended::Evicted);
        trigger.left += usize::from(end.how == Ended::DeadLettered(DeadLetterReason::Drained));
        let open = counts.open(&end.event);
        assert!(open.events > 0, "{end:?}");
        open.events -= 1;
        if end.duration.is_some() {
            assert!(open.running > 0, "{end:?}");
            open.running -= 1;
        } else {
            // The attempt of an event that a drain leaves was cancelled.
            open.running = open.running.min(open.events);
        }
    }
}
