//! Handlers of a dependency that the program names by `use`. A binary of its own, because the registry is of the
//! whole binary.

use test_handlers as _;
use triggers::{Result, Runtime};

#[tokio::test]
async fn handlers_of_a_crate_that_is_used_are_found() -> Result {
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
