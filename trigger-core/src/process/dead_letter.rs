//! The store of dead letters. It lists, redrives and clears them, and hands new ones to its subscribers.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::declare::policy;
use crate::event::{DeadLetter, TriggerEvent, TriggerKind};
use crate::observe::status::DeadLettersStatus;
use crate::panic::drop_quietly;
use crate::process::deadlock::WaitGraph;
use crate::process::handler::{Context, FromTrigger, Rejection};
use crate::process::waiting::{self, WaitingPush};
use crate::queue::{Admission, Inbox, Queue};

mod counts;

pub(crate) use counts::CountedDeadLetters;

/// The dead letters of a runtime: the last 1000 and at most 64 MiB, in memory. A clone is a handle to the same store.
///
/// A handler takes it as an argument; a program gets it from [`Runtime::dead_letters`](crate::Runtime::dead_letters).
/// Every dead letter has a [`number`](DeadLetter::number), by which [`get`](Self::get) finds it.
///
/// ```
/// # use trigger_core::{DeadLetterReason, DeadLetters};
/// # async fn example(dead_letters: DeadLetters) {
/// let mut after = None;
/// loop {
///     let page = dead_letters.page(after, 100).await;
///     let Some(last) = page.last() else { break };
///     after = Some(last.number());
///     for dead_letter in &page {
///         println!("{} of {}: {}", dead_letter.number(), dead_letter.process, dead_letter.error);
///     }
/// }
/// let sent = dead_letters.redrive(|dead_letter| dead_letter.process == "orders").await;
/// let cleared = dead_letters.clear(|dead_letter| dead_letter.reason == DeadLetterReason::Decode).await;
/// # let _ = (sent, cleared);
/// # }
/// ```
#[derive(Clone)]
pub struct DeadLetters(Arc<Shared>);

struct Shared {
    store: Mutex<Store>,
    subscribers: Mutex<Arc<[Subscriber]>>,
    /// The queues of each process, by its name.
    queues: Mutex<HashMap<String, Queues>>,
    wait_graph: Arc<WaitGraph>,
}

/// The kept dead letters.
#[derive(Default)]
struct Store {
    /// Sorted by number.
    kept: VecDeque<Arc<DeadLetter>>,
    /// The number of the newest dead letter.
    last: u64,
    /// The size of the kept dead letters in memory.
    bytes: usize,
}

impl Store {
    /// Returns the index of the dead letter with this number. The error is the index at which it would be inserted.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.kept.binary_search_by_key(&number, |dead_letter| dead_letter.number)
    }

    fn remove(&mut self, place: usize) -> Option<Arc<DeadLetter>> {
        let removed = self.kept.remove(place)?;
        self.bytes -= removed.bytes();
        Some(removed)
    }

    fn over_the_bound(&self) -> bool {
        self.kept.len() > policy::DEAD_LETTERS || self.bytes > policy::DEAD_LETTER_BYTES
    }
}

/// The queues of one process, by the trigger, for redriven events.
struct Queues {
    inbox: Weak<Inbox>,
    triggers: Vec<(String, TriggerKind)>,
}

impl Queues {
    /// Returns the queue of the event's trigger. If the process has no trigger of that id any more, returns the queue
    /// of its first trigger of the same kind.
    fn find(&self, event: &TriggerEvent) -> Option<Queue> {
        let inbox = self.inbox.upgrade()?;
        let by_id = self.triggers.iter().position(|(id, _)| id == event.trigger_id());
        let port = by_id.or_else(|| self.triggers.iter().position(|(_, kind)| *kind == event.kind()))?;
        Some(Queue::of(inbox, port))
    }
}

/// A callback for new dead letters. It must not block.
pub(crate) type Notify = Arc<dyn Fn(&Arc<DeadLetter>) + Send + Sync>;

/// A subscriber to new dead letters.
#[derive(Clone)]
pub(crate) struct Subscriber {
    /// Restricts it to the dead letters of this process.
    pub(crate) process: Option<String>,
    pub(crate) notify: Notify,
}

impl DeadLetters {
    pub(crate) fn new(wait_graph: Arc<WaitGraph>) -> DeadLetters {
        DeadLetters(Arc::new(Shared {
            store: Mutex::default(),
            subscribers: Mutex::default(),
            queues: Mutex::default(),
            wait_graph,
        }))
    }

    /// Registers the queues of a process, for redriven events. They replace those of an earlier process of this name.
    pub(crate) fn attach(&self, process: &str, inbox: &Arc<Inbox>, triggers: Vec<(String, TriggerKind)>) {
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the map grows, removes the entries of processes that have ended, so that the map stays bounded. A search
        // at each call would take quadratic time for the processes of a start.
        if queues.len() == queues.capacity() {
            queues.retain(|_, queues| queues.inbox.strong_count() > 0);
        }
        queues.insert(process.to_owned(), Queues { inbox: Arc::downgrade(inbox), triggers });
    }

