//! The queue of `trigger-core`, compiled from its own source files. Loom runs its threads in every order.
//!
//! The queue takes its locks, counters and wake-ups from `sync`, which is loom's here, or watched by loom. Events, keys
//! and the clock are stubs with only what the queue uses. A lost wake-up leaves a thread asleep, which loom reports as
//! a deadlock. Without `--cfg loom` the crate is empty; `cargo xtask loom` sets it.

#![cfg(loom)]
#![allow(dead_code)]

mod clock;
mod declare;
mod event;
mod log_limit;
mod observe;
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
