//! The signals that end a program. A separate thread receives them: handlers may block every thread of tokio, and the
//! program must still end.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use super::stderr;
use crate::event::error::Error;
use crate::task;

/// How long the receiver of the second signal has to end the program.
const EXIT_DELAY: Duration = Duration::from_millis(50);

/// A stream of SIGINT, SIGTERM and SIGHUP; elsewhere of Ctrl-C.
pub(super) struct Signals {
    received: mpsc::Receiver<Signal>,
    started: Arc<Notify>,
}

/// A signal that arrived.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Interrupt,
    #[cfg(unix)]
    Terminate,
    /// The terminal was closed.
    #[cfg(unix)]
    Hangup,
}

impl Signals {
    /// Listens for signals, which no longer end the program by themselves. A program that has [started](Self::started)
    /// and still runs `limit` after the first signal is ended with exit code 1.
    pub(super) fn listen(limit: Duration) -> Result<Signals, Error> {
        let (sender, received) = mpsc::channel(1);
        let (listening, heard) = std::sync::mpsc::sync_channel(1);
        let started = Arc::new(Notify::new());
        let has_started = Arc::clone(&started);
        task::thread("signals", move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(forward(sender, listening, &has_started, limit)),
                Err(error) => drop(listening.send(Err(error))),
            }
        })?;
        heard.recv()??;
        Ok(Signals { received, started })
    }

    /// Marks the end of the start. The limit counts from here if the first signal came before, because hooks may take any
    /// time.
    pub(super) fn started(&self) {
        self.started.notify_one();
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            // The thread has ended, so no signal follows.
            None => std::future::pending().await,
        }
    }
}

/// Forwards signals to the channel until its receiver is dropped.
async fn forward(
    sender: mpsc::Sender<Signal>,
    listening: SyncSender<io::Result<()>>,
    started: &Notify,
    limit: Duration,
) {
    let mut source = match Source::listen() {
        Ok(source) => source,
        Err(error) => return drop(listening.send(Err(error))),
    };
    let _ = listening.send(Ok(()));
    let forwarding = async {
        let _ = sender.try_send(source.next().await);
        let later_signals = async {
            let signal = source.next().await;
            let reason = match sender.try_send(signal) {
                // The first signal is still in the channel, so the start is not over.
                Err(TrySendError::Full(_)) => "ended before the start was over",
                // The receiver ends the program, unless its thread is blocked, as by a write to a full stderr.
                _ => {
                    sleep(EXIT_DELAY).await;
                    "ended before the drain was over"
                }
            };
            stderr::log(move || tracing::error!(%signal, "{reason}"));
            std::process::exit(signal.exit_code())
        };
        let forced_exit = async {
            started.notified().await;
            sleep(limit).await;
            stderr::print(
                "Error: the drain did not end at its deadline: handlers block every thread".to_owned(),
            );
            std::process::exit(1)
        };
        tokio::select! {
            () = later_signals => {}
            () = forced_exit => {}
        }
    };
    tokio::select! {
        () = forwarding => {}
        () = sender.closed() => {}
    }
}

/// The signals of the operating system.
#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` if the program was started to ignore it.
    hangup: Option<tokio::signal::unix::Signal>,
}

/// The signals of the operating system.
#[cfg(not(unix))]
struct Source;

impl Source {
    #[cfg(unix)]
    fn listen() -> io::Result<Source> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Source {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Source> {
        Ok(Source)
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hangup => Signal::Hangup,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            // The system does not report Ctrl-C, so no signal follows.
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

/// Returns `true` if the program was started to ignore SIGHUP, as `nohup` does. Only Linux says so.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is the first signal.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

impl Signal {
    /// The exit code that shells expect of a program that the signal ended.
    pub(super) fn exit_code(self) -> i32 {
        match self {
            Signal::Interrupt => 130,
            #[cfg(unix)]
            Signal::Terminate => 143,
            #[cfg(unix)]
            Signal::Hangup => 129,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "SIGINT",
            #[cfg(unix)]
            Signal::Terminate => "SIGTERM",
            #[cfg(unix)]
            Signal::Hangup => "SIGHUP",
        })
    }
}
