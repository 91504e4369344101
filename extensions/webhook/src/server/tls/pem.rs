//! The content of the files of a certificate, and the settings of TLS that are made of it.

use std::sync::Arc;

use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use trigger_core::Secrets;
use zeroize::Zeroizing;

use crate::server::tls_files::TlsFiles;

/// The protocols that a client may choose, the first one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// The protocol HTTP/2, as a handshake names it.
pub(crate) const HTTP_2: &[u8] = b"h2";

/// The content of the files; `None` for a file that cannot be read.
#[derive(PartialEq, Eq)]
pub(crate) struct Pem {
    cert: Option<String>,
    key: Option<Zeroizing<String>>,
    client_ca: Option<String>,
}

/// What the content of the files makes.
pub(crate) struct Made {
    pub(crate) config: ServerConfig,
    /// Why clients refuse the certificate because of its time.
    pub(crate) out_of_time: Option<String>,
}

impl Pem {
    pub(crate) fn read(files: &TlsFiles, secrets: &Secrets) -> Pem {
        Pem {
            cert: secrets.read(&files.cert),
            key: secrets.read(&files.key).map(Zeroizing::new),
            client_ca: files.client_ca.as_deref().and_then(|path| secrets.read(path)),
        }
    }

    /// Makes the settings of TLS.
    ///
    /// # Errors
    ///
    /// What is wrong with the files. A text never has a part of the key.
    pub(crate) fn make(&self, files: &TlsFiles) -> Result<Made, Vec<String>> {
        let provider = Arc::new(ring::default_provider());
        let own = self.own_certificate(files, &provider);
        let clients = files.client_ca.as_deref().map(|path| self.clients(path, &provider)).transpose();
        let (own, clients) = match (own, clients) {
            (Ok(own), Ok(clients)) => (own, clients),
            (own, clients) => {
                let clients = clients.err().map(|fault| vec![fault]);
                return Err([own.err(), clients].into_iter().flatten().flatten().collect());
            }
        };
        let out_of_time = own.cert.first().and_then(|cert| out_of_time(cert, &provider));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| vec![format!("TLS cannot be used: {error}")])?;
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Made { config, out_of_time })
    }

    fn own_certificate(
        &self,
        files: &TlsFiles,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, Vec<String>> {
        let (cert, key) = (&*files.cert, &*files.key);
        let chain = certificates("certificate", cert, self.cert.as_deref());
        let private = self.key.as_deref().ok_or_else(|| unread("private key", key)).and_then(|text| {
            let parsed = PrivateKeyDer::from_pem_slice(text.as_bytes());
            // The error may quote the file.
            parsed.map_err(|_| format!("the file `{key}` has no private key in PEM"))
        });
        let (chain, private) = match (chain, private) {
            (Ok(chain), Ok(private)) => (chain, private),
            (chain, private) => return Err([chain.err(), private.err()].into_iter().flatten().collect()),
        };
        CertifiedKey::from_der(chain, private, provider).map_err(|error| {
            vec![match error {
                Error::InconsistentKeys(_) => {
                    format!("the private key of `{key}` does not belong to the certificate of `{cert}`")
                }
                Error::InvalidCertificate(_) => format!("the certificate of `{cert}` is invalid: {error}"),
                _ => format!("the private key of `{key}` cannot be used: {error}"),
            }]
        })
    }

    /// Returns the check of the certificates of clients.
    fn clients(
        &self,
        path: &str,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("CA of the clients", path, self.client_ca.as_deref())? {
            roots
                .add(certificate)
                .map_err(|error| format!("a CA of the file `{path}` is invalid: {error}"))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        verifier.build().map_err(|error| format!("the CAs of the file `{path}` cannot be used: {error}"))
    }
}

/// Returns the certificates of a file, at least one.
fn certificates(what: &str, path: &str, text: Option<&str>) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = text.ok_or_else(|| unread(what, path))?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        // The error may quote the file, which may be that of a key.
        _ => Err(format!("the file `{path}` has no certificate in PEM")),
    }
}

fn unread(what: &str, path: &str) -> String {
    format!("the file `{path}` with the {what} of `tls` cannot be read")
}

/// Returns why clients refuse a certificate because of its time.
///
/// The time is checked before the signature, so it needs no CA.
fn out_of_time(certificate: &CertificateDer<'_>, provider: &CryptoProvider) -> Option<String> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let (roots, algorithms) = (RootCertStore::empty(), provider.signature_verification_algorithms.all);
    let verified =
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], UnixTime::now(), algorithms);
    match verified {
        Err(Error::InvalidCertificate(
            why @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Some(why.to_string()),
        _ => None,
    }
}
