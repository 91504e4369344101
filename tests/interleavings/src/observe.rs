//! What the queue reports.

pub(crate) mod observer;
