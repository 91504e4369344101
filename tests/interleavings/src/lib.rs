//! The queue of `trigger-core`, its very source files, run by loom in every order that its threads may come in.
//!
//! What the queue waits, wakes and counts with comes from `sync`, here loom's or watched by it; of events, keys and the
//! clock there is only what the queue asks for. A wake-up that gets lost leaves a thread asleep, and loom says
//! "deadlock". Everything is empty without `--cfg loom`; `cargo xtask loom` gives it.

#![cfg(loom)]
#![allow(dead_code)]

mod clock;
mod event;
mod key;
mod panic;
mod sync;
mod thread;

#[path = "../../../trigger-core/src"]
mod source {
    #[allow(unused_imports)]
    pub(crate) mod queue;
}

#[cfg(test)]
mod models;
