//! The account: whatever happens, in whatever order, every event that was accepted ends in exactly one place.
//!
//! Each run makes up processes, policies and what the program does, all from one seed, on the paused clock. A seed that
//! fails is printed; `ACCOUNTING_SEEDS=17..18` runs it alone, and `0..100000` runs more than usual.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use triggers::{
    Attempt, Backoff, DeadLetterReason, Error, EventBus, Json, Key, MessageBroker, Outcome, Overflow,
    ProcessConfig, ProcessStatus, Result, Runtime, TriggerConfig,
};

/// How many runs there are, unless the environment says otherwise.
const SEEDS: std::ops::Range<u64> = 0..3000;

/// What a handler is to do with an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    what: u64,
    key: u8,
    /// How many events may follow from it, one after the other.
    depth: u8,
    /// Makes the body longer.
    padding: String,
}

/// SplitMix64: enough to make things up, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn order(&mut self, depth: u64) -> Order {
        let depth = self.roll(depth + 1) as u8;
        let padding = "x".repeat(self.roll(30) as usize);
        Order { what: self.roll(1 << 32), key: self.roll(4) as u8, depth, padding }
    }
}

const TOPICS: [&str; 3] = ["a.x", "a.y", "b.x"];

/// Publishes one event or message, and counts what the publisher is told.
async fn publish(dice: &mut Dice, bus: &EventBus, broker: &MessageBroker, depth: u64) {
    let topic = TOPICS[dice.roll(3) as usize];
    let sent = match (dice.roll(2), dice.one_in(12)) {
        (0, true) => bus.emit_raw(topic, "no order").await,
        (0, false) => bus.emit(topic, dice.order(depth)).await,
        (_, true) => broker.publish_raw(topic, "no order").await,
        (_, false) => broker.publish(topic, dice.order(depth)).await,
    };
    if let Ok(sent) = sent {
        assert_eq!(sent.matched, sent.queued + sent.dropped);
    }
}

/// A handler that does what the event says; `done` counts how often it was done.
async fn handle(
    order: Order,
    attempt: Attempt,
    bus: EventBus,
    broker: MessageBroker,
    done: Arc<AtomicU64>,
) -> Result<Outcome> {
    let mut dice = Dice(order.what ^ u64::from(attempt.number()));
    for _ in 0..dice.roll(3) {
        tokio::time::sleep(Duration::from_millis(dice.roll(20))).await;
    }
    if order.depth > 0 {
        for _ in 0..dice.roll(3) {
            publish(&mut dice, &bus, &broker, u64::from(order.depth) - 1).await;
        }
    }
    match dice.roll(16) {
        0 => Err(Error::from("broken")),
        1 => Err(Error::permanent("broken for good")),
        // A panic that is not printed.
        2 => std::panic::resume_unwind(Box::new("a panic")),
        3 => Ok(Outcome::reject("unwanted")),
        4 => Ok(Outcome::Retry(Duration::from_millis(dice.roll(200)))),
        5 => Ok(Outcome::Retry(Duration::from_secs(3600))),
        6 => std::future::pending().await,
        _ => {
            done.fetch_add(1, Ordering::SeqCst);
            Ok(Outcome::Done)
        }
    }
}

fn config(dice: &mut Dice) -> ProcessConfig {
    let overflow =
        [Overflow::DropNewest, Overflow::DropOldest, Overflow::Wait, Overflow::Reject][dice.roll(4) as usize];
    let evicts = overflow == Overflow::DropOldest;
    let bounded = |dice: &mut Dice, trigger: TriggerConfig| {
        let trigger = trigger.queue(1 + dice.roll(8) as usize).overflow(overflow);
        // Where events are pushed out, nothing else counts as dropped: so the sums can be told apart.
        if dice.one_in(3) && !evicts { trigger.queue_bytes(20 + dice.roll(300) as usize) } else { trigger }
    };
    let event = TriggerConfig::event(TOPICS[dice.roll(3) as usize]);
    let message = TriggerConfig::message(["a.*", ">", "{one}.x", "b.x"][dice.roll(4) as usize]);
    let mut triggers = Vec::new();
    let which = dice.roll(3);
    if which != 0 {
        triggers.push(bounded(dice, event));
    }
    if which != 1 {
        triggers.push(bounded(dice, message));
    }
    let retry = if evicts { 0 } else { dice.roll(4) as u32 };
    ProcessConfig {
        triggers,
        concurrency: 1 + dice.roll(4) as usize,
        retry,
        backoff: Backoff::new(Duration::from_millis(1 + dice.roll(50)), Duration::from_millis(200)),
        timeout: dice.one_in(2).then(|| Duration::from_millis(1 + dice.roll(60))),
        key: dice.one_in(2).then(|| Key::of(|order: &Order| order.key)),
    }
}

