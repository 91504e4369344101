//! The webhooks of the [`triggers`](https://docs.rs/triggers) framework: programs use them through that crate, with its
//! feature `webhook`.
//!
//! hyper serves HTTP, a `POST` to a webhook goes directly to its trigger, and axum routes all other requests. The crate
//! stands on the public API of `trigger-core` alone, as the source of any other crate does.
//!
//! The accept loop is our own, because `axum::serve` 0.8 installs no timer: a client that sends half a head would keep
//! its connection for ever. The limits of a server (`settings`) and the time limits below bound the resources that clients
//! can use.

use std::time::Duration;

mod accept;
mod bodies;
mod body_clock;
mod check;
mod chunks;
mod client;
mod cloudevents;
mod connection;
mod connections;
mod counts;
mod descriptors;
mod dispatch;
mod form;
mod form_body;
mod form_field;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gzip;
mod handshake;
mod head_checks;
mod head_deadline;
mod headers;
#[cfg(any(test, fuzzing))]
mod in_memory;
mod load;
mod media_type;
mod mount;
mod mounted;
mod pairs;
mod peer;
mod query;
mod receive;
mod refused;
mod respond;
mod rules;
mod seat;
mod secret_source;
mod server;
mod settings;
mod signature;
mod sockets;
mod source;
mod stream;
mod table;
mod tasks;
mod timed_body;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tls_files;
mod trigger;
mod verify;
mod woken;
mod write_limit;

pub use cloudevents::CloudEvent;
pub use form_body::Form;
pub use headers::Headers;
pub use mount::{WebhookRouter, WebhookRoutes};
pub use query::Query;
pub use signature::OwnVerifier;
pub use source::WEBHOOK;
pub use trigger::WebhookTrigger;
pub use verify::{Sign, SignedRequest, Verified, Verifier, Verify, VerifyError};

/// The axum of [`WebhookRouter`] and [`WebhookRoutes`]: version 0.8, with the feature `tokio` alone. A program that depends on
/// the same version has the same types.
pub use axum;

/// The headers of a request, of the crate `http`.
pub use http::HeaderMap;

/// The time for which a request waits for capacity in the queue, if [`Limits::after_head`](settings::Limits::after_head)
/// leaves as much.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which a client may read nothing of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for the rest of a body when the server stops. After it the request is answered 503.
const BODY_GRACE: Duration = Duration::from_millis(250);

/// The time limit for a connection to end when the server stops. It is longer than [`BODY_GRACE`], so that every
/// request with a complete head is answered before.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// The time for which a refused client may still send before its connection is closed.
const LINGER: Duration = Duration::from_secs(2);
