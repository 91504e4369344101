//! What a handler of the suite does with an event, and the record that it writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::Outcome;

/// What each attempt at an event does. It is the body of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) id: u64,
    pub(super) key: u64,
    /// The number of attempts that fail.
    pub(super) fails: u32,
    /// The delay of a retry is this time multiplied by the number of the attempt.
    pub(super) after: Duration,
    /// How long each attempt runs.
    pub(super) runs: Duration,
    /// The last attempt rejects the event.
    pub(super) rejected: bool,
}

impl Plan {
    /// Returns a plan that handles the event at once.
    pub(super) fn new(id: u64) -> Plan {
        let none = Duration::ZERO;
        Plan { id, key: 0, fails: 0, after: none, runs: none, rejected: false }
    }

    pub(super) fn key(self, key: u64) -> Plan {
        Plan { key, ..self }
    }

    pub(super) fn fails(self, fails: u32, after: Duration) -> Plan {
        Plan { fails, after, ..self }
    }

    pub(super) fn runs(self, runs: Duration) -> Plan {
        Plan { runs, ..self }
    }

    pub(super) fn rejected(self) -> Plan {
        Plan { rejected: true, ..self }
    }

    pub(super) fn to_body(self) -> String {
        let Plan { id, key, fails, after, runs, rejected } = self;
        let (after, runs) = (after.as_millis(), runs.as_millis());
        format!("{id} {key} {fails} {after} {runs} {}", u8::from(rejected))
    }

    /// Reads a body. Returns `None` if it is not one of [`to_body`](Self::to_body).
    pub(super) fn of_body(body: &[u8]) -> Option<Plan> {
        let mut numbers = std::str::from_utf8(body).ok()?.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next()?.ok();
        let (id, key, fails) = (next()?, next()?, u32::try_from(next()?).ok()?);
        let (after, runs) = (Duration::from_millis(next()?), Duration::from_millis(next()?));
        Some(Plan { id, key, fails, after, runs, rejected: next()? == 1 })
    }

    /// Returns the outcome of the attempt with this number.
    pub(super) fn outcome(self, attempt: u32) -> Outcome {
        match () {
            () if attempt <= self.fails => Outcome::Retry(self.after * attempt),
            () if self.rejected => Outcome::reject("the plan says so"),
            () => Outcome::Done,
        }
    }
}

/// One attempt at an event.
#[derive(Clone, Debug)]
pub(super) struct Attempted {
    /// The number of the runtime, from 0.
    pub(super) life: usize,
    pub(super) process: Arc<str>,
    pub(super) plan: Plan,
    pub(super) number: u32,
    pub(super) last_error: Option<String>,
    pub(super) began: SystemTime,
    /// The position of its begin among all begins and ends.
    pub(super) begin: usize,
    /// `None` while it runs, and for ever if it was cancelled.
    pub(super) end: Option<End>,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) at: SystemTime,
    /// The position among all begins and ends.
    pub(super) position: usize,
    pub(super) outcome: Outcome,
    /// `true` if it is the last attempt at the event.
    pub(super) is_last: bool,
}

impl Attempted {
    pub(super) fn is_done(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done)
    }
}

/// Every attempt, in order. It is outside of the runtimes, so it survives each of them.
#[derive(Default)]
pub(super) struct Record(Mutex<(usize, Vec<Attempted>)>);

impl Record {
    fn lock(&self) -> MutexGuard<'_, (usize, Vec<Attempted>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an attempt. Returns its index.
    pub(super) fn begin(&self, mut attempted: Attempted) -> usize {
        let mut record = self.lock();
        attempted.begin = record.0;
        record.0 += 1;
        record.1.push(attempted);
        record.1.len() - 1
    }

    /// Sets the end of an attempt.
    pub(super) fn end(&self, index: usize, at: SystemTime, outcome: Outcome, is_last: bool) {
        let mut record = self.lock();
        let position = record.0;
        record.0 += 1;
        if let Some(attempted) = record.1.get_mut(index) {
            attempted.end = Some(End { at, position, outcome, is_last });
        }
    }

    /// Returns a copy of all attempts.
    pub(super) fn all(&self) -> Vec<Attempted> {
        self.lock().1.clone()
    }

    /// Returns the attempts of one process at one event.
    pub(super) fn of(&self, process: &str, id: u64) -> Vec<Attempted> {
        let wanted = |attempted: &&Attempted| &*attempted.process == process && attempted.plan.id == id;
        self.lock().1.iter().filter(wanted).cloned().collect()
    }
}
