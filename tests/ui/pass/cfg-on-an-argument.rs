#![deny(warnings)]
//! An argument that `cfg` removes does not count, and its type need not exist.

use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(order: Text, #[cfg(any())] extra: NoSuchType) {
    drop(order);
}

#[on_event("order.paid")]
async fn none(#[cfg(any())] extra: NoSuchType) {}

#[on_event("order.paid")]
async fn every(#[cfg(all())] order: Text, #[cfg(not(any()))] bus: EventBus) {
    drop((order, bus));
}

/// One argument of two types, as for two platforms.
#[on_message("reports.{region}")]
async fn archive(#[cfg(all())] region: String, #[cfg(not(all()))] region: NoSuchType) {
    drop(region);
}

#[on_message("reports.{region}")]
async fn forget(
    #[cfg_attr(all(), cfg(any()))] region: NoSuchType,
    #[cfg_attr(any(), cfg(any()))] report: Text,
) {
    drop(report);
}

#[on_event("order.paid")]
async fn lint(#[cfg_attr(all(), allow(unused_variables), cfg(all()))] order: Option<Text>) {}

/// Calls each handler with the arguments that `cfg` leaves.
fn arguments(report: Text) {
    drop((ship(report), none(), archive(String::new()), lint(None)));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    arguments(Text(String::new()));
    let builder = || Runtime::builder().handlers(handlers![ship, none, every, archive, forget, lint]);
    let described = builder().describe();
    let names = |handler: &str| {
        let process = described.processes.iter().find(|process| process.name == handler).unwrap();
        process.arguments.iter().map(|argument| argument.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = ["ship", "none", "every", "archive", "forget", "lint"].map(names);
    assert_eq!(all, ["order", "", "order bus", "region", "report", "order"]);
    let runtime = builder().start().await.unwrap();
    runtime.bus().emit("order.paid", "1").await.unwrap();
    runtime.broker().publish("reports.eu", "2").await.unwrap();
    assert_eq!(runtime.shutdown().await.completed, 6);
}
