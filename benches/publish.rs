//! Does publishing cost more where more subscribe? Over 10 and over 100,000 subscriptions, side by side in one run.
//!
//! `cargo bench --bench publish`

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::{Duration, Instant};

use triggers::{MessageBroker, MessageTrigger, Overflow, Trigger};

/// How often each broker is published to in one round.
const PUBLICATIONS: u32 = 20_000;
const ROUNDS: usize = 15;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (few, _few) = broker_with(10).await;
    let began = Instant::now();
    let (many, _many) = broker_with(100_000).await;
    println!("subscribing 100,000 triggers: {:?}", began.elapsed());

    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // Interleaved, so that the mood of the machine is the same for both.
        let over_few = publish(&few).await;
        let over_many = publish(&many).await;
        ratios.push(over_many.as_secs_f64() / over_few.as_secs_f64());
        if round == 0 {
            println!(
                "first round: {:?} over 10, {:?} over 100,000",
                over_few / PUBLICATIONS,
                over_many / PUBLICATIONS
            );
        }
    }
    ratios.sort_by(f64::total_cmp);
    let (low, median, high) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
    println!("over 100,000 to over 10: {median:.2} x (from {low:.2} to {high:.2})");
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

async fn publish(broker: &MessageBroker) -> Duration {
    let began = Instant::now();
    for _ in 0..PUBLICATIONS {
        let sent = broker.publish_raw("jobs.4.done", "{}").await.expect("a valid topic");
        assert_eq!(sent.matched, 2);
    }
    began.elapsed()
}
