//! The detection of code that awaits its own end: a handler, a task of a source or a hook that ends its runtime or process.
//!
//! A drain waits for these, so it would stall until the deadline, or be dropped with the task that drives it. The thread
//! knows the worker whose handler it polls, and the task knows its owner. What they have spawned may wait.

use std::sync::Arc;

use super::Runtime;
use super::process_handle::ProcessHandle;
use crate::process::deadlock::Worker;
use crate::task;

impl Runtime {
    /// Panics if the caller is part of what a shutdown waits for.
    pub(super) fn refuse_own_shutdown(&self) {
        if task::is_owned_by(Arc::as_ptr(&self.phase).addr()) {
            panic!("an `on_stop` hook awaits the shutdown that waits for the hook");
        }
        for process in self.processes() {
            if let Some(part) = process.current_part() {
                panic!(
                    "{part} of `{}` awaits the shutdown of its runtime, which waits for it: spawn a task that awaits the \
                     shutdown",
                    process.name()
                );
            }
        }
    }
}

impl ProcessHandle {
    /// Returns the part of the process that is polled now, or `None` if it is no part.
    pub(super) fn current_part(&self) -> Option<&'static str> {
        if Worker::is_of(&self.process.inbox) {
            Some("a handler")
        } else if task::is_owned_by(Arc::as_ptr(&self.source_tasks).addr()) {
            Some("a task of a source")
        } else {
            None
        }
    }
}
