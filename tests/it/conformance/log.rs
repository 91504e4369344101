//! A fake store: a log in the memory of the test, which outlives the runtimes as a file does.
//!
//! It writes each record at once, or in batches. A crash loses the batch that is not written yet. What it reads back was
//! encoded, as a file would have it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};
use triggers::testing::conformance::Keeper;
use triggers::{
    Builder, Clock, Commit, DeadLetter, Entry, HeldEvent, PausedClock, Receipt, Result, RetryState, Runtime,
    Store, StoreError, StoredEvent, TriggerConfig,
};

use super::mutation::Mutation;

mod disk;

use disk::{Disk, Record, Stored};

/// How long a batch gathers records.
const BATCH: Duration = Duration::from_millis(1);

/// How long a full disk is full.
const FULL: Duration = Duration::from_millis(500);

/// What fails, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The append is refused.
    Refuse,
    /// The append is answered with an error, although the event is stored.
    Unknown,
    /// From this call on nothing is written, until the process ends.
    Stop,
}

/// A handle to the log.
#[derive(Clone)]
pub(super) struct Log {
    disk: Arc<Mutex<Disk>>,
    clock: PausedClock,
    /// `true` if records are written in batches, otherwise each at once.
    in_batches: bool,
    mutation: Option<Mutation>,
}

impl Log {
    pub(super) fn new() -> Log {
        let clock = PausedClock::at(SystemTime::now());
        Log { disk: Arc::default(), clock, in_batches: false, mutation: None }
    }

    pub(super) fn in_batches() -> Log {
        Log { in_batches: true, ..Log::new() }
    }

    pub(super) fn broken(mutation: Mutation) -> Log {
        Log { mutation: Some(mutation), ..Log::in_batches() }
    }

    /// Returns a log that fails at the call with this number, from 0.
    pub(super) fn failing_at(call: u64, fault: Fault) -> Log {
        let log = Log::in_batches();
        log.disk().fail_at(call, fault);
        log
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("the disk")
    }
}

impl Keeper for Log {
    fn survives_crash(&self) -> bool {
        true
    }

    fn bounds_publishers(&self) -> bool {
        true
    }

    fn redelivered_after(&self) -> Duration {
        Duration::ZERO
    }

    fn clock(&self) -> impl Clock + Clone {
        self.clock
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        sleep(time)
    }

    fn trigger(&self, _: &str, topic: &str) -> TriggerConfig {
        TriggerConfig::event(topic)
    }

    async fn start(&mut self, builder: Builder) -> Result<Runtime> {
        let session = self.disk().open();
        Ok(builder.store(Session { log: self.clone(), number: session }).start().await?)
    }

    async fn publish(&self, runtime: &Runtime, topic: &str, body: String) -> Result {
        runtime.bus().emit_raw(topic, body).await?;
        Ok(())
    }

    async fn crash(&mut self, runtime: Runtime) {
        let lost = self.disk().end_session();
        drop(runtime);
        drop(lost);
    }

    async fn disturb(&self) {
        self.disk().fill_until(Instant::now() + FULL);
    }

    async fn unsettled(&self, _: &Runtime) -> usize {
        self.disk().stored().len()
    }

    async fn dead_letters(&self, _: &Runtime) -> Vec<DeadLetter> {
        self.disk().dead_letters().to_vec()
    }

    fn must_crash(&self) -> bool {
        self.disk().must_end()
    }
}

/// The log as one process has it open.
#[derive(Clone)]
struct Session {
    log: Log,
    number: u64,
}

impl Session {
    /// Writes a record, at once or with the next batch. Nothing is written after the end of the process.
    fn write(&self, record: Record) {
        let mut disk = self.log.disk();
        if !disk.is_open(self.number) {
            return;
        }
        let is_first = disk.add(record);
        drop(disk);
        match self.log.in_batches {
            true if is_first => drop(tokio::spawn(self.clone().write_batch(BATCH))),
            true => {}
            false => self.flush(),
        }
    }

    async fn write_batch(self, after: Duration) {
        sleep(after).await;
        self.flush();
    }

    /// Writes the records so far, and answers the publishers of their events. The lock is not held meanwhile, because an
    /// answer may settle an event.
    fn flush(&self) {
        let written = match self.log.disk() {
            mut disk if disk.is_open(self.number) => disk.write(),
            _ => return,
        };
        for (commit, positions) in written {
            commit.done(self.receipts(positions));
        }
    }

