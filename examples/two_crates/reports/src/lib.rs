//! The handlers of reports: they add up what was paid.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triggers::prelude::*;

/// The sum of all payments, in cents.
#[derive(Clone, Debug, Default)]
pub struct Income(Arc<AtomicU64>);

impl Income {
    /// Returns the sum so far.
    pub fn cents(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The part of a payment that a report needs.
#[derive(Deserialize)]
struct Payment {
    cents: u64,
}

#[on_event("order.paid", source = "billing")]
async fn record(Json(payment): Json<Payment>, State(income): State<Income>) {
    income.0.fetch_add(payment.cents, Ordering::Relaxed);
    println!("reports: the income is {} cents", income.cents());
}
