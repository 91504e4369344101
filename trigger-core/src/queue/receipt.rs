//! The calls of receipts. A panic of a receipt ends its call and nothing else.

use std::time::SystemTime;

use crate::event::{DeadLetter, Receipt, RetryState};
use crate::panic::guard;

/// Tells a receipt that a dead letter is kept, or that none is.
pub(crate) fn dead(receipt: Box<dyn Receipt>, dead_letter: Option<&DeadLetter>) {
    told(|| match dead_letter {
        Some(dead_letter) => receipt.dead(dead_letter),
        None => receipt.release(),
    });
}

pub(crate) fn handled(receipt: Box<dyn Receipt>) {
    told(|| receipt.handled());
}

pub(crate) fn release(receipt: Box<dyn Receipt>) {
    told(|| receipt.release());
}

pub(super) fn retry(receipt: &dyn Receipt, state: &RetryState, due: SystemTime) {
    told(|| receipt.retry(state, due));
}

fn told(call: impl FnOnce()) {
    if let Err(panic) = guard(call) {
        tracing::error!(%panic, "the receipt of an event panicked");
    }
}
