//! An event that waits for capacity, with the deadlock detection for the handler that published it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::deadlock::{ListedWait, WaitGraph};
use crate::queue::{Admission, Departed, Item, Pushed, Queue, Refusal};

/// An event that waits in the door of a queue. Its owner knows the queue, and cancels the wait when it is dropped.
#[derive(Debug)]
pub(crate) struct WaitingPush {
    /// `None` once the wait has ended.
    ticket: Option<u64>,
    /// Listed if a handler waits.
    listed: Option<ListedWait>,
}

impl WaitingPush {
    /// Returns the event that waits with this ticket. If a handler waits for it, searches for a deadlock.
    pub(crate) fn new(queue: &Queue, ticket: u64, graph: &Arc<WaitGraph>) -> WaitingPush {
        WaitingPush { ticket: Some(ticket), listed: WaitGraph::list(graph, queue, ticket) }
    }

    /// Waits until the event is queued or refused. Is pending after that.
    pub(crate) fn poll(&mut self, queue: &Queue, waker: &Waker) -> Poll<Admission> {
        let Some(ticket) = self.ticket else { return Poll::Pending };
        let polled = queue.poll_guest(ticket, waker);
        if polled.is_ready() {
            self.end();
        }
        polled
    }

    /// Ends the wait. Returns `None` if the event was queued, its capacity is reserved, or its wait had ended.
    pub(crate) fn cancel(&mut self, queue: &Queue) -> Option<Departed> {
        let ticket = self.end()?;
        queue.leave(ticket)
    }

    /// Unlists the wait before the event leaves the door. Otherwise a search could find a wait that has ended.
    fn end(&mut self) -> Option<u64> {
        self.listed = None;
        self.ticket.take()
    }
}

/// Queues an event as soon as there is capacity. Gives the event back if the queue refuses it.
///
/// `waiting` holds the wait, so that the caller can cancel it after the future was dropped.
pub(crate) async fn push(
    queue: &Queue,
    item: Item,
    graph: &Arc<WaitGraph>,
    waiting: &mut Option<WaitingPush>,
) -> Admission {
    let mut item = Some(item);
    poll_fn(|task| {
        if let Some(item) = item.take() {
            match queue.push_waiting(item, task.waker()) {
                Pushed::Queued | Pushed::Evicted(..) => return Poll::Ready(Admission::Queued),
                Pushed::Full(item) => return Poll::Ready(Admission::Refused(Some(item), Refusal::Full)),
                Pushed::Closed(item) => return Poll::Ready(Admission::Refused(Some(item), Refusal::Closed)),
                Pushed::Waiting(ticket) => *waiting = Some(WaitingPush::new(queue, ticket, graph)),
            }
        }
        waiting.as_mut().map_or(Poll::Pending, |waiting| waiting.poll(queue, task.waker()))
    })
    .await
}
