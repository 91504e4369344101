//! Dead letters: kept with the reason, listed by number, redriven, cleared, and handed to their readers.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::deadlock::{WaitGraph, Waited};
use crate::event::{DeadLetter, TriggerEvent, TriggerKind};
use crate::handler::{Context, FromTrigger, Rejection};
use crate::panic::drop_quietly;
use crate::policy;
use crate::queue::{Inbox, Item, Queue};

/// The dead letters of a runtime: the last 1000 and at most 64 MiB, in memory. A clone is a handle to the same letters.
///
/// A handler takes it as an argument; a program gets it from [`Runtime::dead_letters`](crate::Runtime::dead_letters).
/// Every letter has a [`number`](DeadLetter::number), by which it is found again.
///
/// ```
/// # use trigger_core::{DeadLetterReason, DeadLetters};
/// # async fn example(dead_letters: DeadLetters) {
/// let mut after = None;
/// loop {
///     let page = dead_letters.page(after, 100).await;
///     let Some(last) = page.last() else { break };
///     after = Some(last.number());
///     for letter in &page {
///         println!("{}: {}, {}: {}", letter.number(), letter.process, letter.reason, letter.error);
///     }
/// }
/// let sent = dead_letters.redrive(|letter| letter.process == "orders").await;
/// let cleared = dead_letters.clear(|letter| letter.reason == DeadLetterReason::Decode).await;
/// # let _ = (sent, cleared);
/// # }
/// ```
#[derive(Clone)]
pub struct DeadLetters(Arc<Store>);

struct Store {
    letters: Mutex<Letters>,
    readers: Mutex<Arc<[Reader]>>,
    /// By the name of the process.
    queues: Mutex<HashMap<String, Queues>>,
    wait_graph: Arc<WaitGraph>,
}

#[derive(Default)]
struct Letters {
    /// Sorted by number.
    kept: VecDeque<Arc<DeadLetter>>,
    /// The number of the newest letter.
    last: u64,
    /// What they keep in memory.
    bytes: usize,
}

impl Letters {
    /// The place of the letter with this number, or the place where it would be.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.kept.binary_search_by_key(&number, |letter| letter.number)
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

/// The queues of one process, by the trigger, for events that are sent again.
struct Queues {
    inbox: Weak<Inbox>,
    triggers: Vec<(String, TriggerKind)>,
}

impl Queues {
    /// The queue of the trigger with this id; if there is none, as after a change of the process, the first one of its
    /// kind.
    fn find(&self, event: &TriggerEvent) -> Option<Queue> {
        let inbox = self.inbox.upgrade()?;
        let by_id = self.triggers.iter().position(|(id, _)| id == event.trigger_id());
        let port = by_id.or_else(|| self.triggers.iter().position(|(_, kind)| *kind == event.kind()))?;
        Some(Queue::of(inbox, port))
    }
}

pub(crate) type Tell = Arc<dyn Fn(&Arc<DeadLetter>) + Send + Sync>;

/// A subscriber for the letters of every process, or of one.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) process: Option<String>,
    pub(crate) tell: Tell,
}

impl DeadLetters {
    pub(crate) fn new(wait_graph: Arc<WaitGraph>) -> DeadLetters {
        DeadLetters(Arc::new(Store {
            letters: Mutex::default(),
            readers: Mutex::default(),
            queues: Mutex::default(),
            wait_graph,
        }))
    }

    /// Makes the queues of a process known, by their triggers. They replace those of an earlier process of this name.
    pub(crate) fn attach(&self, process: &str, inbox: &Arc<Inbox>, triggers: Vec<(String, TriggerKind)>) {
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Processes that are gone leave nothing behind.
        queues.retain(|_, queues| queues.inbox.strong_count() > 0);
        queues.insert(process.to_owned(), Queues { inbox: Arc::downgrade(inbox), triggers });
    }

    fn queue_of(&self, letter: &DeadLetter) -> Option<Queue> {
        let queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(&letter.process)?.find(&letter.event)
    }

    /// Returns every letter that is kept, oldest first: at most 1000.
    pub async fn list(&self) -> Vec<DeadLetter> {
        self.page(None, policy::DEAD_LETTERS).await
    }

    /// Returns up to `limit` letters with a number over `after`, oldest first. `None` begins with the oldest letter.
    ///
    /// A letter that comes meanwhile has a higher number than all before, so that no page misses one or has one twice.
    pub async fn page(&self, after: Option<u64>, limit: usize) -> Vec<DeadLetter> {
        let letters = self.letters();
        let first =
            after.map_or(0, |after| letters.place(after).map_or_else(|place| place, |place| place + 1));
        let page: Vec<_> = letters.kept.range(first..).take(limit).cloned().collect();
        drop(letters);
        page.iter().map(|letter| DeadLetter::clone(letter)).collect()
    }

    /// Returns the letter with this number, if it is kept.
    pub async fn get(&self, number: u64) -> Option<DeadLetter> {
        let letters = self.letters();
        let place = letters.place(number).ok()?;
        let letter = Arc::clone(letters.kept.get(place)?);
        drop(letters);
        Some(DeadLetter::clone(&letter))
    }

    /// Returns how many letters are kept: at most 1000.
    pub async fn len(&self) -> usize {
        self.count()
    }

