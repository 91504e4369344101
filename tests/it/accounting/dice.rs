//! Events and processes derived from one seed.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use triggers::{
    Backoff, EventBus, Filter, Key, MessageBroker, Overflow, ProcessConfig, PublishError, TriggerConfig,
    TriggerEvent,
};

use super::account::{Known, Offers};

/// The body of an event. It says what the handler does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) what: u64,
    pub(super) key: u8,
    /// The length of the longest chain of events that may follow from this one.
    pub(super) depth: u8,
    /// Varies the length of the body.
    pub(super) padding: String,
}

/// SplitMix64, so that a seed decides the same on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    pub(super) fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn order(&mut self, depth: u64) -> Order {
        let depth = self.roll(depth + 1) as u8;
        let padding = "x".repeat(self.roll(30) as usize);
        Order { what: self.roll(1 << 32), key: self.roll(4) as u8, depth, padding }
    }
}

const TOPICS: [&str; 3] = ["a.x", "a.y", "b.x"];

/// Publishes one event or message, and checks what the publisher gets back.
pub(super) async fn publish(dice: &mut Dice, bus: &EventBus, broker: &MessageBroker, depth: u64) {
    let topic = TOPICS[dice.roll(3) as usize];
    let sent = match (dice.roll(2), dice.one_in(12)) {
        (0, true) => bus.emit_raw(topic, "no order").await,
        (0, false) => bus.emit(topic, dice.order(depth)).await,
        (_, true) => broker.publish_raw(topic, "no order").await,
        (_, false) => broker.publish(topic, dice.order(depth)).await,
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(PublishError::Full { published, .. } | PublishError::Deadlock { published, .. }) => published,
        Err(error) => panic!("{error}"),
    };
    let (matched, queued, dropped) = crate::common::counts(&sent);
    assert_eq!(matched, queued + dropped);
}

/// Returns a process for events and messages.
pub(super) fn process(dice: &mut Dice) -> (ProcessConfig, Known) {
    let overflow =
        [Overflow::DropNewest, Overflow::DropOldest, Overflow::Wait, Overflow::Reject][dice.roll(4) as usize];
    let event = TriggerConfig::event(TOPICS[dice.roll(3) as usize]);
    let message = TriggerConfig::message(["a.*", ">", "{one}.x", "b.x"][dice.roll(4) as usize]);
    let mut triggers = Vec::new();
    let which = dice.roll(3);
    if which != 0 {
        triggers.push(event);
    }
    if which != 1 {
        triggers.push(message);
    }
    let key = dice.one_in(2).then(|| Key::of(|order: &Order| order.key));
    bounded(dice, overflow, triggers, key)
}

/// Returns a process for dead letters, which may have only two of the policies.
pub(super) fn dead_letter_process(dice: &mut Dice) -> (ProcessConfig, Known) {
    let overflow = [Overflow::DropNewest, Overflow::DropOldest][dice.roll(2) as usize];
    bounded(dice, overflow, vec![TriggerConfig::dead_letter()], None)
}

fn bounded(
    dice: &mut Dice,
    overflow: Overflow,
    triggers: Vec<TriggerConfig>,
    key: Option<Key>,
) -> (ProcessConfig, Known) {
    let retry = if dice.one_in(2) { 0 } else { dice.roll(4) as u32 };
    let limits: Vec<_> =
        triggers.iter().map(|_| dice.one_in(3).then(|| 20 + dice.roll(150) as usize)).collect();
    // Only the offers show how many events such a queue must refuse.
    let refuses_and_evicts =
        overflow == Overflow::DropOldest && (retry > 0 || limits.iter().any(Option::is_some));
    let offers = (refuses_and_evicts || dice.one_in(2)).then(Arc::<Offers>::default);
    let triggers = triggers.into_iter().zip(limits).map(|(trigger, limit)| {
        let trigger = trigger.queue(1 + dice.roll(8) as usize).overflow(overflow);
        let trigger = match limit {
            Some(limit) => trigger.queue_bytes(limit),
            None => trigger,
        };
        match offers.clone() {
            Some(offers) => trigger.filter(Filter::of(move |event: &TriggerEvent| {
                offers.count(event.raw().len(), limit);
                true
            })),
            None => trigger,
        }
    });
    let mut config = ProcessConfig::new()
        .triggers(triggers)
        .concurrency(1 + dice.roll(4) as usize)
        .retry(retry)
        .backoff(Backoff::new(Duration::from_millis(1 + dice.roll(50)), Duration::from_millis(200)));
    config.timeout = dice.one_in(2).then(|| Duration::from_millis(1 + dice.roll(60)));
    config.key = key;
    (config, Known::new(overflow, retry > 0, offers))
}
