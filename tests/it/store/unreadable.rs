//! A store that cannot be read: the start fails, and says why.

use std::sync::Arc;

use tokio::sync::Notify;
use triggers::{Commit, Entry, Result, Runtime, Store, StoreError, StoredEvent, TriggerEvent};

use super::log::Log;
use crate::common::{gated, on};

type Page = Result<Vec<StoredEvent>, StoreError>;

/// A store whose `load` calls this closure with the number of deliveries.
struct Loads(Box<dyn Fn(usize) -> Page + Send + Sync>);

impl Loads {
    fn new(load: impl Fn(usize) -> Page + Send + Sync + 'static) -> Loads {
        Loads(Box::new(load))
    }
}

impl Store for Loads {
    fn append(&self, _: Entry, _: Commit) {}

    fn load(&self, _: Option<u64>, most: usize) -> Page {
        (self.0)(most)
    }
}

/// Starts a runtime, and returns why the start fails.
async fn start(store: Loads) -> String {
    let builder = Runtime::builder().store(store).process("p", on("e"), |_: TriggerEvent| async {});
    builder.start().await.expect_err("an unreadable store").to_string()
}

#[tokio::test]
async fn error_of_a_store_is_a_problem_of_the_start() {
    let error = start(Loads::new(|_| Err(StoreError::new("the file is damaged")))).await;
    assert!(error.contains("the stored events cannot be loaded: the file is damaged"), "{error}");
}

#[tokio::test]
async fn panic_of_a_store_is_a_problem_of_the_start() {
    let error = start(Loads::new(|_| panic!("no such page"))).await;
    assert!(
        error.contains("the stored events cannot be loaded: the store panicked: no such page"),
        "{error}"
    );
}

/// Otherwise the start would load the same page for ever.
#[tokio::test(start_paused = true)]
async fn positions_that_do_not_ascend_are_a_problem_of_the_start() -> Result {
    let (log, gate) = (Log::quick(), Arc::new(Notify::new()));
    let builder = Runtime::builder().store(log.clone());
    let runtime = builder.process("p", on("e"), gated(&gate)).start().await?;
    runtime.bus().emit("e", 1).await?;
    drop(runtime);
    let same_page = move |most| {
        let page = (0..most).map(|_| log.load(None, 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(page.into_iter().flatten().collect())
    };
    let error = start(Loads::new(same_page)).await;
    assert!(error.contains("the store returned the position 1 after 1; positions ascend"), "{error}");
    Ok(())
}
