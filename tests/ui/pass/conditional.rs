#![deny(warnings)]
//! `cfg` and `cfg_attr`, above or below the attributes, remove all of a handler or nothing.
use triggers::prelude::*;

#[on_event("order.paid")]
#[cfg(any())]
async fn never(_order: NoSuchType) {}

#[on_event("order.paid")]
#[cfg(all())]
#[cfg_attr(all(), on_message("orders.*"))]
#[cfg_attr(any(), on_webhook("orders"))]
async fn always(_order: Text) {}

#[cfg_attr(all(), on_event("order.paid"))]
#[cfg_attr(all(), process(concurrency = 2))]
async fn also(_order: Text) {}

fn main() {
    let records = triggers::handlers![always, also];
    assert_eq!(records.map(|record| record.triggers.len()), [2, 1]);
}