    fn queue_of(&self, dead_letter: &DeadLetter) -> Option<Queue> {
        let queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(&dead_letter.process)?.find(&dead_letter.event)
    }

    /// Returns every kept dead letter, oldest first: at most 1000.
    pub async fn list(&self) -> Vec<DeadLetter> {
        self.page(None, policy::DEAD_LETTERS).await
    }

    /// Returns up to `limit` dead letters with a number over `after`, oldest first. `None` begins with the oldest one.
    ///
    /// A new dead letter has a higher number than all earlier ones. So consecutive pages neither skip nor repeat one.
    pub async fn page(&self, after: Option<u64>, limit: usize) -> Vec<DeadLetter> {
        let store = self.store();
        let first = after.map_or(0, |after| store.place(after).map_or_else(|place| place, |place| place + 1));
        let page: Vec<_> = store.kept.range(first..).take(limit).cloned().collect();
        drop(store);
        page.iter().map(|dead_letter| DeadLetter::clone(dead_letter)).collect()
    }

    /// Returns the dead letter with this number, if it is kept.
    pub async fn get(&self, number: u64) -> Option<DeadLetter> {
        let store = self.store();
        let place = store.place(number).ok()?;
        let dead_letter = Arc::clone(store.kept.get(place)?);
        drop(store);
        Some(DeadLetter::clone(&dead_letter))
    }

    /// Returns the number of kept dead letters: at most 1000.
    pub async fn len(&self) -> usize {
        self.count()
    }

    /// Returns `true` if no dead letter is kept.
    pub async fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Redrives the dead letters that the filter accepts: queues their events again, and removes them. `|_| true`
    /// accepts every dead letter. Returns the number of redriven events.
    ///
    /// An event goes into the queue of its trigger, for its process only. It again has all the attempts of its policy,
    /// and begins a new cascade.
    /// Process and trigger are found by their names, so a process that was removed and added again gets its events. If
    /// it has no trigger of that id any more, its first trigger of the same kind takes the event.
    ///
    /// If a queue is full, this waits for capacity. A dead letter stays if there is no such process. It also stays if
    /// the wait would never end, because only the calling handler could free the capacity.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, every dead letter is either redriven or still kept.
    pub async fn redrive(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let mut sent = 0;
        for dead_letter in self.chosen(filter) {
            sent += usize::from(self.redrive_one(dead_letter.number).await);
        }
        sent
    }

    /// Redrives the dead letter with this number, as [`redrive`](Self::redrive) does. Returns `true` if its event was
    /// queued, and `false` if there is no such dead letter or it stays.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the dead letter is either redriven or still kept.
    pub async fn redrive_one(&self, number: u64) -> bool {
        let Some(dead_letter) = self.take(number) else { return false };
        let event = dead_letter.event.without_depth().into();
        let queue = self.queue_of(&dead_letter);
        let mut redrive = Redrive { of: self, dead_letter, queue, waiting: None, queued: false };
        let Some(queue) = &redrive.queue else { return false };
        let admission = waiting::push(queue, event, &self.0.wait_graph, &mut redrive.waiting).await;
        (redrive.waiting, redrive.queued) = (None, matches!(admission, Admission::Queued));
        redrive.queued
    }

    /// Removes the dead letters that the filter accepts. `|_| true` accepts every dead letter. Returns the number of
    /// removed dead letters.
    pub async fn clear(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let chosen = self.chosen(filter);
        let cleared: Vec<_> = chosen.iter().filter_map(|dead_letter| self.take(dead_letter.number)).collect();
        drop(chosen);
        let count = cleared.len();
        // Each drop has its own guard. A second panic while the first one unwinds would abort the program.
        cleared.into_iter().for_each(drop_quietly);
        count
    }

    fn count(&self) -> usize {
        self.store().kept.len()
    }

    /// Returns the number and the size of the kept dead letters, at one moment.
    pub(crate) fn status(&self) -> DeadLettersStatus {
        let store = self.store();
        DeadLettersStatus { kept: store.kept.len(), bytes: store.bytes }
    }

    /// Returns the dead letters that the filter accepts. The filter runs without the lock.
    fn chosen(&self, filter: impl Fn(&DeadLetter) -> bool) -> Vec<Arc<DeadLetter>> {
        let kept: Vec<_> = self.store().kept.iter().cloned().collect();
        kept.into_iter().filter(|dead_letter| filter(dead_letter)).collect()
    }

