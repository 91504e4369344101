//! The declarations that the queue uses.

pub(crate) mod key;
