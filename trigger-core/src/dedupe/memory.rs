//! The ids in memory: a hash map, and lists by age.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::{Claimed, Dedupe, DedupeCounts, DedupeId, IdClaim};
use crate::event::EventId;
use crate::store::StoreError;
use crate::task::BoxFuture;

/// A [`Dedupe`] in memory. It forgets its ids at the end of the program. A clone is a handle to the same ids.
///
/// It remembers at most 100,000 ids and 64 MiB. Over a bound it forgets the id that was accepted first, and counts it as
/// [evicted](DedupeCounts::evicted). Ids in progress are in no bound, because each belongs to a source that waits.
///
/// ```
/// # use trigger_core::{MemoryDedupe, Runtime};
/// let dedupe = MemoryDedupe::new().entries(1_000_000).bytes(512 << 20);
/// let builder = Runtime::builder().dedupe(dedupe);
/// # drop(builder);
/// ```
#[derive(Clone)]
pub struct MemoryDedupe(Arc<Mutex<State>>);

impl MemoryDedupe {
    /// Returns a dedupe that has seen no id.
    pub fn new() -> MemoryDedupe {
        MemoryDedupe(Arc::new(Mutex::new(State::new())))
    }

    /// Sets the maximum number of remembered ids, at least 1.
    #[must_use]
    pub fn entries(self, most: usize) -> MemoryDedupe {
        self.lock().most_entries = most.max(1) as u64;
        self
    }

    /// Sets the maximum size of remembered ids, in bytes. An id counts with what remembering it takes: about 300 bytes more.
    #[must_use]
    pub fn bytes(self, most: usize) -> MemoryDedupe {
        self.lock().most_bytes = most as u64;
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the claim of a key that the state has in progress.
    fn claim_of(&self, key: &Key, life: Life) -> IdClaim {
        let (dedupe, key) = (self.clone(), Arc::clone(key));
        IdClaim::new(move |event| match event {
            Some(event) => dedupe.commit(&key, life, event),
            None => dedupe.release(&key),
        })
    }

    fn commit(&self, key: &Key, life: Life, event: EventId) {
        let waiters = self.lock().commit(key, life, event);
        for waiter in waiters {
            let _ = waiter.sender.send(Claimed::Duplicate(event));
        }
    }

    /// Gives the key to the first call that waits for it, or else to the next call.
    fn release(&self, key: &Key) {
        loop {
            let Some(waiter) = self.lock().release(key) else { return };
            let sent = waiter.sender.send(Claimed::New(self.claim_of(key, waiter.life)));
            // The future of this call was dropped. The claim must not release the key, which is the next one's.
            let Err(Claimed::New(claim)) = sent else { return };
            claim.forget();
        }
    }
}

impl Default for MemoryDedupe {
    fn default() -> MemoryDedupe {
        MemoryDedupe::new()
    }
}

impl Dedupe for MemoryDedupe {
    fn claim<'a>(&'a self, id: DedupeId<'a>, now: SystemTime) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        Box::pin(async move {
            let (key, life) = (key(&id), Life { now, until: id.until(now) });
            loop {
                let begun = self.lock().begin(&key, life);
                let claimed = match begun {
                    Begun::New => return Ok(Claimed::New(self.claim_of(&key, life))),
                    Begun::Duplicate(event) => Claimed::Duplicate(event),
                    Begun::Waiting(receiver) => match receiver.await {
                        Ok(claimed) => claimed,
                        Err(_) => continue,
                    },
                };
                if let Claimed::Duplicate(_) = claimed {
                    self.lock().counts.duplicates += 1;
                }
                return Ok(claimed);
            }
        })
    }

    fn counts(&self) -> DedupeCounts {
        self.lock().counts
    }
}

impl fmt::Debug for MemoryDedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryDedupe").field(&self.counts()).finish()
    }
}

/// A scope and an id, with a byte between them that no text contains.
type Key = Arc<[u8]>;

fn key(id: &DedupeId<'_>) -> Key {
    [id.scope().as_bytes(), &[0xff], id.id()].concat().into()
}

/// When an id is claimed, and until when it is remembered.
#[derive(Clone, Copy)]
struct Life {
    now: SystemTime,
    until: SystemTime,
}

/// What has become of a key.
enum Id {
    /// A claim is in progress, and these calls wait for its end, in order.
    InProgress(VecDeque<Waiter>),
    Seen {
        event: EventId,
        until: SystemTime,
        number: u64,
    },
}

struct Waiter {
    sender: oneshot::Sender<Claimed>,
    life: Life,
}

/// The place of a seen id in the order of acceptance. It is stale if the id has another number now.
struct Aged {
    number: u64,
    until: SystemTime,
    key: Key,
}

