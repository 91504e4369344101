//! What stands for TLS in a program without the feature `tls`: a webhook with the setting `tls` does not start.

use std::sync::{Arc, Weak};

use tokio::net::TcpStream;
use trigger_core::Secrets;

use crate::server::check::Check;
use crate::server::connection::Shared;
use crate::server::peer::Peer;
use crate::server::tls_files::TlsFiles;

/// No server has TLS.
#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    /// Refuses the setting `tls`.
    pub(crate) fn new(_: &TlsFiles, _: &Secrets) -> Result<Tls, Vec<String>> {
        let fault =
            "`tls` needs the feature `tls` of the crate `triggers`: `cargo add triggers --features tls`";
        Err(vec![fault.to_owned()])
    }

    pub(crate) fn files(&self) -> &TlsFiles {
        match *self {}
    }

    pub(crate) async fn watch(&self) {
        match *self {}
    }
}

pub(crate) mod serve {
    use super::*;

    pub(crate) async fn serve<C: Check>(tls: Arc<Tls>, _: TcpStream, _: Peer<C>, _: Weak<Shared>) {
        match *tls {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trigger_core::{StandaloneTrigger, Trigger, TriggerConfig};

    #[tokio::test]
    async fn setting_without_the_feature_is_an_error_that_names_the_feature() {
        // The program links the kind.
        let _ = crate::WebhookTrigger::new();
        let tls = json!({"type": "files", "cert": "cert.pem", "key": "key.pem"});
        let config = TriggerConfig::webhook("/events", 0).host("127.0.0.1").setting("tls", tls);
        let error = StandaloneTrigger::new(config).start().await.expect_err("no feature").to_string();
        assert!(error.contains("cargo add triggers --features tls"), "{error}");
    }
}