    fn receipts(&self, mut positions: Vec<u64>) -> Vec<Box<dyn Receipt>> {
        if self.log.is(Mutation::MixTargets) {
            positions.reverse();
        }
        positions.into_iter().map(|position| Box::new(self.slip(position)) as Box<dyn Receipt>).collect()
    }

    fn slip(&self, position: u64) -> Slip {
        if self.log.is(Mutation::AckEarly) {
            self.write(Record::Remove(position));
        }
        Slip { session: self.clone(), position }
    }

    /// Returns the attempts of a delivery as the log knows them.
    fn attempts(&self, stored: &Stored) -> Option<RetryState> {
        let retry = stored.retry.clone();
        match self.log.mutation {
            Some(Mutation::ForgetAttempts) => None,
            Some(Mutation::ForgetError) => retry.map(|state| RetryState { last_error: "".into(), ..state }),
            Some(Mutation::CountDeliveries) => Some(RetryState {
                failed_attempts: stored.loads,
                last_error: retry.map_or_else(|| "".into(), |state| state.last_error),
                first_at: self.log.clock.now(),
            }),
            _ => retry,
        }
    }
}

impl Store for Session {
    fn append(&self, entry: Entry, commit: Commit) {
        let (fault, is_full, positions) = {
            let mut disk = self.log.disk();
            (disk.call(), disk.is_full(Instant::now()), disk.positions(entry.targets().len()))
        };
        match fault {
            _ if is_full => commit.failed(StoreError::new("the disk is full")),
            Some(Fault::Refuse) => commit.failed(StoreError::new("the event is refused")),
            Some(Fault::Unknown) => {
                self.write(Record::Event(entry, positions, None));
                commit.failed(StoreError::unknown("the disk does not answer"));
            }
            _ if self.log.is(Mutation::ConfirmEarly) => {
                self.write(Record::Event(entry, positions.clone(), None));
                commit.done(self.receipts(positions));
            }
            _ => self.write(Record::Event(entry, positions, Some(commit))),
        }
    }

    fn load(&self, after: Option<u64>, most: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let mut stored = self.log.disk().load(after, most);
        if self.log.is(Mutation::LoadOnePage) && after.is_some() {
            return Ok(Vec::new());
        }
        if self.log.is(Mutation::SkipLast) {
            stored.pop();
        }
        // The runtime refuses positions that do not ascend, so only the events are in the wrong order.
        let positions: Vec<_> = stored.iter().map(|(position, _)| *position).collect();
        if self.log.is(Mutation::FeedBackwards) {
            stored.reverse();
        }
        let held = stored.into_iter().map(|(position, stored)| {
            let event = HeldEvent::new(stored.frame(), self.slip(position));
            let event = match self.attempts(&stored) {
                Some(state) => event.retry(state),
                None => event,
            };
            let event = match stored.due {
                Some(due) if !self.log.is(Mutation::IgnoreDue) => event.due(due),
                _ => event,
            };
            (stored.target, event)
        });
        let stored = positions.into_iter().zip(held);
        Ok(stored.map(|(position, (target, event))| StoredEvent { position, target, event }).collect())
    }

    fn close(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.clone().write_batch(Duration::ZERO))
    }
}

/// The receipt of a delivery.
struct Slip {
    session: Session,
    position: u64,
}

impl Slip {
    /// Writes a record of the delivery.
    fn write(&self, record: Record) {
        self.session.log.disk().call();
        self.session.write(record);
    }
}

impl Receipt for Slip {
    fn retry(&self, state: &RetryState, due: SystemTime) {
        self.write(Record::Retry(self.position, state.clone(), due));
    }

    fn handled(self: Box<Self>) {
        if !self.session.log.is(Mutation::NeverAck) {
            self.write(Record::Remove(self.position));
        }
    }

    fn dead(self: Box<Self>, dead_letter: &DeadLetter) {
        let letter = Box::new(dead_letter.clone());
        if self.session.log.is(Mutation::AckBeforeLetter) {
            self.write(Record::Remove(self.position));
            tokio::spawn(async move {
                sleep(BATCH * 3).await;
                self.write(Record::Dead(self.position, letter));
            });
        } else {
            self.write(Record::Dead(self.position, letter));
        }
    }

    fn release(self: Box<Self>) {
        if self.session.log.is(Mutation::DropReleased) {
            self.write(Record::Remove(self.position));
        }
    }
}