/// What remembering an id takes beside its key, at most: the map and the lists may have twice the capacity they need.
const OVERHEAD: usize = 2 * (size_of::<(Key, Id)>() + size_of::<Aged>()) + 2 * size_of::<usize>();

/// The number of expired ids that a call removes at most.
const SWEEP: usize = 4;

enum Begun {
    New,
    Duplicate(EventId),
    Waiting(oneshot::Receiver<Claimed>),
}

struct State {
    most_entries: u64,
    most_bytes: u64,
    ids: HashMap<Key, Id>,
    /// The seen ids, in the order of acceptance. Windows whose length differs by a factor under 2 share a list, so that there
    /// are few lists, and an id is removed soon after its window however long those of other ids are.
    ages: BTreeMap<u32, VecDeque<Aged>>,
    /// The number of the next seen id.
    next: u64,
    counts: DedupeCounts,
}

impl State {
    fn new() -> State {
        State {
            most_entries: 100_000,
            most_bytes: 64 << 20,
            ids: HashMap::new(),
            ages: BTreeMap::new(),
            next: 0,
            counts: DedupeCounts::default(),
        }
    }

    /// Claims a key, or finds out who has it.
    fn begin(&mut self, key: &Key, life: Life) -> Begun {
        self.sweep(life.now);
        match self.ids.get_mut(key) {
            Some(Id::InProgress(waiters)) => {
                // Calls that were dropped are removed before the list grows, so it has few more than those that wait.
                if waiters.len() == waiters.capacity() {
                    waiters.retain(|waiter| !waiter.sender.is_closed());
                }
                let (sender, receiver) = oneshot::channel();
                waiters.push_back(Waiter { sender, life });
                return Begun::Waiting(receiver);
            }
            Some(Id::Seen { event, until, .. }) if *until > life.now => return Begun::Duplicate(*event),
            _ => {}
        }
        self.ids.insert(Arc::clone(key), Id::InProgress(VecDeque::new()));
        self.counts.in_progress += 1;
        Begun::New
    }

    /// Remembers a key that is in progress. Returns the calls that wait for it.
    fn commit(&mut self, key: &Key, life: Life, event: EventId) -> VecDeque<Waiter> {
        let number = self.next;
        self.next += 1;
        let before = self.ids.insert(Arc::clone(key), Id::Seen { event, until: life.until, number });
        let window = life.until.duration_since(life.now).unwrap_or(Duration::ZERO);
        let list = window.as_millis().max(1).ilog2();
        let aged = Aged { number, until: life.until, key: Arc::clone(key) };
        self.ages.entry(list).or_default().push_back(aged);
        self.counts.in_progress -= 1;
        self.counts.entries += 1;
        self.counts.bytes += cost(key);
        while self.counts.entries > self.most_entries || self.counts.bytes > self.most_bytes {
            let fronts = self.ages.iter().filter_map(|(list, ages)| Some((ages.front()?.number, *list)));
            let Some((_, oldest)) = fronts.min() else { break };
            self.remove_first(oldest, life.now);
        }
        match before {
            Some(Id::InProgress(waiters)) => waiters,
            _ => VecDeque::new(),
        }
    }

    /// Returns the call that gets the key next. Without one the key is free.
    fn release(&mut self, key: &Key) -> Option<Waiter> {
        if let Some(Id::InProgress(waiters)) = self.ids.get_mut(key)
            && let Some(waiter) = waiters.pop_front()
        {
            return Some(waiter);
        }
        self.ids.remove(key);
        self.counts.in_progress -= 1;
        None
    }

    /// Removes some ids whose window is over.
    fn sweep(&mut self, now: SystemTime) {
        for _ in 0..SWEEP {
            let is_over = |ages: &VecDeque<Aged>| ages.front().is_some_and(|aged| aged.until <= now);
            let Some(list) = self.ages.iter().find_map(|(list, ages)| is_over(ages).then_some(*list)) else {
                return;
            };
            self.remove_first(list, now);
        }
    }

    /// Removes the first id of a list. It is evicted if its window is not over.
    fn remove_first(&mut self, list: u32, now: SystemTime) {
        let Some(ages) = self.ages.get_mut(&list) else { return };
        let Some(aged) = ages.pop_front() else { return };
        if ages.is_empty() {
            self.ages.remove(&list);
        }
        self.counts.entries -= 1;
        self.counts.bytes -= cost(&aged.key);
        let seen = self.ids.get(&aged.key);
        if seen.is_some_and(|id| matches!(id, Id::Seen { number, .. } if *number == aged.number)) {
            self.ids.remove(&aged.key);
            self.counts.evicted += u64::from(aged.until > now);
        }
    }
}

fn cost(key: &Key) -> u64 {
    (key.len() + OVERHEAD) as u64
}
