//! The disk of the fake store: what is written, the records that are not written yet, and its faults.

use std::collections::BTreeMap;
use std::time::SystemTime;

use tokio::time::Instant;
use triggers::{Commit, DeadLetter, Entry, Frame, RetryState, Target};

use super::Fault;

/// A record of the log.
pub(super) enum Record {
    /// An event with the positions of its deliveries. The publisher, if it waits, is answered once the record is written.
    Event(Entry, Vec<u64>, Option<Commit>),
    Retry(u64, RetryState, SystemTime),
    Remove(u64),
    /// Keeps the dead letter and removes the delivery, in one step.
    Dead(u64, Box<DeadLetter>),
}

/// A delivery, until it is settled.
#[derive(Clone)]
pub(super) struct Stored {
    frame: Vec<u8>,
    pub(super) target: Target,
    pub(super) retry: Option<RetryState>,
    pub(super) due: Option<SystemTime>,
    /// How often it was loaded.
    pub(super) loads: u32,
}

impl Stored {
    pub(super) fn frame(&self) -> Frame {
        Frame::decode(&self.frame).expect("an encoded frame")
    }
}

#[derive(Default)]
pub(super) struct Disk {
    stored: BTreeMap<u64, Stored>,
    letters: Vec<DeadLetter>,
    last: u64,
    /// The records that are not written yet.
    batch: Vec<Record>,
    /// The number of the process that has it open.
    session: u64,
    full_until: Option<Instant>,
    calls: u64,
    fail_at: Option<(u64, Fault)>,
    /// `true` if nothing is written until the next start.
    has_stopped: bool,
    /// `true` if the process must end, because of a fault.
    must_end: bool,
}

impl Disk {
    /// Opens the disk for a process. Returns its number.
    pub(super) fn open(&mut self) -> u64 {
        drop(self.end_session());
        self.session
    }

    /// Ends the process that has it open. Returns the records that are lost.
    pub(super) fn end_session(&mut self) -> Vec<Record> {
        self.session += 1;
        (self.has_stopped, self.must_end) = (false, false);
        std::mem::take(&mut self.batch)
    }

    pub(super) fn is_open(&self, session: u64) -> bool {
        self.session == session
    }

    pub(super) fn must_end(&self) -> bool {
        self.must_end
    }

    pub(super) fn fail_at(&mut self, call: u64, fault: Fault) {
        self.fail_at = Some((call, fault));
    }

    pub(super) fn fill_until(&mut self, time: Instant) {
        self.full_until = Some(time);
    }

    /// Counts a call. Returns its fault, if it has one.
    pub(super) fn call(&mut self) -> Option<Fault> {
        let number = self.calls;
        self.calls += 1;
        let fault = self.fail_at.filter(|(call, _)| *call == number).map(|(_, fault)| fault)?;
        self.has_stopped |= fault == Fault::Stop;
        self.must_end |= fault != Fault::Refuse;
        Some(fault)
    }

    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_until.is_some_and(|until| now < until)
    }

    /// Returns the positions of the next deliveries.
    pub(super) fn positions(&mut self, deliveries: usize) -> Vec<u64> {
        let first = self.last + 1;
        self.last += deliveries as u64;
        (first..=self.last).collect()
    }

    /// Adds a record to the batch. Returns `true` if it is the first one.
    pub(super) fn add(&mut self, record: Record) -> bool {
        self.batch.push(record);
        self.batch.len() == 1
    }

    /// Writes the batch, unless the disk has stopped. Returns the publishers to answer, in the order of the log.
    pub(super) fn write(&mut self) -> Vec<(Commit, Vec<u64>)> {
        if self.has_stopped {
            return Vec::new();
        }
        let batch = std::mem::take(&mut self.batch);
        batch.into_iter().filter_map(|record| self.carry_out(record)).collect()
    }

    fn carry_out(&mut self, record: Record) -> Option<(Commit, Vec<u64>)> {
        match record {
            Record::Event(entry, positions, commit) => {
                for (position, target) in positions.iter().zip(entry.targets()) {
                    let (frame, target) = (entry.frame().encode(), target.clone());
                    let stored = Stored { frame, target, retry: None, due: None, loads: 0 };
                    self.stored.insert(*position, stored);
                }
                return commit.map(|commit| (commit, positions));
            }
            Record::Retry(position, retry, due) => {
                if let Some(stored) = self.stored.get_mut(&position) {
                    (stored.retry, stored.due) = (Some(retry), Some(due));
                }
            }
            Record::Remove(position) => drop(self.stored.remove(&position)),
            Record::Dead(position, letter) => {
                self.stored.remove(&position);
                self.letters.push(*letter);
            }
        }
        None
    }

    /// Returns up to `most` deliveries after a position.
    pub(super) fn load(&mut self, after: Option<u64>, most: usize) -> Vec<(u64, Stored)> {
        let next =
            self.stored.iter_mut().filter(|(position, _)| after.is_none_or(|after| **position > after));
        let loaded = next.take(most).map(|(position, stored)| {
            stored.loads += 1;
            (*position, stored.clone())
        });
        loaded.collect()
    }

    pub(super) fn stored(&self) -> &BTreeMap<u64, Stored> {
        &self.stored
    }

    pub(super) fn dead_letters(&self) -> &[DeadLetter] {
        &self.letters
    }
}
