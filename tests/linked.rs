//! Handlers of a dependency that the program names by `use`. A separate binary, because a binary has one registry.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

use test_handlers as _;
use triggers::{Result, Runtime};

#[tokio::test]
async fn runtime_finds_the_handlers_of_a_used_crate() -> Result {
    let seen = test_handlers::Seen::default();
    let runtime = Runtime::builder().linked().state(seen.clone()).start().await?;
    let names: Vec<_> =
        runtime.status().processes.into_iter().map(|process| (process.name, process.handler)).collect();
    let expected = [("bill", "test_handlers::bill"), ("archive", "test_handlers::nested::archive")];
    assert_eq!(names, expected.map(|(name, handler)| (name.to_owned(), handler.to_owned())));
    runtime.bus().emit("order.paid", 7).await?;
    runtime.broker().publish("reports.eu.daily", "all well").await?;
    runtime.shutdown().await;
    assert_eq!(seen.sorted(), ["archive eu all well", "bill 7"]);
    Ok(())
}

#[test]
fn check_covers_the_linked_handlers() -> Result {
    let error = triggers::check().expect_err("a missing state");
    let handlers: Vec<_> = error.problems().iter().filter_map(|problem| problem.handler()).collect();
    assert_eq!(handlers, ["test_handlers::bill", "test_handlers::nested::archive"]);
    Runtime::builder().linked().state(test_handlers::Seen::default()).check()?;
    Ok(())
}
