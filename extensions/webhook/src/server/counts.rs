//! The counters of what a server has refused, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// The reasons. A check of a request returns one of them with its refusal.
const REASONS: [&str; 17] = [
    // Of connections.
    "accept_errors",
    "client_connections",
    "connections",
    "h2_resets",
    "tls_handshake",
    // Of heads.
    "head_count",
    "head_size",
    "head_timeout",
    "malformed",
    "target",
    "unsupported",
    // Of bodies.
    "body_bytes",
    "body_incomplete",
    "body_rate",
    "body_size",
    "body_timeout",
    "queue_full",
];

/// How often a server has refused a connection or a request, by reason. Only a refusal changes it.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; REASONS.len()]);

impl Counts {
    /// Counts a refusal. A reason that is not in [`REASONS`] is a fault of the code, and counts nothing.
    #[cold]
    pub(crate) fn add(&self, reason: &str) {
        let at = REASONS.iter().position(|known| *known == reason);
        debug_assert!(at.is_some(), "{reason}");
        if let Some(at) = at {
            self.0[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns every reason with its count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.iter().zip(&self.0).map(|(reason, count)| (*reason, count.load(Ordering::Relaxed)))
    }
}
