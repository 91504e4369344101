//! The connection as hyper sees it: a client that takes nothing of its answers is given up in time.
//!
//! hyper has a limit for reading a head and none for writing an answer, so a client that sends requests and never
//! reads would keep its connection for ever.

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
    /// Runs while the client takes nothing of what is written.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> Stream<T> {
    pub(super) fn new(io: T) -> Stream<T> {
        Stream { io, patience: None }
    }

    fn io(&mut self) -> Pin<&mut T> {
        Pin::new(&mut self.io)
    }

    /// Passes on how a write went, and fails one that has waited too long.
    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        patience.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
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
    async fn client_that_takes_nothing_is_given_up() {
        let (server, _client) = duplex(10);
        let mut server = Stream::new(server);
        let writing = server.write_all(&[0; 100]);
        tokio::pin!(writing);
        assert!(timeout(WRITE_TIMEOUT - Duration::from_secs(1), writing.as_mut()).await.is_err());
        let given_up = timeout(Duration::from_secs(2), writing).await.expect("in time");
        assert_eq!(given_up.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_takes_a_little_at_a_time_is_not_given_up() {
        let (server, mut client) = duplex(10);
        let mut server = Stream::new(server);
        let taking = async {
            for _ in 0..10 {
                sleep(WRITE_TIMEOUT - Duration::from_secs(1)).await;
                client.read_exact(&mut [0; 10]).await.expect("an open connection");
            }
        };
        // It owns the server's side, so that giving up ends what the client reads.
        let writing = async move { server.write_all(&[0; 100]).await };
        let (written, ()) = tokio::join!(writing, taking);
        written.expect("everything is taken");
    }
}
