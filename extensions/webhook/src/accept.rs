//! The accept loop of a server.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::StatusCode;
use smol_str::ToSmolStr;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::connection::{Shared, serve};
use super::head_checks::head_checks;
use super::peer::Peer;
use super::seat::Seat;
use super::{respond, sockets};

/// The first and the longest pause after an error of the system, such as no free file descriptors. Each pause is twice as
/// long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// The minimum time between two log lines of a kind.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Runs the accept loop of a server. It ends and closes the port when the server stops or is dropped.
pub(super) fn accept(listeners: Vec<TcpListener>, shared: &Arc<Shared>) -> impl Future<Output = ()> + use<> {
    accept_until(shared.tasks.stop_token().clone(), listeners, Arc::downgrade(shared))
}

async fn accept_until(stop: CancellationToken, listeners: Vec<TcpListener>, shared: Weak<Shared>) {
    let (mut failures, mut refusals) = (LogInterval::default(), LogInterval::default());
    let (mut next, mut pause) = (0, PAUSES.0);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = sockets::accept(&listeners, &mut next) => accepted,
        };
        let Some(shared) = shared.upgrade() else { return };
        let (stream, remote) = match accepted {
            Ok(connection) => connection,
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                shared.load.counts.add("accept_errors");
                // The error may mean that the files of the program are used up, and each connection has one.
                shared.load.connections.evict();
                if let Some(times) = failures.is_due() {
                    tracing::warn!(%error, times, "cannot accept a connection");
                }
                drop(shared);
                sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
                continue;
            }
        };
        pause = PAUSES.0;
        let settings = shared.settings.load_full();
        match Seat::new(&shared.load, &settings, remote.ip()) {
            Ok(seat) => {
                // Responses are small and written at once. A socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let checks = head_checks(&settings);
                let peer = Peer {
                    address: remote,
                    remote: remote.ip().to_smolstr(),
                    checks,
                    seat,
                    settings,
                    stop: stop.clone(),
                };
                shared.tasks.spawn(serve(stream, peer, Arc::downgrade(&shared)));
            }
            Err(reason) => {
                shared.load.counts.add(reason);
                if let Some(times) = refusals.is_due() {
                    tracing::warn!(remote = %remote.ip(), reason, times, "connection refused, its limit is reached");
                }
                turn_away(stream);
            }
        }
    }
}

/// Returns `true` if an accept failed because the client had closed the connection.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers 503 to a connection over a limit and closes it, without a wait. The buffer of a new socket has room for the answer.
fn turn_away(stream: TcpStream) {
    // A socket of tokio knows only after a poll that it can be written.
    let Ok(mut stream) = stream.into_std() else { return };
    if stream.write_all(&respond::bytes(StatusCode::SERVICE_UNAVAILABLE, "too many connections")).is_ok() {
        let _ = stream.shutdown(Shutdown::Write);
        // A socket that is closed with unread bytes resets the connection, and the client would lose the answer.
        let _ = stream.read(&mut [0; 4096]);
    }
}

/// A limit of the log lines of one kind: at most one in [`LOG_INTERVAL`].
#[derive(Default)]
struct LogInterval {
    last: Option<Instant>,
    times: u64,
}

impl LogInterval {
    /// Counts an occurrence. Returns the number of those since the last line, if a line is due.
    fn is_due(&mut self) -> Option<u64> {
        self.times += 1;
        if self.last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}
