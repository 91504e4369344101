//! The time limits of a server that no setting changes.

use std::time::Duration;

/// The time for which a request waits for capacity in the queue, if [`Limits::after_head`](crate::server::settings::Limits::after_head)
/// leaves as much.
pub(crate) const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which a client may read nothing of a response.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for the rest of a body when the server stops. After it the request is answered 503.
pub(crate) const BODY_GRACE: Duration = Duration::from_millis(250);

/// The time limit for a connection to end when the server stops. It is longer than [`BODY_GRACE`], so that every
/// request with a complete head is answered before.
pub(crate) const STOP_GRACE: Duration = Duration::from_millis(500);

/// The time for which a refused client may still send before its connection is closed.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