    /// Removes the dead letter with this number, unless another caller has cleared or redriven it.
    fn take(&self, number: u64) -> Option<Arc<DeadLetter>> {
        let mut store = self.store();
        let place = store.place(number).ok()?;
        store.remove(place)
    }

    /// Registers a subscriber for future dead letters.
    pub(crate) fn subscribe(&self, subscriber: Subscriber) {
        let mut subscribers = self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        *subscribers = subscribers.iter().cloned().chain([subscriber]).collect();
    }

    /// Unregisters a subscriber.
    pub(crate) fn unsubscribe(&self, notify: &Notify) {
        let mut subscribers = self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        *subscribers = subscribers
            .iter()
            .filter(|subscriber| !Arc::ptr_eq(&subscriber.notify, notify))
            .cloned()
            .collect();
    }

    /// Keeps a new dead letter, and hands it to its subscribers. It hands none of them the dead letter of an event that a
    /// subscriber has relayed, because a failing subscriber would cause dead letters without end.
    ///
    /// The drop of the returned letter may run code of the user, because it may have been cleared in the meantime.
    fn keep(&self, dead_letter: DeadLetter) -> Arc<DeadLetter> {
        let dead_letter = self.keep_new(dead_letter);
        if dead_letter.event.trigger.relays {
            return dead_letter;
        }
        let subscribers = Arc::clone(&self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner));
        for subscriber in subscribers.iter() {
            if subscriber.process.as_ref().is_none_or(|process| *process == dead_letter.process) {
                (subscriber.notify)(&dead_letter);
            }
        }
        dead_letter
    }

    /// Keeps a new dead letter, and notifies no subscriber.
    fn keep_without_notifying(&self, dead_letter: DeadLetter) {
        drop_quietly(self.keep_new(dead_letter));
    }

    /// Numbers a new dead letter and keeps it, in one step under the lock. Otherwise a page could show a dead letter
    /// before one with a lower number is inserted.
    fn keep_new(&self, mut dead_letter: DeadLetter) -> Arc<DeadLetter> {
        let mut store = self.store();
        store.last += 1;
        dead_letter.number = store.last;
        let dead_letter = Arc::new(dead_letter);
        self.insert(store, Arc::clone(&dead_letter));
        dead_letter
    }

    /// Inserts a dead letter by its number, and removes the oldest ones over the bounds. Those were counted and logged
    /// when they were kept.
    fn insert(&self, mut store: MutexGuard<'_, Store>, dead_letter: Arc<DeadLetter>) {
        let place = store.place(dead_letter.number).unwrap_or_else(|place| place);
        store.bytes += dead_letter.bytes();
        store.kept.insert(place, dead_letter);
        let mut removed = Vec::new();
        while store.over_the_bound() {
            removed.extend(store.remove(0));
        }
        drop(store);
        // The drop of their bytes may run code of the user, so it runs without the lock.
        removed.into_iter().for_each(drop_quietly);
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A redrive in progress. If it is dropped before the event is queued, the dead letter is kept again with its number.
struct Redrive<'a> {
    of: &'a DeadLetters,
    dead_letter: Arc<DeadLetter>,
    /// The queue for its event, if there is one.
    queue: Option<Queue>,
    /// The event, while it waits for capacity.
    waiting: Option<WaitingPush>,
    queued: bool,
}

impl Drop for Redrive<'_> {
    fn drop(&mut self) {
        let taken_back = match (&self.queue, &mut self.waiting) {
            (Some(queue), Some(waiting)) => waiting.cancel(queue).map(drop_quietly).is_some(),
            _ => true,
        };
        if !self.queued && taken_back {
            self.of.insert(self.of.store(), Arc::clone(&self.dead_letter));
        }
    }
}

/// The dead letters of the runtime.
impl FromTrigger for DeadLetters {
    fn from_trigger(cx: &Context<'_>) -> Result<DeadLetters, Rejection> {
        cx.env.provided.get().ok_or_else(|| Rejection::absent("no dead letters"))
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("len", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_ended_processes_do_not_accumulate() {
        let dead_letters = DeadLetters::new(Arc::default());
        let inbox = || Inbox::new(Vec::new(), None, None, Arc::default(), None);
        let kept = inbox();
        dead_letters.attach("kept", &kept, Vec::new());
        for number in 0..10_000 {
            dead_letters.attach(&format!("ended {number}"), &inbox(), Vec::new());
        }
        let queues = dead_letters.0.queues.lock().expect("no panic");
        assert!(queues.contains_key("kept"));
        assert!(queues.len() < 10, "{} entries", queues.len());
    }
}
