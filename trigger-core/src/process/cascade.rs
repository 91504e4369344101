//! The depth of a cascade: how many events, each published by the handler of the one before, led to an event.
//!
//! A handler that publishes its own event, directly or in a circle, never ends, and with two events each time it fills
//! every queue. So a sink refuses an event whose depth is over the limit. A thread-local has the depth, as it has the
//! worker whose handler is polled. So a task that the handler has spawned publishes at depth 0.

use std::cell::Cell;

use crate::event::Frame;

thread_local! {
    /// The depth of what this thread publishes: 0 outside of a handler.
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

/// Returns the depth of an event that this thread publishes now.
#[inline]
pub(crate) fn depth() -> u8 {
    DEPTH.get()
}

/// Sets the depth of what the handler of this event publishes.
#[inline]
pub(crate) fn handle(event: &Frame) {
    DEPTH.set(event.depth().saturating_add(1));
}

/// Sets the depth back to that before a handler was polled.
#[inline]
pub(crate) fn restore(depth: u8) {
    DEPTH.set(depth);
}
