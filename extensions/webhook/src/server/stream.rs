//! The byte stream of a connection of HTTP/1.1, with a time limit for writes, the framing of its requests, and without the
//! answers of hyper.
//!
//! A head that parsers disagree on ends the stream before it. hyper then answers the requests before it, and ends. hyper
//! answers a head that it cannot parse with an empty body, and this stream does not write that answer. In both cases
//! [`Stream::refusal`] is the answer to send.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::framing::{Fault, Framing};
use crate::server::write_limit::WriteLimit;

#[derive(Debug)]
pub(crate) struct Stream<T> {
    io: WriteLimit<T>,
    framing: Framing,
    refusal: Option<Fault>,
}

impl<T: Unpin> Stream<T> {
    /// Returns the stream of a new connection whose heads have this limit, in bytes.
    pub(crate) fn new(io: T, head_limit: usize) -> Stream<T> {
        Stream { io: WriteLimit::new(io), framing: Framing::new(head_limit), refusal: None }
    }

    /// Returns the answer to the head that ended the stream, if one did.
    pub(crate) fn refusal(&self) -> Option<Fault> {
        self.refusal
    }

    /// Returns the stream of the client, which has no framing.
    pub(crate) fn io(&mut self) -> Pin<&mut T> {
        self.io.io()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refusal.is_some() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let read = self.framing.read(&buf.filled()[before..]).unwrap_or_else(|(read, fault)| {
            self.refusal = Some(fault);
            read
        });
        buf.set_filled(before + read);
        Poll::Ready(Ok(()))
    }
}

/// Returns the fault of a head if these bytes are hyper's own answer to it, which has no body. The errors of the server and of
/// the routes have a type, or an option about it.
fn own_answer(bytes: &[u8]) -> Option<Fault> {
    let is_error = bytes.get(9) == Some(&b'4') && bytes.starts_with(b"HTTP/1.");
    if !is_error || !bytes.ends_with(b"\r\n\r\n") || contains(bytes, b"content-type") {
        return None;
    }
    Some(Fault::of_hyper(bytes.get(9..12)?))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(fault) = own_answer(bytes) {
            self.refusal = Some(fault);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// The client still gets the answer to the head that ended the stream.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
