//! Does publishing cost more where more subscribe? Over 10 and over 100,000 subscriptions, side by side in one run.
//!
//! `cargo xtask bench publish`

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Instant;

use benches::number::Unit;
use benches::side::Took;
use benches::table::{Goal, Table};
use triggers::{MessageBroker, MessageTrigger, Overflow, Trigger};

/// How often each broker is published to in one round.
const PUBLICATIONS: u32 = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (few, _few) = broker_with(10).await;
    let began = Instant::now();
    let (many, _many) = broker_with(100_000).await;
    let subscribed = began.elapsed().as_nanos() as f64;
    let mut table = Table::new("A publication over many subscriptions", "over 10", "over 100,000");
    let (few, many) = (async || publish(&few).await, async || publish(&many).await);
    table.compare("a publication that 2 match", Goal::AtMost(1.5), few, many).await;
    table.alone("to subscribe them all, once", Unit::Nanoseconds, None, &[subscribed]);
    table.end();
}

/// A broker with this many subscriptions, half of them with a wildcard; one of each kind matches what is published.
async fn broker_with(subscriptions: usize) -> (MessageBroker, Vec<MessageTrigger>) {
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

async fn publish(broker: &MessageBroker) -> Took {
    let began = Instant::now();
    for _ in 0..PUBLICATIONS {
        let sent = broker.publish_raw("jobs.4.done", "{}").await.expect("a valid topic");
        assert_eq!(sent.matched, 2);
    }
    Took(began.elapsed(), PUBLICATIONS)
}
