//! The locks, counters and wake-ups of the queues, in one place so that `tests/interleavings` can replace them by loom's.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use tokio::sync::Notify;
