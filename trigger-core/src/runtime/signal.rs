//! The signals that end a program. A thread of their own receives them, so that handlers which block every other thread do
//! not keep the program from ending.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use crate::error::Error;
use crate::task;

/// SIGINT and SIGTERM; elsewhere Ctrl-C, as they come.
pub(super) struct Signals {
    received: mpsc::Receiver<Signal>,
    running: Arc<Notify>,
}

/// A signal that arrived.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Interrupt,
    #[cfg(unix)]
    Terminate,
}

impl Signals {
    /// From here on the signals no longer end the program by themselves. If it is [`running`](Self::running), and goes on for
    /// longer than `limit` after the first one, it is ended.
    pub(super) fn listen(limit: Duration) -> Result<Signals, Error> {
        let (sender, received) = mpsc::channel(1);
        let (listening, heard) = std::sync::mpsc::sync_channel(1);
        let running = Arc::new(Notify::new());
        let is_running = Arc::clone(&running);
        task::thread("signals", move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(forward(sender, listening, &is_running, limit)),
                Err(error) => drop(listening.send(Err(error))),
            }
        })?;
        heard.recv()??;
        Ok(Signals { received, running })
    }

    /// The start is over, which may take as long as its hooks do: the limit counts from here, or from the first signal.
    pub(super) fn running(&self) {
        self.running.notify_one();
    }

    pub(super) async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            // There is no way to be told, so nothing ever comes.
            None => std::future::pending().await,
        }
    }
}

/// Hands on every signal until nobody wants any more.
async fn forward(
    sender: mpsc::Sender<Signal>,
    listening: SyncSender<io::Result<()>>,
    running: &Notify,
    limit: Duration,
) {
    let mut source = match Source::listen() {
        Ok(source) => source,
        Err(error) => return drop(listening.send(Err(error))),
    };
    let _ = listening.send(Ok(()));
    let hand_on = async {
        let _ = sender.try_send(source.next().await);
        let rest = async {
            loop {
                let signal = source.next().await;
                // The first one was not even taken: the start is not over.
                if let Err(TrySendError::Full(_)) = sender.try_send(signal) {
                    tracing::error!(%signal, "ended before the start was over");
                    std::process::exit(signal.exit_code());
                }
            }
        };
        let too_long = async {
            running.notified().await;
            sleep(limit).await;
            eprintln!("Error: the drain did not end at its deadline: handlers block every thread");
            std::process::exit(1)
        };
        tokio::select! {
            () = rest => {}
            () = too_long => {}
        }
    };
    tokio::select! {
        () = hand_on => {}
        () = sender.closed() => {}
    }
}

/// Where the signals come from.
#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// Where the signals come from.
#[cfg(not(unix))]
struct Source;

impl Source {
    #[cfg(unix)]
    fn listen() -> io::Result<Source> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Source {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Source> {
        Ok(Source)
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            // There is no way to be told, so nothing ever comes.
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

impl Signal {
    /// The exit code that shells expect of a program ended by the signal.
    pub(super) fn exit_code(self) -> i32 {
        match self {
            Signal::Interrupt => 130,
            #[cfg(unix)]
            Signal::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "SIGINT",
            #[cfg(unix)]
            Signal::Terminate => "SIGTERM",
        })
    }
}
