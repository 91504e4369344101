//! A handler as one worker runs it: the call, and the place where its future is.
//!
//! The futures of one handler are all of one type, so a worker needs no new memory for each: it makes the place at the
//! first event and uses it again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use super::{Context, Rejection};
use crate::error::Error;
use crate::outcome::{IntoOutcome, Outcome};

/// Makes what one worker runs the handler in.
pub(crate) type NewCall = dyn Fn() -> Box<dyn Call> + Send + Sync;

/// What one worker runs a handler in.
pub trait Call: Send {
    /// Makes the arguments, calls, and polls for the first time: most handlers end there.
    fn begin(&mut self, cx: &Context<'_>, task: &mut TaskContext<'_>) -> Poll<Ended>;

    /// Goes on with what has begun; nothing that has not, or is over, ever becomes ready.
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<Ended>;

    /// Drops what has begun.
    fn clear(&mut self);
}

/// How a call has ended. Two words, which come back in registers; what is larger is rare.
#[derive(Debug)]
pub enum Ended {
    /// As [`Outcome::Done`].
    Done,
    /// The handler has ended with anything else.
    Otherwise(Box<Result<Outcome, Error>>),
    /// An argument could not be made, so it was never called: why.
    Rejected(Box<Rejection>),
    /// It has panicked: the message and the place. Said by the guard around it.
    Panicked(Box<String>),
}

struct Place<C, F> {
    call: C,
    future: Option<Pin<Box<Option<F>>>>,
}

impl<C, F> Call for Place<C, F>
where
    C: Fn(&Context<'_>) -> Result<F, Rejection> + Send,
    F: Future<Output: IntoOutcome> + Send,
{
    // In few words: each fn that is called here is compiled for every handler.
    fn begin(&mut self, cx: &Context<'_>, task: &mut TaskContext<'_>) -> Poll<Ended> {
        let future = match (self.call)(cx) {
            Ok(future) => future,
            Err(rejection) => return rejected(rejection),
        };
        match &mut self.future {
            Some(place) => place.as_mut().set(Some(future)),
            None => self.future = Some(Box::pin(Some(future))),
        }
        self.poll(task)
    }

    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<Ended> {
        let Some(place) = &mut self.future else { return Poll::Pending };
        let Some(future) = place.as_mut().as_pin_mut() else { return Poll::Pending };
        match future.poll(task) {
            Poll::Ready(output) => ended(output.into_outcome()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn clear(&mut self) {
        if let Some(place) = &mut self.future {
            place.as_mut().set(None);
        }
    }
}

#[cold]
fn rejected(rejection: Rejection) -> Poll<Ended> {
    Poll::Ready(Ended::Rejected(Box::new(rejection)))
}

#[inline]
fn ended(output: Result<Outcome, Error>) -> Poll<Ended> {
    Poll::Ready(match output {
        Ok(Outcome::Done) => Ended::Done,
        other => otherwise(other),
    })
}

#[cold]
fn otherwise(output: Result<Outcome, Error>) -> Ended {
    Ended::Otherwise(Box::new(output))
}

/// What a worker runs a handler in, from a closure that makes the arguments of one call, and calls.
pub fn new_call<C, F>(call: C) -> Box<dyn Call>
where
    C: Fn(&Context<'_>) -> Result<F, Rejection> + Send + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    Box::new(Place { call, future: None })
}

/// What the closure of a shim ends with. What the future must be is told by [`new_call`] alone, so that it is told once.
///
/// # Errors
///
/// Never; it follows the errors of the arguments.
pub fn run<F>(future: F) -> Result<F, Rejection> {
    Ok(future)
}
