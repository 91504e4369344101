//! The look-up of subscriptions by topic: a map of exact names and a trie of patterns, behind a snapshot.
//!
//! A publisher reads the snapshot without waiting for a lock. The cost of a look-up depends on the length of the topic
//! and on the matches, not on the number of subscriptions. The maps are persistent, so a new subscription copies only
//! the path from the root to its pattern.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwap, Guard};
use trigger_grammar::topic::first_token;

use crate::clock::SharedClock;
use crate::event::topic::{Topic, TopicPattern, is_any_token};
use crate::event::{Frame, SOURCE};
use crate::log_limit::LogOnce;
use crate::observe::observer::Observers;
use crate::source::Sink;

mod names;
mod near;

use names::Names;
pub(crate) use near::{VISITS, typo};

/// The subscription of one trigger.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    number: u64,
    pub(crate) sink: Sink,
    /// The only source of the events; `None` for every source.
    source: Option<Arc<str>>,
}

impl Subscription {
    pub(crate) fn new(sink: Sink, source: Option<Arc<str>>) -> Subscription {
        Subscription { number: 0, sink, source }
    }

    /// Returns `true` if the event is from the source of the subscription.
    #[inline]
    pub(crate) fn wants(&self, frame: &Frame) -> bool {
        match &self.source {
            None => true,
            Some(wanted) => frame.attribute(SOURCE) == Some(wanted),
        }
    }

    /// Returns the only source of its events; `None` if it takes those of every source.
    pub(crate) fn only_source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

/// The subscriptions of one pattern. Snapshots share them, and a change replaces the whole list.
type Subscriptions = Arc<[Subscription]>;

/// The subscriptions of a bus or broker.
#[derive(Default)]
pub(crate) struct Routes {
    table: ArcSwap<Table>,
    /// Serializes the changes, otherwise one of two concurrent changes would be lost.
    writing: Mutex<()>,
    last_number: AtomicU64,
    /// Publications that matched no subscription.
    unmatched: AtomicU64,
    /// The names of publications that no trigger took.
    pub(crate) untaken: LogOnce,
    /// The names of publications whose data was a string that held JSON.
    pub(crate) encoded_twice: LogOnce,
    /// The clock of the runtime that the bus or broker is wired to.
    clock: OnceLock<SharedClock>,
}

/// The subscriptions at one moment.
#[derive(Clone, Default)]
pub(crate) struct Table {
    /// Boxed, and `None` if there is nothing special, so that a publication makes one comparison.
    special: Option<Box<Special>>,
    exact: Names<Topic, Subscriptions>,
    patterns: Node,
}

/// What a publication meets before its subscriptions. Most never do.
#[derive(Clone, Default)]
pub(crate) struct Special {
    /// Those of each runtime that has the bus or the broker.
    pub(crate) observers: Vec<Observers>,
    /// `true` once the runtime that made the bus or the broker has ended.
    pub(crate) is_closed: bool,
}

/// A node of the trie, which stands for the tokens on the path from the root.
#[derive(Clone, Default)]
struct Node {
    /// The children by their literal token.
    tokens: Names<String, Node>,
    /// The child for any one token: `*` or a capture.
    one: Option<Arc<Node>>,
    /// The subscriptions of the pattern that continues with `>`.
    rest: Subscriptions,
    /// The subscriptions of the pattern that ends here.
    end: Subscriptions,
}

impl Routes {
    /// Returns the clock of the runtime that the bus or broker is wired to; before the wiring, the system clock.
    #[inline]
    pub(crate) fn clock(&self) -> &SharedClock {
        self.clock.get().unwrap_or(&SharedClock::SYSTEM)
    }

    /// Returns the clock of the runtime that the bus or broker is wired to; `None` before the wiring.
    pub(crate) fn wired_clock(&self) -> Option<&SharedClock> {
        self.clock.get()
    }

    /// Sets the clock if it is not set.
    pub(crate) fn set_clock(&self, clock: &SharedClock) {
        self.clock.get_or_init(|| clock.clone());
    }

