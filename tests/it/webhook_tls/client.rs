//! A client of TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
pub(super) use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

/// What a client trusts, and how it connects.
#[derive(Clone)]
pub(super) struct Roots {
    pub(super) ca: &'static str,
    pub(super) version: &'static SupportedProtocolVersion,
    /// The protocols that it offers, the first one first.
    pub(super) protocols: &'static [&'static str],
    /// Its own certificate, with the key.
    pub(super) own: Option<(&'static str, &'static str)>,
}

impl Roots {
    pub(super) fn of(ca: &'static str) -> Roots {
        Roots { ca, version: &TLS13, protocols: &[], own: None }
    }

    pub(super) fn version(self, version: &'static SupportedProtocolVersion) -> Roots {
        Roots { version, ..self }
    }

    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).expect("a certificate")).expect("a CA");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[self.version])
            .expect("a version")
            .with_root_certificates(roots);
        let mut config = match self.own {
            None => config.with_no_client_auth(),
            Some((cert, key)) => {
                let cert = CertificateDer::from_pem_slice(cert.as_bytes()).expect("a certificate");
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                config.with_client_auth_cert(vec![cert], key).expect("the key of the certificate")
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// Connects, and makes the handshake.
pub(super) async fn connect(address: SocketAddr, roots: &Roots) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    // Otherwise the system delays a packet, and a paused clock advances meanwhile.
    stream.set_nodelay(true)?;
    TlsConnector::from(roots.config()).connect(localhost(), stream).await
}

/// Returns `true` if the server refuses the handshake. A client of TLS 1.3 learns it when it reads.
pub(super) async fn refused(address: SocketAddr, roots: &Roots) -> bool {
    match connect(address, roots).await {
        Ok(mut stream) => stream.read_u8().await.is_err(),
        Err(_) => true,
    }
}

/// Returns the certificate of the server.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}

/// Returns the first bytes of a client: its ClientHello.
pub(super) fn begun() -> Vec<u8> {
    let config = Roots::of(super::SERVER_CA).config();
    let mut connection = ClientConnection::new(config, localhost()).expect("a client");
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).expect("memory");
    bytes
}
