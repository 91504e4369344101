//! Policies: the choices a declaration makes, as plain values, with the defaults of the framework.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Events the queue of an event trigger holds unless it says otherwise.
pub(crate) const EVENT_QUEUE: usize = 100;

/// Messages the queue of a message trigger holds unless it says otherwise.
pub(crate) const MESSAGE_QUEUE: usize = 100;

/// Requests the queue of a webhook trigger holds unless it says otherwise.
pub(crate) const WEBHOOK_QUEUE: usize = 1000;

/// How many dead letters a runtime keeps, in memory: the newest ones.
pub(crate) const DEAD_LETTERS: usize = 1000;

/// How long a drain may take unless the builder says otherwise.
pub(crate) const DRAIN_DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// The host a webhook listens on unless it says otherwise: every interface.
pub(crate) const WEBHOOK_HOST: &str = "0.0.0.0";

/// The port a webhook listens on unless it says otherwise.
pub(crate) const WEBHOOK_PORT: u16 = 9090;

/// The path of a webhook unless it says otherwise.
pub(crate) const WEBHOOK_PATH: &str = "/webhook";

/// The largest body of a webhook request unless it says otherwise: 1 MiB, in bytes.
pub(crate) const WEBHOOK_BODY: usize = 1024 * 1024;

/// What happens to an event that finds the queue of its trigger full.
///
/// In every case the event is counted, and no other trigger notices. The default of event and message triggers is
/// [`DropNewest`](Overflow::DropNewest). A webhook by default takes nothing and answers
/// `503 {"status":"error","message":"queue full"}`, so the sender knows; it may be set to `DropOldest` or `Wait`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overflow {
    /// The event that found no room is dropped: counted, dead-lettered, and warned of on the 1st and every 100th.
    #[default]
    DropNewest,
    /// The event that has waited longest is dropped, as above, and the new one takes its place.
    DropOldest,
    /// The publisher waits until there is room, however long; a webhook request for up to 30 s.
    ///
    /// A handler that publishes to itself, directly or in a circle, through a queue that is full waits for ever.
    Wait,
    /// The event is counted and the publisher gets an error.
    Reject,
}

impl Overflow {
    /// Every policy, with its name in attributes and configuration.
    pub(crate) const NAMES: [(&'static str, Overflow); 4] = [
        ("drop_newest", Overflow::DropNewest),
        ("drop_oldest", Overflow::DropOldest),
        ("wait", Overflow::Wait),
        ("reject", Overflow::Reject),
    ];
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Overflow::NAMES.iter().find(|(_, policy)| policy == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}
