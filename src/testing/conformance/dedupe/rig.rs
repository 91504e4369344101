//! What the checks of a dedupe share: ids, events, times, and the expected answers.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Claimed, Dedupe, DedupeId, EventId, IdClaim, Result, StoreError};

/// A claim that was begun.
pub(super) type Claiming<'a> = Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 'a>>;

/// The scope of most ids.
pub(super) const SCOPE: &str = "webhook-9090/orders";

/// Returns the time this many seconds after the begin of a check.
pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Returns the id of an event.
pub(super) fn event(number: u64) -> Result<EventId> {
    Ok(format!("01990000-0000-7000-8000-{number:012x}").parse()?)
}

/// Returns an id in the usual scope.
pub(super) fn id(text: &str) -> Result<DedupeId<'_>> {
    Ok(DedupeId::new(SCOPE, text.as_bytes())?)
}

/// Claims an id that must be new.
pub(super) async fn claim(dedupe: &dyn Dedupe, id: DedupeId<'_>, now: SystemTime) -> Result<IdClaim> {
    new(dedupe.claim(id, now).await?)
}

/// Returns the claim of an answer that must have one.
pub(super) fn new(claimed: Claimed) -> Result<IdClaim> {
    match claimed {
        Claimed::New(claim) => Ok(claim),
        Claimed::Duplicate(event) => {
            Err(format!("an id is a duplicate of the event {event}, and must be new").into())
        }
    }
}

/// Checks that an answer is a duplicate of this event.
pub(super) fn is_duplicate(claimed: Claimed, first: EventId) -> Result {
    match claimed {
        Claimed::Duplicate(event) if event == first => Ok(()),
        Claimed::Duplicate(event) => {
            Err(format!("the duplicate names {event}, and must name {first}").into())
        }
        Claimed::New(_) => Err(format!("an id is new, and must be a duplicate of {first}").into()),
    }
}

/// Accepts an id that must be new.
pub(super) async fn accept(dedupe: &dyn Dedupe, id: DedupeId<'_>, now: SystemTime, event: EventId) -> Result {
    claim(dedupe, id, now).await?.commit(event);
    Ok(())
}

/// Claims an id that must be a duplicate of this event.
pub(super) async fn repeat(dedupe: &dyn Dedupe, id: DedupeId<'_>, now: SystemTime, first: EventId) -> Result {
    is_duplicate(dedupe.claim(id, now).await?, first)
}

/// Polls a claim once. It must not be answered, because another one is in progress.
pub(super) async fn waits(claiming: &mut Claiming<'_>) -> Result {
    let answered = poll_fn(|cx| Poll::Ready(claiming.as_mut().poll(cx).is_ready())).await;
    if answered {
        Err("a claim is answered while another one of its id is in progress".into())
    } else {
        Ok(())
    }
}

/// Polls futures until one of them is ready. Returns its position, and its output.
pub(super) async fn first<F: Future + Unpin>(futures: &mut [F]) -> (usize, F::Output) {
    poll_fn(|cx| {
        for (position, future) in futures.iter_mut().enumerate() {
            if let Poll::Ready(output) = Pin::new(future).poll(cx) {
                return Poll::Ready((position, output));
            }
        }
        Poll::Pending
    })
    .await
}

/// Lets other futures of the task run once.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
