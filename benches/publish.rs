//! Compares a publication over 100,000 subscriptions with one over 10, in turns.
//!
//! `cargo xtask bench publish`

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Instant;

use benches::number::Unit;
use benches::subscribed::{broker_with, publish};
use benches::table::{Goal, Table};

/// The number of publications to each broker in one round.
const PUBLICATIONS: u32 = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (few, _few) = broker_with(10).await;
    let began = Instant::now();
    let (many, _many) = broker_with(100_000).await;
    let subscribed = began.elapsed().as_nanos() as f64;
    let mut table = Table::new("A publication over many subscriptions", "over 10", "over 100,000");
    let (few, many) =
        (async || publish(&few, PUBLICATIONS).await, async || publish(&many, PUBLICATIONS).await);
    table.compare("a publication that 2 match", Goal::AtMost(1.5), few, many).await;
    table.exactly("to subscribe them all, once", Unit::Nanoseconds, None, subscribed);
    table.end();
}
