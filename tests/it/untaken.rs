//! A publication that no trigger takes: it is counted and logged, with the nearest pattern.

use triggers::{EventBus, EventTrigger, MessageBroker, MessageTrigger, Result, Trigger};

use crate::logs::Logs;

/// The number of names that are logged at `info`.
const NAMES: usize = 100;

/// Returns a broker with a subscription for each pattern, and its triggers.
async fn broker(patterns: &[&str]) -> Result<(MessageBroker, Vec<MessageTrigger>)> {
    let broker = MessageBroker::new();
    let triggers: Vec<_> = patterns.iter().map(|pattern| MessageTrigger::new(&broker, pattern)).collect();
    for trigger in &triggers {
        trigger.start().await?;
    }
    Ok((broker, triggers))
}

/// Publishes a message that no trigger takes, and returns its line at `debug`.
async fn debug_line(broker: &MessageBroker, topic: &str) -> Result<String> {
    let (logs, before) = (Logs::capture_debug(), broker.unmatched());
    assert_eq!(broker.publish(topic, 1).await?.matched(), Some(0), "{topic}");
    assert_eq!(broker.unmatched(), before + 1);
    let mut lines = logs.with("DEBUG");
    assert_eq!(lines.len(), 1, "{lines:?}");
    Ok(lines.remove(0))
}

#[tokio::test]
async fn message_that_no_trigger_takes_is_logged_with_the_nearest_pattern() -> Result {
    let patterns = ["reports.{job}.*", "reports.daily", "orders.*.placed", "audit.>", "jobs.{n}.done"];
    let (broker, _triggers) = broker(&patterns).await?;
    for (topic, nearest) in [
        (
            "reports.nightly.eu.failed",
            ": `reports.nightly.eu.failed` has 4 tokens; `reports.{job}.*` takes 3",
        ),
        ("reports.dialy", ": did you mean `reports.daily`?"),
        ("reports", ": `reports` has 1 token; `reports.daily` takes 2"),
        ("audit", ": `audit` has 1 token; `audit.>` takes 2 or more"),
        ("oders.7.placed", ": did you mean `orders.7.placed`, which `orders.*.placed` takes?"),
        ("orders.7.palced", ": did you mean `orders.7.placed`, which `orders.*.placed` takes?"),
        ("Jobs.7.done", ": did you mean `jobs.7.done`, which `jobs.{n}.done` takes?"),
        ("orders.7.8.placed.late", ""),
        ("sensor", ""),
    ] {
        let line = debug_line(&broker, topic).await?;
        assert!(line.contains(&format!("no trigger takes the message `{topic}`{nearest} event=")), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn nearest_pattern_is_found_among_many() -> Result {
    let names: Vec<_> = (0..20_000).map(|n| format!("jobs.{n}.done")).collect();
    let patterns: Vec<_> = (0..20_000).map(|n| format!("builds.{n}.*")).collect();
    let all: Vec<_> = names.iter().chain(&patterns).map(String::as_str).collect();
    let (broker, _triggers) = broker(&all).await?;
    for (topic, nearest) in [
        ("jobs.7777.doen", "did you mean `jobs.7777.done`?"),
        ("jobs.7777", "`jobs.7777` has 2 tokens; `jobs.7777.done` takes 3"),
        ("builds.7777x.failed", "did you mean `builds.7777.failed`, which `builds.7777.*` takes?"),
        ("builds.7777.a.b", "`builds.7777.a.b` has 4 tokens; `builds.7777.*` takes 3"),
    ] {
        let line = debug_line(&broker, topic).await?;
        assert!(line.contains(nearest), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn event_of_another_source_is_logged_with_the_source_that_is_taken() -> Result {
    let (logs, bus) = (Logs::capture_debug(), EventBus::new());
    let trigger = EventTrigger::new(&bus, "pipeline.error").source_filter("data-pipeline");
    let other = EventTrigger::new(&bus, "pipeline.error").source_filter("ci");
    other.start().await?;
    trigger.start().await?;
    bus.emit("pipeline.error", 1).source("data-pipelin").await?;
    bus.emit("pipeline.error", 1).source("\u{1b}[2J").await?;
    bus.emit("pipeline.error", 1).await?;
    assert_eq!(bus.unmatched(), 0, "the triggers count them as filtered");
    let lines = logs.with("DEBUG");
    let takes = "; the trigger `event-pipeline.error` takes only those from";
    for (line, expected) in lines.iter().zip([
        format!("from `data-pipelin`{takes} `data-pipeline`"),
        format!("from `\\u{{1b}}[2J`{takes} `ci`"),
        format!("without a source{takes} `ci`"),
    ]) {
        let expected = format!("no trigger takes the event `pipeline.error`: it is {expected}");
        assert!(line.contains(&expected), "{line}");
    }
    assert_eq!(lines.len(), 3);
    bus.emit("pipeline.error", 1).source("ci").await?;
    assert_eq!(logs.with("no trigger takes").len(), 3 + 1, "one of them takes it");
    Ok(())
}

#[tokio::test]
async fn each_name_is_logged_once_at_info_and_no_more_than_100_names() -> Result {
    let (logs, broker) = (Logs::capture(), MessageBroker::new());
    for topic in 0..2 * NAMES {
        for _ in 0..3 {
            broker.publish(&format!("topics.{topic}"), 1).await?;
        }
    }
    assert_eq!(broker.unmatched(), 6 * NAMES as u64, "every one is counted");
    let lines = logs.with("");
    assert_eq!(lines.len(), NAMES);
    for (topic, line) in lines.iter().enumerate() {
        let expected = format!(
            "INFO trigger_core::source::publish::untaken: no trigger takes the message `topics.{topic}`"
        );
        assert!(line.contains(&expected), "{line}");
    }
    let debug = debug_line(&broker, "topics.199").await?;
    assert!(debug.contains("`topics.199`"), "{debug}");
    Ok(())
}
