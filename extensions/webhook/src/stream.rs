//! The byte stream of a connection, with a time limit for writes.
//!
//! hyper has a time limit for the read of a head, and none for the write of a response. So a client that sends requests
//! and never reads would keep its connection for ever.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::WRITE_TIMEOUT;

#[derive(Debug)]
pub(super) struct Stream<T> {
    io: T,
    /// The time limit of the current write; `None` while no write is pending.
    write_timeout: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> Stream<T> {
    pub(super) fn new(io: T) -> Stream<T> {
        Stream { io, write_timeout: None }
    }

    fn io(&mut self) -> Pin<&mut T> {
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
        self.io().poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write_vectored(cx, parts);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        let mut server = Stream::new(server);
        let writing = server.write_all(&[0; 100]);
        tokio::pin!(writing);
        assert!(timeout(WRITE_TIMEOUT - Duration::from_secs(1), writing.as_mut()).await.is_err());
        let result = timeout(Duration::from_secs(2), writing).await.expect("in time");
        assert_eq!(result.expect_err("the client reads nothing").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn write_continues_if_the_client_reads_slowly() {
        let (server, mut client) = duplex(10);
        let mut server = Stream::new(server);
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
