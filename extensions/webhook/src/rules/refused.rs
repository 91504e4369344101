//! How often a webhook has refused a request, by reason.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How often a webhook has refused a request, by reason. The reasons are part of the program, so they are few.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<BTreeMap<&'static str, u64>>);

impl Refused {
    /// Counts a refusal. Returns the number of refusals with this reason.
    #[cold]
    pub(crate) fn add(&self, reason: &'static str) -> u64 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        *count += 1;
        *count
    }

    /// Returns every reason with its count.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
