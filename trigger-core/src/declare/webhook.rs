//! The settings of webhooks. Their source is in a crate of its own, which links its kind.

use trigger_grammar::kind;

use super::kind::{SourceKind, TRIGGER_CORE_KINDS_V1};
use super::{BoxSource, TriggerConfig};
use crate::event::error::{ConfigError, ConfigErrorKind};

/// Why a program has no webhooks.
const MISSING: &str = "webhooks need the feature `webhook` of the crate `triggers`, which is on by default";

/// The kind of webhooks in a program without their source: it has their settings, and never starts.
pub static WEBHOOK: SourceKind = SourceKind::new(kind::WEBHOOK.name, "a webhook request")
    .settings(kind::WEBHOOK.settings, without_source)
    .claims(kind::WEBHOOK.claims)
    .missing(MISSING);

fn without_source(_: &super::Settings) -> Result<BoxSource, ConfigError> {
    Err(ConfigError::new(ConfigErrorKind::Invalid, "type", kind::WEBHOOK.name, MISSING))
}

/// Returns the linked kind of webhooks, or else the one without a source.
fn linked() -> &'static SourceKind {
    let found = TRIGGER_CORE_KINDS_V1.iter().find(|source| source.kind() == WEBHOOK.kind());
    found.copied().unwrap_or(&WEBHOOK)
}

impl TriggerConfig {
    /// Returns a trigger for HTTP requests to this path and port. With port 0 the system picks a free port.
    pub fn webhook(path: impl Into<String>, port: u16) -> TriggerConfig {
        TriggerConfig::of(linked()).setting("webhook_path", path.into()).setting("webhook_port", port)
    }

    /// Listens on this host: an IP address or a name. For webhook triggers; the default is `0.0.0.0`.
    pub fn host(self, host: impl Into<String>) -> TriggerConfig {
        self.setting("webhook_host", host.into())
    }

    /// Refuses a body over this many bytes with 413. For webhook triggers; the default is 1 MiB.
    pub fn body_limit(self, bytes: usize) -> TriggerConfig {
        self.setting("body_limit", bytes)
    }
}
