//! Dead letters: the events that were given up on, kept with the reason, to be looked at, told of, and sent again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::deadlock::{WaitGraph, Waited};
use crate::event::{DeadLetter, TriggerKind};
use crate::handler::{Context, FromTrigger, Rejection};
use crate::panic::drop_quietly;
use crate::policy;
use crate::queue::{Item, Queue};

/// The dead letters of a runtime: the last 1000, in memory. A clone is a handle to the same ones.
///
/// A handler may take it as an argument; a program has it from [`Runtime::dead_letters`](crate::Runtime::dead_letters).
///
/// ```
/// # use trigger_core::{DeadLetterReason, DeadLetters};
/// # async fn example(dead_letters: DeadLetters) {
/// for letter in dead_letters.list() {
///     println!("{}: {} after {} attempts: {}", letter.process, letter.reason, letter.attempts, letter.error);
/// }
/// let sent = dead_letters.redrive(|letter| letter.process == "orders").await;
/// let cleared = dead_letters.clear(|letter| letter.reason == DeadLetterReason::Decode);
/// # let _ = (sent, cleared);
/// # }
/// ```
#[derive(Clone)]
pub struct DeadLetters(Arc<Store>);

struct Store {
    /// By their numbers.
    letters: Mutex<VecDeque<Kept>>,
    /// How many have come, to tell which is older.
    count: AtomicU64,
    readers: Mutex<Arc<[Reader]>>,
    wait_graph: Arc<WaitGraph>,
}

/// A dead letter, and the queue that its event came from.
#[derive(Clone)]
struct Kept {
    number: u64,
    letter: Arc<DeadLetter>,
    queue: Queue,
}

pub(crate) type Tell = Arc<dyn Fn(&Arc<DeadLetter>) + Send + Sync>;

/// One who is told of every letter, or of those of one process.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) process: Option<String>,
    pub(crate) tell: Tell,
}

impl DeadLetters {
    pub(crate) fn new(wait_graph: Arc<WaitGraph>) -> DeadLetters {
        DeadLetters(Arc::new(Store {
            letters: Mutex::default(),
            count: AtomicU64::new(0),
            readers: Mutex::default(),
            wait_graph,
        }))
    }

    /// All that are kept, oldest first.
    pub fn list(&self) -> Vec<DeadLetter> {
        self.letters().iter().map(|kept| DeadLetter::clone(&kept.letter)).collect()
    }

    /// How many are kept: at most 1000.
    pub fn len(&self) -> usize {
        self.letters().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.letters().is_empty()
    }

    /// Sends the events of these letters again: each into the queue it came from, for its process alone, with all its
    /// attempts before it; `|_| true` means all of them. The letter is gone then. Returns how many were sent.
    ///
    /// Where a queue is full it waits for room. A letter stays if its process has ended, or if waiting would never end
    /// because the handler that asks for it is the one that would make room.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, every letter has either been sent or is still kept.
    pub async fn redrive(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let mut sent = 0;
        for letter in self.chosen(filter) {
            // Cleared or sent by someone else in the meantime.
            let Some(kept) = self.take(&letter) else { continue };
            let mut redrive = Redrive { of: self, event: Some(kept.letter.event.clone().into()), kept };
            let queue = redrive.kept.queue.clone();
            if self.0.wait_graph.push(&queue, &mut redrive.event).await == Waited::Queued {
                sent += 1;
            }
        }
        sent
    }

    /// Forgets these letters; `|_| true` means all of them. Returns how many they were.
    pub fn clear(&self, filter: impl Fn(&DeadLetter) -> bool) -> usize {
        let cleared: Vec<Kept> = self.chosen(filter).iter().filter_map(|letter| self.take(letter)).collect();
        let count = cleared.len();
        // One by one: a second panic, while the first one unwinds, would end the program.
        cleared.into_iter().for_each(drop_quietly);
        count
    }

    /// The letters that the filter lets through. No lock is held while it runs.
    fn chosen(&self, filter: impl Fn(&DeadLetter) -> bool) -> Vec<Arc<DeadLetter>> {
        let letters: Vec<_> = self.letters().iter().map(|kept| Arc::clone(&kept.letter)).collect();
        letters.into_iter().filter(|letter| filter(letter)).collect()
    }

    fn take(&self, letter: &Arc<DeadLetter>) -> Option<Kept> {
        let mut letters = self.letters();
        let index = letters.iter().position(|kept| Arc::ptr_eq(&kept.letter, letter))?;
        letters.remove(index)
    }

    /// Has everyone told of letters to come who wants to be.
    pub(crate) fn tell(&self, reader: Reader) {
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        *readers = readers.iter().cloned().chain([reader]).collect();
    }

    /// Tells them no more.
    pub(crate) fn tell_no_more(&self, tell: &Tell) {
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        *readers = readers.iter().filter(|reader| !Arc::ptr_eq(&reader.tell, tell)).cloned().collect();
    }

    /// Keeps one more, and tells those who want to know. What they make of it themselves is told to nobody, so that no
    /// letter leads to another without end.
    pub(crate) fn keep(&self, letter: DeadLetter, queue: Queue) {
        let letter = Arc::new(letter);
        self.keep_quietly(self.kept(Arc::clone(&letter), queue));
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

    /// Keeps one more, and tells nobody.
    pub(crate) fn keep_untold(&self, letter: DeadLetter, queue: Queue) {
        self.keep_quietly(self.kept(Arc::new(letter), queue));
    }

    fn kept(&self, letter: Arc<DeadLetter>, queue: Queue) -> Kept {
        Kept { number: self.0.count.fetch_add(1, Ordering::Relaxed), letter, queue }
    }

    /// Keeps one more, in its place, and forgets the oldest over the bound. That one was counted and logged when it came.
    fn keep_quietly(&self, kept: Kept) {
        let mut letters = self.letters();
        let place = letters.partition_point(|other| other.number < kept.number);
        letters.insert(place, kept);
        let forgotten = if letters.len() > policy::DEAD_LETTERS { letters.pop_front() } else { None };
        drop(letters);
        // Its bytes may have an owner of the user's, whose drop must find no lock held.
        drop_quietly(forgotten);
    }

    fn letters(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A letter that is being sent again. Given up, it is kept.
struct Redrive<'a> {
    of: &'a DeadLetters,
    kept: Kept,
    /// There until it is queued.
    event: Option<Item>,
}

impl Drop for Redrive<'_> {
    fn drop(&mut self) {
        if self.event.is_some() {
            self.of.keep_quietly(self.kept.clone());
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
        f.debug_struct("DeadLetters").field("len", &self.len()).finish_non_exhaustive()
    }
}
