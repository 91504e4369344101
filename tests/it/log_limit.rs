//! Log lines of one place in a storm: 10 in a second, then one a second with the number of the others.

use std::time::Duration;

use triggers::{
    Error, Filter, Json, Key, Outcome, Overflow, ProcessConfig, Result, Runtime, TriggerConfig, TriggerEvent,
};

use crate::common::{config, on};
use crate::logs::Logs;

/// The number of events in each second of a storm.
const EVENTS: usize = 200;

/// Publishes a storm of 3 seconds to a process that logs a line with `text` for each event. Asserts how many of the lines
/// were logged, and that the others are counted.
async fn assert_limited<H, Args>(text: &str, config: ProcessConfig, handler: H) -> Result
where
    H: triggers::Handler<Args>,
{
    let logs = Logs::capture();
    let runtime = Runtime::builder().process("p", config, handler).start().await?;
    let mut before = 0;
    for (second, expected) in [10, 1, 1].into_iter().enumerate() {
        for n in 0..EVENTS {
            // A dropped event is no error here.
            let _ = runtime.bus().emit("e", n).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let lines = logs.with(text).len();
        assert_eq!(lines - before, expected, "`{text}` in second {second}");
        before = lines;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let counts = logs.with("more like this were not logged");
    assert_eq!(counts.len(), 2, "{text}: {counts:?}");
    assert!(counts[1].contains(&format!("{} more", EVENTS - 1)), "{counts:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn storm_of_failures_logs_few_lines() -> Result {
    let fails = |_: TriggerEvent| async { Err::<(), _>(Error::from("no")) };
    let event = || TriggerConfig::event("e").queue(1000);
    assert_limited("event dead-lettered", config([event()]), fails).await?;
    let retries = |_: TriggerEvent| async { Outcome::Retry(Duration::from_secs(3600)) };
    assert_limited("attempt failed, retrying", config([event()]).retry(1), retries).await?;
    let decodes = |_: Json<String>| async {};
    assert_limited("event dead-lettered", config([event()]), decodes).await
}

#[tokio::test(start_paused = true)]
async fn storm_of_panics_in_a_filter_or_a_key_logs_few_lines() -> Result {
    let handler = |_: TriggerEvent| async {};
    let event = || TriggerConfig::event("e").queue(1000);
    let key = Key::of(|_: &usize| -> usize { panic!("no key") });
    assert_limited("the key function panicked", config([event()]).key(key), handler).await?;
    let panics = Filter::of(|_: &usize| panic!("no filter"));
    assert_limited("the filter panicked", config([event().filter(panics)]), handler).await?;
    let other = Filter::of(|_: &String| true);
    assert_limited("the body is not what `filter` reads", config([event().filter(other)]), handler).await
}

#[tokio::test(start_paused = true)]
async fn storm_on_a_full_queue_logs_few_lines() -> Result {
    let waits = |_: TriggerEvent| std::future::pending::<()>();
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let trigger = TriggerConfig::event("e").queue(1).overflow(overflow);
        assert_limited("queue full, event dropped", config([trigger]), waits).await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_process_has_its_own_limit() -> Result {
    let logs = Logs::capture();
    let fails = |_: TriggerEvent| async { Err::<(), _>(Error::from("no")) };
    let builder = Runtime::builder().process("a", on("e"), fails).process("b", on("e"), fails);
    let runtime = builder.start().await?;
    for n in 0..50 {
        runtime.bus().emit("e", n).await?;
    }
    runtime.shutdown().await;
    for process in ["process=a", "process=b"] {
        let lines = logs.with("event dead-lettered");
        assert_eq!(lines.iter().filter(|line| line.contains(process)).count(), 10, "{process}");
    }
    Ok(())
}
