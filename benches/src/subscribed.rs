//! A broker with many subscriptions, and publications to it.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Instant;

use triggers::{MessageBroker, MessageTrigger, Overflow, Trigger};

use crate::side::Took;

/// Returns a broker with this number of subscriptions. Half are exact, and half have a wildcard. One of each kind matches
/// the topic of [`publish`]. A subscription ends when its trigger is dropped.
pub async fn broker_with(subscriptions: usize) -> (MessageBroker, Vec<MessageTrigger>) {
    let broker = MessageBroker::new();
    let mut triggers = Vec::with_capacity(subscriptions);
    for number in 0..subscriptions {
        let pattern =
            if number % 2 == 0 { format!("jobs.{number}.done") } else { format!("jobs.{}.*", number - 1) };
        let trigger = MessageTrigger::new(&broker, &pattern).overflow(Overflow::DropOldest);
        trigger.start().await.expect("a valid pattern");
        triggers.push(trigger);
    }
    (broker, triggers)
}

/// Publishes this number of messages to the topic that two subscriptions match, or one if there is only one.
pub async fn publish(broker: &MessageBroker, times: u32) -> Took {
    let began = Instant::now();
    for _ in 0..times {
        let sent = broker.publish_raw("jobs.0.done", "{}").await.expect("a valid topic");
        assert!(sent.matched() > Some(0), "no subscription matches");
    }
    Took(began.elapsed(), times)
}
