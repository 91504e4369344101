//! The memory in which one worker runs a handler.
//!
//! All futures of one handler have one type. So a worker allocates their memory once, at the first event, and reuses it
//! for later events.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use super::{Context, Rejection};
use crate::event::error::Error;
use crate::panic::InPlace;
use crate::process::outcome::{IntoOutcome, Outcome};

/// Creates the slot of one worker.
pub(crate) type NewSlot = dyn Fn() -> Box<dyn HandlerSlot> + Send + Sync;

/// The slot in which one worker runs the handler. It hides the type of the future.
pub trait HandlerSlot: Send {
    /// Makes the arguments, calls the handler and polls its future for the first time. Most handlers end at this poll.
    fn first_poll(&mut self, cx: &Context<'_>, task: &mut TaskContext<'_>) -> Poll<HandlerResult>;

    /// Polls the handler's future. Without a future it stays pending.
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<HandlerResult>;

    /// Drops the handler's future.
    fn clear(&mut self);
}

/// The result of a call. It has two words, which are returned in registers. Larger results are rare, and boxed.
#[derive(Debug)]
pub enum HandlerResult {
    /// The handler returned [`Outcome::Done`].
    Done,
    /// The handler returned any other outcome, or an error.
    Other(Box<Result<Outcome, Error>>),
    /// An argument could not be made, so the handler was not called.
    Rejected(Box<Rejection>),
    /// The handler panicked: the message and the place, from the panic guard.
    Panicked(Box<String>),
}

struct InPlaceSlot<C, F> {
    call: C,
    future: Option<Pin<Box<Option<F>>>>,
}

impl<C, F> HandlerSlot for InPlaceSlot<C, F>
where
    C: Fn(&Context<'_>) -> Result<F, Rejection> + Send,
    F: Future<Output: IntoOutcome> + Send,
{
    // Short, because rustc compiles it once for each handler.
    fn first_poll(&mut self, cx: &Context<'_>, task: &mut TaskContext<'_>) -> Poll<HandlerResult> {
        let future = match (self.call)(cx) {
            Ok(future) => future,
            Err(rejection) => return rejected(rejection),
        };
        match &mut self.future {
            Some(slot) => slot.as_mut().set(Some(future)),
            None => self.future = Some(Box::pin(Some(future))),
        }
        self.poll(task)
    }

    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<HandlerResult> {
        let Some(slot) = &mut self.future else { return Poll::Pending };
        let Some(future) = slot.as_mut().as_pin_mut() else { return Poll::Pending };
        match future.poll(task) {
            Poll::Ready(output) => ready(output.into_outcome()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn clear(&mut self) {
        if let Some(slot) = &mut self.future {
            slot.as_mut().set(None);
        }
    }
}

impl InPlace for dyn HandlerSlot {
    type Output = HandlerResult;

    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<HandlerResult> {
        HandlerSlot::poll(self, cx)
    }

    fn clear(&mut self) {
        HandlerSlot::clear(self);
    }
}

#[cold]
fn rejected(rejection: Rejection) -> Poll<HandlerResult> {
    Poll::Ready(HandlerResult::Rejected(Box::new(rejection)))
}

#[inline]
fn ready(output: Result<Outcome, Error>) -> Poll<HandlerResult> {
    Poll::Ready(match output {
        Ok(Outcome::Done) => HandlerResult::Done,
        other => boxed(other),
    })
}

#[cold]
fn boxed(output: Result<Outcome, Error>) -> HandlerResult {
    HandlerResult::Other(Box::new(output))
}

/// Creates a slot from a closure that makes the arguments of one call, and calls the handler.
pub fn new_slot<C, F>(call: C) -> Box<dyn HandlerSlot>
where
    C: Fn(&Context<'_>) -> Result<F, Rejection> + Send + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    Box::new(InPlaceSlot { call, future: None })
}

/// Wraps the future of a generated closure. Only [`new_slot`] has the bounds of the future, so the compiler reports a
/// violation once.
///
/// # Errors
///
/// None. The closure returns the rejections of its arguments before this call.
pub fn run<F>(future: F) -> Result<F, Rejection> {
    Ok(future)
}
