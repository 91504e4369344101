//! Attributes that are imported under other names find each other, and leave foreign attributes in place.
#![deny(warnings)]

use triggers::prelude::{TriggerEvent, handlers};
use triggers::{on_event as on, on_message as message, process as runs};

#[on("order.paid")]
async fn alone(_event: TriggerEvent) {}

#[on("order.paid", id = "first")]
#[runs(name = "billing", retry = 3)]
#[message("orders.*", id = "second")]
/// Documented.
#[triggers::on_event("order.sent", id = "third")]
#[on("order.lost", id = "fourth")]
#[inline]
async fn stacked(_event: TriggerEvent) {}

#[runs(concurrency = 2)]
#[on("order.paid")]
async fn process_first(_event: TriggerEvent) {}

mod inner {
    #[super::on("order.paid")]
    #[super::on("order.sent")]
    #[triggers::process(retry = 1)]
    pub(crate) async fn by_path() {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let runtime = triggers::Runtime::builder()
        .handlers(handlers![alone, stacked, process_first, inner::by_path])
        .start();
    let runtime = runtime.await.unwrap();
    let status = runtime.status();
    let stacked = status.processes.iter().find(|process| process.name == "billing").unwrap();
    let ids: Vec<&str> = stacked.triggers.iter().map(|trigger| trigger.id.as_str()).collect();
    assert_eq!(ids, ["first", "second", "third", "fourth"]);
    let by_path = status.processes.iter().find(|process| process.name == "by_path").unwrap();
    assert_eq!(by_path.triggers.len(), 2);
    assert_eq!(
        status.processes.iter().find(|process| process.name == "process_first").unwrap().concurrency,
        2
    );
    runtime.shutdown().await;
}