/// What is known of the processes of one run.
#[derive(Default)]
struct Run {
    done: HashMap<String, Arc<AtomicU64>>,
    evicts: HashMap<String, bool>,
    removed: bool,
}

impl Run {
    /// Makes up a process.
    fn process(
        &mut self,
        dice: &mut Dice,
    ) -> (
        String,
        ProcessConfig,
        impl Fn(Json<Order>, Attempt, EventBus, MessageBroker) -> HandlerOf + Clone + use<>,
    ) {
        let name = format!("p{}", self.done.len());
        let config = config(dice);
        let done = Arc::<AtomicU64>::default();
        self.done.insert(name.clone(), done.clone());
        let evicts = format!("{:?}", config.triggers).contains("DropOldest");
        self.evicts.insert(name.clone(), evicts);
        let handler =
            move |Json(order): Json<Order>,
                  attempt: Attempt,
                  bus: EventBus,
                  broker: MessageBroker|
                  -> HandlerOf { Box::pin(handle(order, attempt, bus, broker, done.clone())) };
        (name, config, handler)
    }

    /// At any moment, for every process.
    fn check_balance(&self, status: &ProcessStatus) {
        let sum = |of: fn(&triggers::TriggerStatus) -> u64| status.triggers.iter().map(of).sum::<u64>();
        let queued = sum(|trigger| trigger.queue_size as u64);
        let evicted = if self.evicts.get(&status.name).copied().unwrap_or_default() {
            sum(|trigger| trigger.dropped)
        } else {
            0
        };
        let accounted = queued + status.in_flight + status.handled + status.dead_lettered + evicted;
        assert_eq!(sum(|trigger| trigger.accepted), accounted, "{status:#?}");
        assert!(
            status.waiting as u64 <= queued && status.in_flight <= status.concurrency as u64,
            "{status:#?}"
        );
        for trigger in &status.triggers {
            // A cancelled one goes back over the bounds.
            assert!(trigger.queue_size <= trigger.capacity + status.concurrency, "{status:#?}");
        }
    }

    /// At the end.
    fn check_end(&self, status: &ProcessStatus) {
        self.check_balance(status);
        assert_eq!(status.in_flight, 0, "{status:#?}");
        if let Some(done) = self.done.get(&status.name) {
            assert_eq!(status.handled, done.load(Ordering::SeqCst), "{status:#?}");
        }
    }
}

type HandlerOf = std::pin::Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