    /// Counts a publication that matched no subscription.
    pub(crate) fn count_unmatched(&self) {
        // It orders no other memory.
        self.unmatched.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// Adds a subscription and returns its number.
    pub(crate) fn subscribe(&self, pattern: &TopicPattern, mut subscription: Subscription) -> u64 {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        subscription.number = number;
        self.edit(pattern, |subscriptions| subscriptions.iter().cloned().chain([subscription]).collect());
        number
    }

    /// Removes the subscription with this number.
    pub(crate) fn unsubscribe(&self, pattern: &TopicPattern, number: u64) {
        self.edit(pattern, |subscriptions| {
            subscriptions.iter().filter(|subscription| subscription.number != number).cloned().collect()
        });
    }

    /// Replaces the subscriptions of a pattern in a new snapshot.
    fn edit(&self, pattern: &TopicPattern, change: impl FnOnce(&Subscriptions) -> Subscriptions) {
        self.write(|table| {
            if let Ok(topic) = Topic::parse(pattern.as_str()) {
                let subscriptions = table.exact.get(&topic).map(|(_, subscriptions)| subscriptions);
                let subscriptions = change(subscriptions.unwrap_or(&Subscriptions::default()));
                if subscriptions.is_empty() {
                    table.exact.remove(&topic);
                } else {
                    table.exact.insert(topic, subscriptions);
                }
            } else {
                table.patterns = table.patterns.edited(pattern.as_str(), change);
            }
        });
    }

    /// Reports later publications to these observers.
    pub(crate) fn observe(&self, observers: &Observers) {
        self.change_special(|special| special.observers.push(observers.clone()));
    }

    /// Reports no later publication to these observers.
    pub(crate) fn forget(&self, observers: &Observers) {
        self.change_special(|special| special.observers.retain(|registered| !registered.is_same(observers)));
    }

    /// Refuses every later publication.
    pub(crate) fn close(&self) {
        self.change_special(|special| special.is_closed = true);
    }

    fn change_special(&self, change: impl FnOnce(&mut Special)) {
        self.write(|table| {
            let mut special = table.special.take().unwrap_or_default();
            change(&mut special);
            table.special =
                Some(special).filter(|special| special.is_closed || !special.observers.is_empty());
        });
    }

    /// Changes the table in a new snapshot.
    fn write(&self, change: impl FnOnce(&mut Table)) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.copy();
        change(&mut table);
        self.table.store(Arc::new(table));
    }

    #[cold]
    fn copy(&self) -> Table {
        Table::clone(&self.table.load())
    }

    /// Returns the current subscriptions.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.table.load())
    }
}

/// A snapshot of the subscriptions.
pub(crate) struct Snapshot(Guard<Arc<Table>>);

impl Snapshot {
    /// Returns the observers of the publications, and whether they are refused; `None` if there are no observers and they are
    /// not refused.
    #[inline]
    pub(crate) fn special(&self) -> Option<&Special> {
        self.0.special.as_deref()
    }

    /// Returns the subscriptions of exactly this name, with the name as a topic, so that the caller need not parse it.
    pub(crate) fn exactly(&self, name: &str) -> Option<(&Topic, &[Subscription])> {
        self.0.exact.get(name).map(|(topic, subscriptions)| (topic, &**subscriptions))
    }

    /// Calls `each` with every subscription whose pattern has a wildcard or a capture and matches the topic.
    pub(crate) fn by_pattern<'a>(&'a self, topic: &str, mut each: impl FnMut(&'a Subscription)) {
        if !self.0.patterns.is_empty() {
            self.0.patterns.matching(Some(topic), &mut each);
        }
    }
}

impl Node {
    /// Returns a copy of this node with changed subscriptions of the pattern, without empty branches.
    fn edited(&self, pattern: &str, change: impl FnOnce(&Subscriptions) -> Subscriptions) -> Node {
        let mut node = self.clone();
        let (token, rest) = first_token(pattern);
        if token == ">" {
            node.rest = change(&self.rest);
            return node;
        }
        let child = if is_any_token(token) {
            self.one.as_deref()
        } else {
            self.tokens.get(token).map(|(_, child)| child)
        };
        let mut child = child.cloned().unwrap_or_default();
        match rest {
            Some(rest) => child = child.edited(rest, change),
            None => child.end = change(&child.end),
        }
        let child = (!child.is_empty()).then_some(child);
        match child {
            child if is_any_token(token) => node.one = child.map(Arc::new),
            Some(child) => node.tokens.insert(token.to_owned(), child),
            None => node.tokens.remove(token),
        }
        node
    }

    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.one.is_none() && self.rest.is_empty() && self.end.is_empty()
    }

    /// Calls `each` with every matching subscription below this node. `topic` is the rest of the topic after the tokens
    /// of this node; `None` after its last token.
    fn matching<'a>(&'a self, topic: Option<&str>, each: &mut impl FnMut(&'a Subscription)) {
        let Some(topic) = topic else {
            return self.end.iter().for_each(each);
        };
        self.rest.iter().for_each(&mut *each);
        if self.tokens.is_empty() && self.one.is_none() {
            return;
        }
        let (token, rest) = first_token(topic);
        if let Some((_, child)) = self.tokens.get(token) {
            child.matching(rest, each);
        }
        if let Some(child) = &self.one {
            child.matching(rest, each);
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("exact", &self.table.load().exact.len()).finish_non_exhaustive()
    }
}
