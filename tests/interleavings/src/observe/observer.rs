//! Observers of a process. The models have none.

use std::sync::Arc;

use crate::event::{Frame, TriggerInfo};

#[derive(Debug)]
pub(crate) enum ObservedProcess {}

pub(crate) enum PushReport<'a> {
    #[expect(dead_code, reason = "no process has observers")]
    Of(&'a ObservedProcess),
}

pub(crate) enum DropReason {
    Full,
    NotStored,
    Filtered,
    Undecodable,
}

impl ObservedProcess {
    pub(crate) fn begin_push<'a>(&'a self, _: &'a TriggerInfo, _: &Arc<Frame>) -> PushReport<'a> {
        match *self {}
    }

    pub(crate) fn in_order(&self, _: impl FnOnce()) {
        match *self {}
    }

    pub(crate) fn queued(&self, _: &TriggerInfo, _: &Frame) {
        match *self {}
    }

    pub(crate) fn evicted(&self, _: &TriggerInfo, _: &Frame, _: u32) {
        match *self {}
    }

    pub(crate) fn dropped(&self, _: &TriggerInfo, _: &Frame, _: DropReason) {
        match *self {}
    }
}

impl PushReport<'_> {
    pub(crate) fn in_turn(&self, _: impl FnOnce()) {}

    pub(crate) fn queued(&self) {}

    pub(crate) fn evicted(&self, _: &Frame, _: u32) {}

    pub(crate) fn end(self) {}
}
