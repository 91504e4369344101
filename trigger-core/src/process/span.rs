//! The tracing span of an attempt, so that each log line of a handler shows its process, its event and its attempt.
//!
//! A worker chooses once, when it is made: its slot enters the span if a logger takes it, and otherwise has no check for it.
//! With the logger of `#[triggers::main]` a span costs about 1 µs.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use tracing::{Level, Span};

use super::Process;
use super::handler::{Context, HandlerResult, HandlerSlot};

/// The target of the span, for the filter of a logger.
const TARGET: &str = "triggers::handler";

/// Returns a slot that runs the handler within the span, if a logger takes it.
pub(super) fn within_span(process: &Arc<Process>, slot: Box<dyn HandlerSlot>) -> Box<dyn HandlerSlot> {
    if tracing::span_enabled!(target: TARGET, Level::INFO) {
        return Box::new(SpannedSlot { slot, process: Arc::clone(process), span: Span::none() });
    }
    slot
}

/// A slot that runs the handler within the span of the attempt.
struct SpannedSlot {
    slot: Box<dyn HandlerSlot>,
    process: Arc<Process>,
    /// The span of the current attempt.
    span: Span,
}

impl HandlerSlot for SpannedSlot {
    fn first_poll(&mut self, cx: &Context<'_>, task: &mut TaskContext<'_>) -> Poll<HandlerResult> {
        // A root, because the span in which a worker happens to be polled has nothing to do with the event.
        self.span = tracing::info_span!(
            target: TARGET,
            parent: None,
            "handler",
            process = %self.process.name,
            event = %cx.event.id(),
            attempt = cx.attempt.number(),
        );
        let _entered = self.span.enter();
        self.slot.first_poll(cx, task)
    }

    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<HandlerResult> {
        let _entered = self.span.enter();
        self.slot.poll(task)
    }

    /// Drops the handler's future within the span, and ends the span. It is called after each attempt.
    fn clear(&mut self) {
        std::mem::replace(&mut self.span, Span::none()).in_scope(|| self.slot.clear());
    }
}
