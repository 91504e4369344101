//! A body that a route of the program reads, within the time limits of the server.
//!
//! A webhook reads its body itself. Without these limits a route would wait for a slow client for ever, and the client would
//! keep its connection.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::server::body_clock::BodyClock;
use crate::server::settings::Limits;
use trigger_core::Bytes;

/// A body that ends with an error at a time limit.
#[derive(Debug)]
pub(crate) struct TimedBody<B> {
    body: B,
    clock: BodyClock,
    received: usize,
    /// The timer, once a part of the body was awaited.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> TimedBody<B> {
    /// Returns a body whose time begins now.
    pub(crate) fn new(body: B, limits: &Limits) -> TimedBody<B> {
        TimedBody { body, clock: BodyClock::new(limits), received: 0, timer: None }
    }

    /// Returns an error once the body is late.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        let (received, clock) = (self.received, self.clock);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(clock.deadline(received).0)));
        while timer.as_mut().poll(cx).is_ready() {
            // What has arrived since then has moved the deadline.
            let deadline = clock.deadline(received).0;
            if deadline <= Instant::now() {
                return Poll::Ready("the body was too slow");
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_late(cx).map(|late| Some(Err(late.into())));
        };
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            self.received += data.map_or(0, Bytes::len);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