    /// Returns `true` if no letter is kept.
    pub async fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Sends the events of the letters that the filter accepts again. `|_| true` accepts every letter. Each event goes
    /// into the queue of its trigger, for its process alone, with all its attempts before it, and its letter is removed.
    /// Returns how many were sent.
    ///
    /// Process and trigger are found by their names: a process that was removed and added again gets its events. If it has
    /// no trigger of that id any more, its first one of the same kind takes the event.
    ///
    /// If a queue is full, this waits for room. A letter stays if there is no such process, or if waiting would never end
    /// because the handler that calls this is the one that would make room.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, every letter has either been sent or is still kept.
    pub async fn redrive(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let mut sent = 0;
        for letter in self.chosen(filter) {
            sent += usize::from(self.redrive_one(letter.number).await);
        }
        sent
    }

    /// Sends the event of the letter with this number again, as [`redrive`](Self::redrive) does. Returns `true` if it was
    /// sent, and `false` if there is no such letter or it stays.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, the letter has either been sent or is still kept.
    pub async fn redrive_one(&self, number: u64) -> bool {
        let Some(letter) = self.take(number) else { return false };
        let mut redrive = Redrive { of: self, event: Some(letter.event.clone().into()), letter };
        let Some(queue) = self.queue_of(&redrive.letter) else { return false };
        self.0.wait_graph.push(&queue, &mut redrive.event).await == Waited::Queued
    }

    /// Removes the letters that the filter accepts. `|_| true` accepts every letter. Returns how many were removed.
    pub async fn clear(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let chosen = self.chosen(filter);
        let cleared: Vec<_> = chosen.iter().filter_map(|letter| self.take(letter.number)).collect();
        drop(chosen);
        let count = cleared.len();
        // One by one: a second panic while the first one unwinds would abort the program.
        cleared.into_iter().for_each(drop_quietly);
        count
    }

    fn count(&self) -> usize {
        self.letters().kept.len()
    }

    /// The letters that the filter accepts. It runs without the lock.
    fn chosen(&self, filter: impl Fn(&DeadLetter) -> bool) -> Vec<Arc<DeadLetter>> {
        let letters: Vec<_> = self.letters().kept.iter().cloned().collect();
        letters.into_iter().filter(|letter| filter(letter)).collect()
    }

    /// Removes the letter with this number, unless another caller has cleared or redriven it.
    fn take(&self, number: u64) -> Option<Arc<DeadLetter>> {
        let mut letters = self.letters();
        let place = letters.place(number).ok()?;
        letters.remove(place)
    }

    /// Registers a subscriber for future letters.
    pub(crate) fn tell(&self, reader: Reader) {
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        *readers = readers.iter().cloned().chain([reader]).collect();
    }

    /// Unregisters a subscriber.
    pub(crate) fn tell_no_more(&self, tell: &Tell) {
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        *readers = readers.iter().filter(|reader| !Arc::ptr_eq(&reader.tell, tell)).cloned().collect();
    }

    /// Keeps a new letter, and hands it to its subscribers. A letter about a dead letter is handed to none, so that
    /// letters never cause letters without end.
    pub(crate) fn keep(&self, letter: DeadLetter) {
        let letter = self.keep_new(letter);
        if letter.event.kind() == TriggerKind::DeadLetter {
            return;
        }
        let readers = Arc::clone(&self.0.readers.lock().unwrap_or_else(PoisonError::into_inner));
        for reader in readers.iter() {
            if reader.process.as_ref().is_none_or(|process| *process == letter.process) {
                (reader.tell)(&letter);
            }
        }
        // It may have been cleared in the meantime.
        drop_quietly(letter);
    }

    /// Keeps a new letter, and hands it to no subscriber.
    pub(crate) fn keep_untold(&self, letter: DeadLetter) {
        drop_quietly(self.keep_new(letter));
    }

    /// Numbers a new letter and keeps it, in one step under the lock. Otherwise a page could show a letter before one with
    /// a lower number is there.
    fn keep_new(&self, mut letter: DeadLetter) -> Arc<DeadLetter> {
        let mut letters = self.letters();
        letters.last += 1;
        letter.number = letters.last;
        let letter = Arc::new(letter);
        self.insert(letters, Arc::clone(&letter));
        letter
    }

    /// Inserts a letter by its number, and removes the oldest ones over the bounds. Those were counted and logged when they
    /// came.
    fn insert(&self, mut letters: MutexGuard<'_, Letters>, letter: Arc<DeadLetter>) {
        let place = letters.place(letter.number).unwrap_or_else(|place| place);
        letters.bytes += letter.bytes();
        letters.kept.insert(place, letter);
        let mut removed = Vec::new();
        while letters.over_the_bound() {
            removed.extend(letters.remove(0));
        }
        drop(letters);
        // The drop of their bytes may run code of the user, which must find no lock held.
        removed.into_iter().for_each(drop_quietly);
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.0.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A letter while its event is sent again. Dropped before that, it is kept again, with its number.
struct Redrive<'a> {
    of: &'a DeadLetters,
    letter: Arc<DeadLetter>,
    /// `None` once it is queued.
    event: Option<Item>,
}

impl Drop for Redrive<'_> {
    fn drop(&mut self) {
        if self.event.is_some() {
            self.of.insert(self.of.letters(), Arc::clone(&self.letter));
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
