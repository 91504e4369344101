//! TLS of a server: its certificate, which may change while the server runs, and the handshake of a connection.
//!
//! A handshake belongs to the head of the first request. It is within the deadline of that head, and a connection in its
//! handshake makes way as one without a whole head.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};
use trigger_core::Secrets;

use crate::rules::signature::REREAD;
use crate::server::head_deadline::Late;
use crate::server::peer::Peer;
use crate::server::tls_files::TlsFiles;
use pem::{Made, Pem};

mod http2;
mod pem;
pub(crate) mod serve;

/// The time limit of a handshake. A `head_timeout` below it is the limit.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The certificate of a server.
pub(crate) struct Tls {
    files: TlsFiles,
    secrets: Secrets,
    /// The settings of the next handshake.
    current: ArcSwap<rustls::ServerConfig>,
    /// The content of the files that was read last.
    seen: Mutex<Pem>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// What is wrong with them. Each text has the name of a file, and never a part of a key.
    pub(crate) fn new(files: &TlsFiles, secrets: &Secrets) -> Result<Tls, Vec<String>> {
        let pem = Pem::read(files, secrets);
        let Made { config, .. } = pem.make(files)?;
        let current = ArcSwap::from_pointee(config);
        Ok(Tls { files: files.clone(), secrets: secrets.clone(), current, seen: Mutex::new(pem) })
    }

    pub(crate) fn files(&self) -> &TlsFiles {
        &self.files
    }

    fn seen(&self) -> MutexGuard<'_, Pem> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the handshake of a connection. Returns `None` if the connection makes way, or the server stops.
    ///
    /// # Errors
    ///
    /// The fault of the client, such as the end of its time.
    pub(crate) async fn handshake<C>(
        &self,
        stream: TcpStream,
        peer: &Peer<C>,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let acceptor = TlsAcceptor::from(self.current.load_full());
        let accepting = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        tokio::select! {
            biased;
            accepted = accepting => accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(Some),
            late = peer.seat.head().passed() => match late {
                Late::Timeout => Err(io::ErrorKind::TimedOut.into()),
                Late::Evicted => Ok(None),
            },
            () = peer.stop.cancelled() => Ok(None),
        }
    }

    /// Reads the files again and again, and makes later handshakes with their current content. Open connections stay.
    pub(crate) async fn watch(&self) {
        self.warn_of_end();
        loop {
            sleep(REREAD).await;
            let read = Pem::read(&self.files, &self.secrets);
            if *self.seen() == read {
                continue;
            }
            let (made, cert) = (read.make(&self.files), &*self.files.cert);
            // A broken file is logged once, because the next content is compared with it.
            *self.seen() = read;
            match made {
                Ok(Made { config, .. }) => {
                    self.current.store(Arc::new(config));
                    tracing::info!(cert, "the certificate of the webhook server has changed");
                    self.warn_of_end();
                }
                Err(faults) => {
                    let fault = faults.join("; ");
                    tracing::error!(cert, fault, "the certificate of the webhook server stays as it was");
                }
            }
        }
    }

    /// Warns if the clients will refuse the certificate because of its time.
    fn warn_of_end(&self) {
        let made = self.seen().make(&self.files);
        if let Ok(Made { out_of_time: Some(why), .. }) = made {
            tracing::warn!(
                cert = &*self.files.cert,
                why,
                "clients refuse the certificate of the webhook server"
            );
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({})", self.files)
    }
}
