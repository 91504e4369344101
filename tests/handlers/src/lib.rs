//! Handlers in a separate crate, for the tests of linking.

use std::sync::{Arc, Mutex};

use triggers::prelude::*;

/// Records of what the handlers of this crate received.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// Returns all records, sorted.
    pub fn sorted(&self) -> Vec<String> {
        let mut seen = self.0.lock().map(|seen| seen.clone()).unwrap_or_default();
        seen.sort();
        seen
    }

    fn note(&self, what: String) {
        if let Ok(mut seen) = self.0.lock() {
            seen.push(what);
        }
    }
}

/// A handler at the root of the crate.
#[on_event("order.paid")]
pub async fn bill(Json(order): Json<u32>, State(seen): State<Seen>) {
    seen.note(format!("bill {order}"));
}

/// A private module. [`bill`] is public.
mod nested {
    use super::*;

    /// A private handler in a private module. [`archive`] is the name of the fn alone.
    #[on_message("reports.{region}.daily")]
    #[process(name = "archive", concurrency = 2)]
    async fn archive(region: String, report: Text, State(seen): State<Seen>) {
        seen.note(format!("archive {region} {report}"));
    }
}
