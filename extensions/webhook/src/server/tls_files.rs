//! The setting `tls`: the files of a certificate.

use std::fmt;

use trigger_core::{ConfigError, Settings};

use crate::rules::secret_source::file_name;

/// The files with the certificate of a server, all in PEM. They are not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate, followed by its chain.
    pub(crate) cert: String,
    pub(crate) key: String,
    /// The CAs that sign the certificates of clients. With it a client needs a certificate.
    pub(crate) client_ca: Option<String>,
}

impl TlsFiles {
    /// Reads the setting `tls`.
    pub(crate) fn of(settings: &Settings) -> Result<Option<TlsFiles>, ConfigError> {
        let Some((_, own)) = settings.choice("tls")? else { return Ok(None) };
        Ok(Some(TlsFiles {
            cert: file_name(own.text("cert")?),
            key: file_name(own.text("key")?),
            client_ca: own.optional_text("client_ca")?.map(file_name),
        }))
    }
}

/// As an attribute has it.
impl fmt::Display for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files(cert = {:?}, key = {:?}", self.cert, self.key)?;
        if let Some(client_ca) = &self.client_ca {
            write!(f, ", client_ca = {client_ca:?}")?;
        }
        f.write_str(")")
    }
}
