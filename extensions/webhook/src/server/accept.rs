//! The accept loop of a server.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::StatusCode;
use smol_str::ToSmolStr;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::client::LocalHost;
use crate::respond;
use crate::server::connection::{Shared, serve};
use crate::server::head_checks::head_checks;
use crate::server::load::Load;
use crate::server::peer::Peer;
use crate::server::seat::Seat;
use crate::server::settings::ServerSettings;
use crate::server::sockets;
use crate::server::tls::serve::serve as serve_tls;

/// The first and the longest pause after an error of the system, such as no free file descriptors. Each pause is twice as
/// long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// The pause in which evicted connections end, and the maximum number of pauses for one connection. The tasks of evicted
/// connections need no time limit to end, only a turn.
const LEAVE: (Duration, u32) = (Duration::from_millis(1), 20);

/// The minimum time between two log lines of a kind.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Runs the accept loop of a server. It ends and closes the port when the server stops or is dropped.
pub(crate) fn accept(listeners: Vec<TcpListener>, shared: &Arc<Shared>) -> impl Future<Output = ()> + use<> {
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
        match seat(&shared.load, &settings, remote.ip()).await {
            Ok(seat) => {
                // Responses are small and written at once. A socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let checks = head_checks(&settings);
                let peer = Peer {
                    address: remote,
                    remote: remote.ip().to_smolstr(),
                    checks,
                    local_host: LocalHost::default(),
                    seat,
                    settings,
                    stop: stop.clone(),
                };
                let server = Arc::downgrade(&shared);
                match shared.tls.get().and_then(Option::as_ref) {
                    Some(tls) => shared.tasks.spawn(serve_tls(Arc::clone(tls), stream, peer, server)),
                    None => shared.tasks.spawn(serve(stream, peer, server)),
                }
            }
            Err(reason) => {
                shared.load.counts.add(reason);
                if let Some(times) = refusals.is_due() {
                    tracing::warn!(remote = %remote.ip(), reason, times, "connection refused, its limit is reached");
                }
                // A client of TLS expects no answer in plain text.
                if !shared.tls.get().is_some_and(Option::is_some) {
                    turn_away(stream);
                }
            }
        }
    }
}

/// Returns the place of a new connection. If connections arrive faster than evicted ones end, it waits for these. Otherwise a
/// burst of clients that send nothing would refuse a client with a request.
///
/// # Errors
///
/// The reason of a refusal, as that of [`Seat::new`].
async fn seat(load: &Arc<Load>, settings: &ServerSettings, client: IpAddr) -> Result<Seat, &'static str> {
    let (pause, pauses) = LEAVE;
    let mut seat = Seat::new(load, settings, client);
    for _ in 0..pauses {
        if !matches!(seat, Err("connections")) || !load.connections.are_leaving() {
            break;
        }
        sleep(pause).await;
        seat = Seat::new(load, settings, client);
    }
    seat
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
