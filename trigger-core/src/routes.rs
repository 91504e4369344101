//! Which subscriptions want a topic: exact names in a map, patterns in a trie of tokens, behind a snapshot.
//!
//! A publisher reads the snapshot without waiting for anyone, and its cost depends on the length of the topic and on
//! what matches, never on how many subscriptions there are. The maps are persistent, so a subscriber replaces only
//! the path from the root to its own pattern.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwap, Guard};
use trigger_grammar::topic::first_token;

use crate::clock::SharedClock;
use crate::event::{Frame, SOURCE};
use crate::source::Sink;
use crate::topic::{Topic, TopicPattern, is_one};

mod names;

use names::Names;

/// One trigger that wants to receive.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    number: u64,
    pub(crate) sink: Sink,
    /// Only events of this source are wanted.
    source: Option<Arc<str>>,
}

impl Subscription {
    pub(crate) fn new(sink: Sink, source: Option<Arc<str>>) -> Subscription {
        Subscription { number: 0, sink, source }
    }

    /// Whether the filter of the subscription lets the event through.
    pub(crate) fn wants(&self, frame: &Frame) -> bool {
        match &self.source {
            None => true,
            Some(wanted) => frame.attribute(SOURCE) == Some(wanted),
        }
    }
}

/// The subscriptions of one pattern. Shared between snapshots, replaced as a whole.
type Subscriptions = Arc<[Subscription]>;

#[derive(Default)]
pub(crate) struct Routes {
    table: ArcSwap<Table>,
    /// Held by the one who replaces the snapshot.
    writing: Mutex<()>,
    last_number: AtomicU64,
    /// The clock of the runtime that the bus or broker is wired to.
    clock: OnceLock<SharedClock>,
}

#[derive(Clone, Default)]
pub(crate) struct Table {
    exact: Names<Topic, Subscriptions>,
    patterns: Node,
}

/// What may follow the tokens that led here.
#[derive(Clone, Default)]
struct Node {
    /// A certain token.
    tokens: Names<String, Node>,
    /// Any one token: `*` or a capture.
    one: Option<Arc<Node>>,
    /// One or more tokens: `>`.
    rest: Subscriptions,
    /// Nothing: the pattern ends here.
    end: Subscriptions,
}

impl Routes {
    /// The clock of the runtime that the bus or broker is wired to; until then the system's.
    #[inline]
    pub(crate) fn clock(&self) -> &SharedClock {
        self.clock.get().unwrap_or(&SharedClock::SYSTEM)
    }

    /// The clock of the runtime that the bus or broker is wired to, if it is.
    pub(crate) fn wired_clock(&self) -> Option<&SharedClock> {
        self.clock.get()
    }

    /// Sets the clock, unless there is one.
    pub(crate) fn set_clock(&self, clock: &SharedClock) {
        self.clock.get_or_init(|| clock.clone());
    }

    /// Adds a subscription and returns its number.
    pub(crate) fn subscribe(&self, pattern: &TopicPattern, mut subscription: Subscription) -> u64 {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        subscription.number = number;
        self.edit(pattern, |subscriptions| subscriptions.iter().cloned().chain([subscription]).collect());
        number
    }

    /// Removes the subscription of this number.
    pub(crate) fn unsubscribe(&self, pattern: &TopicPattern, number: u64) {
        self.edit(pattern, |subscriptions| {
            subscriptions.iter().filter(|subscription| subscription.number != number).cloned().collect()
        });
    }

    fn edit(&self, pattern: &TopicPattern, change: impl FnOnce(&Subscriptions) -> Subscriptions) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&self.table.load());
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
        self.table.store(Arc::new(table));
    }

    /// The subscriptions of this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.table.load())
    }
}

/// The subscriptions of one moment.
pub(crate) struct Snapshot(Guard<Arc<Table>>);

impl Snapshot {
    /// The subscriptions to exactly this name. It is a topic, which need not be made again.
    pub(crate) fn exactly(&self, name: &str) -> Option<(&Topic, &[Subscription])> {
        self.0.exact.get(name).map(|(topic, subscriptions)| (topic, &**subscriptions))
    }

    /// Calls `each` with every subscription that has a pattern, and whose pattern matches the topic.
    pub(crate) fn by_pattern<'a>(&'a self, topic: &str, mut each: impl FnMut(&'a Subscription)) {
        if !self.0.patterns.is_empty() {
            self.0.patterns.matching(Some(topic), &mut each);
        }
    }
}

impl Node {
    /// This node with the subscriptions of the pattern changed, and without the branches that lead nowhere.
    fn edited(&self, pattern: &str, change: impl FnOnce(&Subscriptions) -> Subscriptions) -> Node {
        let mut node = self.clone();
        let (token, rest) = first_token(pattern);
        if token == ">" {
            node.rest = change(&self.rest);
            return node;
        }
        let child =
            if is_one(token) { self.one.as_deref() } else { self.tokens.get(token).map(|(_, child)| child) };
        let mut child = child.cloned().unwrap_or_default();
        match rest {
            Some(rest) => child = child.edited(rest, change),
            None => child.end = change(&child.end),
        }
        let child = (!child.is_empty()).then_some(child);
        match child {
            child if is_one(token) => node.one = child.map(Arc::new),
            Some(child) => node.tokens.insert(token.to_owned(), child),
            None => node.tokens.remove(token),
        }
        node
    }

    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.one.is_none() && self.rest.is_empty() && self.end.is_empty()
    }

    /// `topic` is what is left of it after the tokens that led here.
    fn matching<'a>(&'a self, topic: Option<&str>, each: &mut impl FnMut(&'a Subscription)) {
        let Some(topic) = topic else {
            return self.end.iter().for_each(each);
        };
        self.rest.iter().for_each(&mut *each);
        if self.tokens.is_empty() && self.one.is_none() {
            return;
        }
        let (token, left) = first_token(topic);
        if let Some((_, child)) = self.tokens.get(token) {
            child.matching(left, each);
        }
        if let Some(child) = &self.one {
            child.matching(left, each);
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("exact", &self.table.load().exact.len()).finish_non_exhaustive()
    }
}
