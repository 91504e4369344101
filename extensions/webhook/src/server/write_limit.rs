//! The time limit for a client that reads nothing of a response.
//!
//! hyper has a time limit for the read of a head, and none for the write of a response. So a client that sends requests
//! and never reads would keep its connection for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::server::limits::WRITE_TIMEOUT;

/// A stream whose writes fail after [`WRITE_TIMEOUT`] without progress.
#[derive(Debug)]
pub(crate) struct WriteLimit<T> {
    io: T,
    /// The time limit of the current write; `None` while no write is pending.
    timeout: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> WriteLimit<T> {
    pub(crate) fn new(io: T) -> WriteLimit<T> {
        WriteLimit { io, timeout: None }
    }

    /// Returns the stream without the limit.
    pub(crate) fn io(&mut self) -> Pin<&mut T> {
        Pin::new(&mut self.io)
    }

    /// Returns the result of a write, or `TimedOut` for a write that was pending for too long.
    fn written<R>(&mut self, written: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.timeout = None;
            return written;
        }
        let timeout = self.timeout.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        timeout.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WriteLimit<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, buf)
    }
}

/// A stream of TLS takes a write into its buffer, so its flush has the limit too.
impl<T: AsyncWrite + Unpin> AsyncWrite for WriteLimit<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io().poll_flush(cx);
        self.written(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, duplex};
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn write_times_out_if_the_client_reads_nothing() {
        let (server, _client) = duplex(10);
        let mut server = WriteLimit::new(server);
        let writing = server.write_all(&[0; 100]);
        tokio::pin!(writing);
        assert!(timeout(WRITE_TIMEOUT - Duration::from_secs(1), writing.as_mut()).await.is_err());
        let result = timeout(Duration::from_secs(2), writing).await.expect("in time");
        assert_eq!(result.expect_err("the client reads nothing").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn flush_of_a_buffer_times_out_if_the_client_reads_nothing() {
        let (server, _client) = duplex(10);
        let mut server = WriteLimit::new(BufWriter::new(server));
        server.write_all(&[0; 100]).await.expect("a buffer with room");
        let flushed = timeout(WRITE_TIMEOUT + Duration::from_secs(1), server.flush()).await.expect("in time");
        assert_eq!(flushed.expect_err("the client reads nothing").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn write_continues_if_the_client_reads_slowly() {
        let (server, mut client) = duplex(10);
        let mut server = WriteLimit::new(server);
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
