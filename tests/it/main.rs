//! The integration tests, through the public API, in one binary. Each module is about one thing a user relies on.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test ends where it fails, and so do its tasks"
)]

mod absent;
mod accounting;
mod attributes;
mod cascade;
mod clock;
mod closed;
mod cloudevents;
mod common;
mod config;
mod conformance;
mod connections;
mod constructors;
mod dead_letter_data;
mod dead_letter_triggers;
mod dead_letters;
mod deadlock;
mod dedupe;
mod describe;
mod drain;
mod drains;
mod dropped_runtime;
mod errors;
mod event;
mod executor;
mod filter;
mod form;
mod frame;
mod hooks;
mod hosts;
mod http;
mod http_malformed;
mod json;
mod key;
mod kind_settings;
mod lifecycle;
mod log_limit;
mod logs;
mod message;
mod names;
mod observer;
mod outside_texts;
mod overflow;
mod own_end;
mod own_trigger;
mod panics;
mod process;
mod program;
mod query;
mod receipt;
mod redrive;
mod removal;
mod retry;
mod runtime;
mod runtime_handle;
mod secrets;
mod served;
mod signals;
mod source;
mod source_kind;
mod spans;
mod status;
mod stop;
mod store;
mod tidy;
mod topics;
mod untaken;
mod until;
mod verify;
mod waiting_retries;
mod webhook;
mod webhook_answers;
mod webhook_attackers;
mod webhook_bodies;
mod webhook_captures;
mod webhook_clients;
mod webhook_cloudevents;
mod webhook_differential;
mod webhook_duplicates;
mod webhook_framing;
mod webhook_handshakes;
mod webhook_once;
mod webhook_overflow;
mod webhook_router;
mod webhook_routes;
mod webhook_secret_files;
mod webhook_signatures;
mod webhook_stop;
// `cargo test --workspace` has the feature, by `tests/docs`. The quickstart would build a cryptography library for it.
#[cfg(feature = "tls")]
mod webhook_tls;
mod workers;
