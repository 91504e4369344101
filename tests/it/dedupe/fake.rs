//! A dedupe that answers later, as one with a disk or a server would, and that can do one thing wrong.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::task::yield_now;
use triggers::{Claimed, Dedupe, DedupeCounts, DedupeId, EventId, IdClaim, StoreError};

/// The ways in which the fake can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// An id in progress is claimed again.
    ClaimTwice,
    /// A claim in progress is answered as a duplicate of an event that does not exist.
    AnswerEarly,
    /// A commit is ignored.
    ForgetCommit,
    /// A released id stays claimed.
    KeepReleased,
    /// A release wakes no claim that waits.
    WakeNobody,
    /// A claim begins before its answer, and its drop in between does not end it.
    ClaimBeforeAnswer,
    /// An id is remembered for ever.
    NeverExpire,
    /// A duplicate begins the window again.
    ExtendWindow,
    /// The window begins at the time of the first claim, also if that one was released.
    KeepFirstWindow,
    /// The scope is ignored.
    IgnoreScope,
    /// Only the first 64 bytes of an id count.
    CutIds,
    /// A duplicate names the event that was accepted last.
    NameLastEvent,
    /// Duplicates of claims that waited are not counted.
    CountSomeDuplicates,
}

#[derive(Default)]
struct State {
    /// With the time until which a commit remembers the id.
    in_progress: HashMap<Key, SystemTime>,
    seen: HashMap<Key, (EventId, SystemTime)>,
    first: HashMap<Key, SystemTime>,
    last: Option<EventId>,
    duplicates: u64,
}

type Key = (String, Vec<u8>);

#[derive(Clone)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    ended: Arc<Notify>,
    mutation: Option<Mutation>,
}

impl Fake {
    pub(super) fn new() -> Fake {
        Fake { state: Arc::default(), ended: Arc::default(), mutation: None }
    }

    pub(super) fn broken(mutation: Mutation) -> Fake {
        Fake { mutation: Some(mutation), ..Fake::new() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn key(&self, id: DedupeId<'_>) -> Key {
        let scope = if self.is(Mutation::IgnoreScope) { "" } else { id.scope() };
        let most = if self.is(Mutation::CutIds) { 64 } else { usize::MAX };
        (scope.to_owned(), id.id().iter().copied().take(most).collect())
    }

    /// Returns the answer, or `None` while another claim is in progress.
    fn answer(&self, key: &Key, until: SystemTime, now: SystemTime, has_waited: bool) -> Option<Claimed> {
        let mut state = self.state.lock().expect("the state");
        let last = state.last;
        // What a claim has waited for is a duplicate, also if its window was over meanwhile.
        let never = self.is(Mutation::NeverExpire) || has_waited;
        if let Some((event, seen_until)) =
            state.seen.get_mut(key).filter(|(_, seen_until)| never || *seen_until > now)
        {
            if self.is(Mutation::ExtendWindow) {
                *seen_until = until;
            }
            let event = if self.is(Mutation::NameLastEvent) { last.expect("an event") } else { *event };
            if !(has_waited && self.is(Mutation::CountSomeDuplicates)) {
                state.duplicates += 1;
            }
            return Some(Claimed::Duplicate(event));
        }
        if state.in_progress.contains_key(key) {
            if self.is(Mutation::AnswerEarly) {
                return Some(Claimed::Duplicate(nothing()));
            }
            if !self.is(Mutation::ClaimTwice) {
                return None;
            }
        }
        let first = *state.first.entry(key.clone()).or_insert(until);
        let until = if self.is(Mutation::KeepFirstWindow) { first } else { until };
        state.seen.remove(key);
        state.in_progress.insert(key.clone(), until);
        let (fake, key) = (self.clone(), key.clone());
        Some(Claimed::New(IdClaim::new(move |event| fake.end(key, event))))
    }

    fn end(&self, key: Key, event: Option<EventId>) {
        let mut state = self.state.lock().expect("the state");
        if event.is_none() && self.is(Mutation::KeepReleased) {
            return;
        }
        let until = state.in_progress.remove(&key);
        match event.zip(until) {
            Some((event, until)) if !self.is(Mutation::ForgetCommit) => {
                state.last = Some(event);
                state.first.remove(&key);
                state.seen.insert(key, (event, until));
            }
            _ if self.is(Mutation::WakeNobody) => return,
            _ => {}
        }
        self.ended.notify_waiters();
    }
}

/// Returns an id that no event has.
fn nothing() -> EventId {
    "01990000-0000-7000-8000-ffffffffffff".parse().expect("an id")
}

impl Dedupe for Fake {
    fn claim<'a>(
        &'a self,
        id: DedupeId<'a>,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 'a>> {
        Box::pin(async move {
            let (key, until) = (self.key(id), id.until(now));
            let mut has_waited = false;
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                let mut answer = self.answer(&key, until, now, has_waited);
                if self.is(Mutation::ClaimBeforeAnswer)
                    && let Some(Claimed::New(claim)) = answer
                {
                    let claim = std::mem::ManuallyDrop::new(claim);
                    yield_now().await;
                    answer = Some(Claimed::New(std::mem::ManuallyDrop::into_inner(claim)));
                } else {
                    yield_now().await;
                }
                match answer {
                    Some(answer) => return Ok(answer),
                    None => {
                        has_waited = true;
                        ended.await;
                    }
                }
            }
        })
    }

    fn counts(&self) -> DedupeCounts {
        let state = self.state.lock().expect("the state");
        let mut counts = DedupeCounts::default();
        counts.entries = state.seen.len() as u64;
        counts.in_progress = state.in_progress.len() as u64;
        counts.duplicates = state.duplicates;
        counts
    }
}
