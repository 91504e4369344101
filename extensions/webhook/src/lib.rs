//! The webhooks of the [`triggers`](https://docs.rs/triggers) framework: programs use them through that crate, with its
//! feature `webhook`.
//!
//! hyper serves HTTP, a `POST` to a webhook goes directly to its trigger, and axum routes all other requests. The crate
//! stands on the public API of `trigger-core` alone, as the source of any other crate does.
//!
//! The accept loop is our own, because `axum::serve` 0.8 installs no timer: a client that sends half a head would keep
//! its connection for ever. The limits of a server (`server/settings` and `server/limits`) bound the resources that clients
//! can use.

mod client;
mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod handshake;
mod mount;
mod respond;
mod rules;
mod server;
mod source;
mod trigger;
mod verify;

pub use event::cloudevents::CloudEvent;
pub use event::form::Form;
pub use event::headers::Headers;
pub use event::query::Query;
pub use mount::{WebhookRouter, WebhookRoutes};
pub use rules::signature::OwnVerifier;
pub use source::WEBHOOK;
pub use trigger::WebhookTrigger;
pub use verify::{Sign, SignedRequest, Verified, Verifier, Verify, VerifyError};

/// The axum of [`WebhookRouter`] and [`WebhookRoutes`]: version 0.8, with the feature `tokio` alone. A program that depends on
/// the same version has the same types.
pub use axum;

/// The headers of a request, of the crate `http`.
pub use http::HeaderMap;