async fn run(seed: u64) -> Result<()> {
    let mut dice = Dice(seed);
    let mut run = Run::default();
    let mut builder = Runtime::builder().drain_deadline(Duration::from_millis(dice.roll(2000)));
    for _ in 0..1 + dice.roll(3) {
        let (name, config, handler) = run.process(&mut dice);
        builder = builder.process(name, config, handler);
    }
    if dice.one_in(2) {
        let config =
            ProcessConfig { triggers: vec![TriggerConfig::dead_letter().queue(2)], ..config(&mut dice) };
        let (_, _, handler) = run.process(&mut dice);
        run.done.remove("letters");
        builder = builder.process(
            "letters",
            ProcessConfig { key: None, ..config },
            move |order: Result<Json<Order>, triggers::Rejection>,
                  attempt: Attempt,
                  bus: EventBus,
                  broker: MessageBroker| {
                let call = order
                    .ok()
                    .map(|Json(order)| handler(Json(Order { depth: 0, ..order }), attempt, bus, broker));
                async move {
                    match call {
                        Some(call) => call.await,
                        None => Ok(Outcome::Done),
                    }
                }
            },
        );
    }
    let runtime = builder.start().await?;
    let letters = runtime.dead_letters();
    let (mut redriven, mut cleared) = (0, 0);
    for _ in 0..dice.roll(80) {
        match dice.roll(24) {
            0 => tokio::time::sleep(Duration::from_millis(dice.roll(100))).await,
            1 => tokio::task::yield_now().await,
            2 => drop(runtime.pause(&format!("p{}", dice.roll(4)))),
            3 | 4 => drop(runtime.resume(&format!("p{}", dice.roll(4)))),
            5 => {
                let some = dice.roll(3);
                // Waiting for the room of a paused process is given up.
                let redrive =
                    letters.redrive(|letter| letter.event.id().to_string().as_bytes()[35] as u64 % 3 == some);
                if let Ok(sent) = tokio::time::timeout(Duration::from_millis(dice.roll(50)), redrive).await {
                    redriven += sent;
                } else {
                    run.removed = true;
                }
            }
            6 => cleared += letters.clear(|letter| letter.reason == DeadLetterReason::Decode),
            7 if dice.one_in(4) => {
                let (name, config, handler) = run.process(&mut dice);
                runtime.add_process(name, config, handler).await?;
            }
            8 if dice.one_in(4) => {
                if let Ok(report) = runtime.remove_process(&format!("p{}", dice.roll(4))).await {
                    run.removed = true;
                    assert!(report.stuck <= report.left as u64);
                }
            }
            _ => {
                let (bus, broker) = (runtime.bus(), runtime.broker());
                let sent = publish(&mut dice, &bus, &broker, 2);
                // A publisher may wait for a paused process, and give up.
                let _ = tokio::time::timeout(Duration::from_millis(30), sent).await;
            }
        }
        runtime.status().processes.iter().for_each(|status| run.check_balance(status));
    }
    let report = runtime.shutdown().await;
    let status = runtime.status();
    status.processes.iter().for_each(|status| run.check_end(status));
    let triggers = || status.processes.iter().flat_map(|process| &process.triggers);
    let queued: usize = triggers().map(|trigger| trigger.queue_size).sum();
    assert_eq!(report.left, queued);
    for (of, process) in report.processes.iter().zip(&status.processes) {
        let queued: usize = process.triggers.iter().map(|trigger| trigger.queue_size).sum();
        assert_eq!((&of.name, of.left), (&process.name, queued));
    }
    let given_up: u64 = status.processes.iter().map(|process| process.dead_lettered).sum();
    let kept = (letters.len() + redriven + cleared) as u64;
    if !run.removed && kept < 1000 {
        // What had no room is kept too, but for what was rejected, and for letters that are kept already.
        let lost = status.processes.iter().filter(|process| process.name != "letters");
        let lost = lost.flat_map(|process| &process.triggers).map(|trigger| trigger.dropped).sum::<u64>();
        assert!(kept >= given_up + queued as u64, "{kept} kept, {given_up} given up, {queued} left");
        assert!(
            kept <= given_up + queued as u64 + lost,
            "{kept} kept, {given_up} given up, {queued} left, {lost} lost"
        );
    }
    Ok(())
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("ACCOUNTING_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("two numbers, such as 0..1000");
    from.parse().expect("a number")..to.parse().expect("a number")
}

#[test]
fn every_accepted_event_ends_in_exactly_one_place() {
    let next = AtomicU64::new(seeds().start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds().end {
                return;
            }
            let told = TellSeed(seed);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            runtime.expect("a runtime").block_on(run(seed)).expect("it runs");
            drop(told);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
}

/// Prints the seed of a run that panics.
struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: run it alone with ACCOUNTING_SEEDS={}..{}", self.0, self.0, self.0 + 1);
        }
    }
}
