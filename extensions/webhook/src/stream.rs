//! The byte stream of a connection, with a time limit for writes, the framing of its requests, and without the answers of
//! hyper.
//!
//! hyper has a time limit for the read of a head, and none for the write of a response. So a client that sends requests
//! and never reads would keep its connection for ever.
//!
//! A head that parsers disagree on ends the stream before it. hyper then answers the requests before it, and ends. hyper
//! answers a head that it cannot parse with an empty body, and this stream does not write that answer. In both cases
//! [`Stream::refusal`] is the answer to send.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::WRITE_TIMEOUT;
use super::framing::{Fault, Framing};

#[derive(Debug)]
pub(super) struct Stream<T> {
    io: T,
    /// The time limit of the current write; `None` while no write is pending.
    write_timeout: Option<Pin<Box<Sleep>>>,
    framing: Framing,
    refusal: Option<Fault>,
}

impl<T: Unpin> Stream<T> {
    /// Returns the stream of a new connection whose heads have this limit, in bytes.
    pub(super) fn new(io: T, head_limit: usize) -> Stream<T> {
        Stream { io, write_timeout: None, framing: Framing::new(head_limit), refusal: None }
    }

    /// Returns the answer to the head that ended the stream, if one did.
    pub(super) fn refusal(&self) -> Option<Fault> {
        self.refusal
    }

    /// Returns the stream of the client, which has no framing.
    pub(super) fn io(&mut self) -> Pin<&mut T> {
        Pin::new(&mut self.io)
    }

    /// Returns the result of a write, or `TimedOut` for a write that was pending for too long.
    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_timeout = None;
            return written;
        }
        let timeout = self.write_timeout.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        timeout.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
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
        ready!(self.io().poll_read(cx, buf))?;
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
        let written = self.io().poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    /// The client still gets the answer to the head that ended the stream.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.io().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn write_times_out_if_the_client_reads_nothing() {
        let (server, _client) = duplex(10);
        let mut server = Stream::new(server, 1024);
        let writing = server.write_all(&[0; 100]);
        tokio::pin!(writing);
        assert!(timeout(WRITE_TIMEOUT - Duration::from_secs(1), writing.as_mut()).await.is_err());
        let result = timeout(Duration::from_secs(2), writing).await.expect("in time");
        assert_eq!(result.expect_err("the client reads nothing").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn write_continues_if_the_client_reads_slowly() {
        let (server, mut client) = duplex(10);
        let mut server = Stream::new(server, 1024);
        let reading = async {
            for _ in 0..10 {
                sleep(WRITE_TIMEOUT - Duration::from_secs(1)).await;
                client.read_exact(&mut [0; 10]).await.expect("an open connection");
            }
        };
        // The block owns the server's side, so that a timeout ends the reads of the client.
        let writing = async move { server.write_all(&[0; 100]).await };
        let (written, ()) = tokio::join!(writing, reading);
        written.expect("the client reads everything");
    }
}
