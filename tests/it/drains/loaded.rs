//! The program that a signal ends under load, and the account that it prints at its end.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use triggers::prelude::*;
use triggers::{DeadLetterReason, DrainReport, ProcessReport, ProcessStatus, PublishError};

use crate::common::{config, counts};
use crate::program;

/// One run. Its number decides what the program and its clients do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run(pub(super) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Idle,
    Busy,
    /// Handlers wait before they end.
    Slow,
    /// A handler never ends.
    Stuck,
}

impl Run {
    pub(super) fn load(self) -> Load {
        match self.0 % 8 {
            0 => Load::Idle,
            1 | 5 => Load::Stuck,
            2 | 6 => Load::Slow,
            _ => Load::Busy,
        }
    }

    /// Returns the number of answers after which the signal is sent.
    pub(super) fn answers(self) -> usize {
        let most = match self.load() {
            Load::Idle => 1,
            Load::Slow => 40,
            Load::Busy | Load::Stuck => 150,
        };
        self.0 as usize * 37 % most
    }

    /// Returns the drain deadline, if the drain does not wait for every event.
    pub(super) fn deadline(self) -> Option<Duration> {
        let short = self.load() == Load::Stuck || self.0 % 16 == 2;
        short.then(|| Duration::from_millis(20 + self.0 % 60))
    }

    /// Returns a path that no other run has, as another program may have a port that was closed.
    pub(super) fn path(self) -> String {
        format!("/run-{}", self.0)
    }

    fn overflow(self) -> Overflow {
        if (self.0 / 8).is_multiple_of(2) { Overflow::Wait } else { Overflow::Reject }
    }

    /// Returns the capacity of the webhook's queue. With a small one, some requests are answered 503 before the signal.
    fn capacity(self) -> usize {
        if self.0.is_multiple_of(3) { 4 } else { 1000 }
    }

    fn concurrency(self) -> usize {
        1 + self.0 as usize / 4 % 4
    }

    /// Waits as long as a handler of this run does before it returns.
    async fn wait_as_a_handler(self) {
        match self.load() {
            Load::Slow => drop(timeout(Duration::from_millis(3), std::future::pending::<()>()).await),
            _ => tokio::task::yield_now().await,
        }
    }
}

/// What a program prints at its end, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) report_left: u64,
    /// The number of events that `work` accepted, by the results of the emits.
    pub(super) emitted: u64,
    pub(super) parts: Vec<Part>,
}

/// The part of an account about one process.
#[derive(Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) accepted: u64,
    pub(super) handled: u64,
    pub(super) dead_lettered: u64,
    pub(super) in_flight: u64,
    /// The number of queued events.
    pub(super) left: u64,
    pub(super) report_left: u64,
    pub(super) report_stuck: u64,
    /// The ids of the events that were handled, dead-lettered and left.
    pub(super) ids: [Vec<EventId>; 3],
    /// The causes of these events and of those that found the queue full, where an event has one.
    pub(super) causes: Vec<EventId>,
}

/// Prints how many ids there are, not each of them.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Part { name, accepted, handled, dead_lettered, in_flight, left, .. } = self;
        let Part { report_left, report_stuck, ids, causes, .. } = self;
        let counts = (accepted, handled, dead_lettered, in_flight, left, report_left, report_stuck);
        write!(f, "{name} {counts:?} {:?} {}", ids.each_ref().map(Vec::len), causes.len())
    }
}

/// State that the handlers of a program share.
#[derive(Clone)]
struct Books {
    run: Run,
    done: Arc<Mutex<Vec<(&'static str, TriggerEvent)>>>,
    emitted: Arc<AtomicU64>,
}

/// The body of an event for `work`: the id of its cause, and a number.
type Task = (Option<EventId>, usize);

impl Books {
    fn done(&self, process: &'static str, event: TriggerEvent) -> Outcome {
        self.done.lock().expect("the list").push((process, event));
        Outcome::Done
    }

    /// Emits an event for `work`. Returns the number of triggers that it matched.
    async fn emit(&self, bus: &EventBus, task: Task) -> Result<usize, PublishError> {
        let sent = bus.emit("work", task).await?;
        let (matched, queued, _) = counts(&sent);
        self.emitted.fetch_add(queued as u64, Ordering::SeqCst);
        Ok(matched)
    }

    async fn account(&self, runtime: &Runtime, report: &DrainReport) -> Account {
        use DeadLetterReason::{Drained, Overflow};
        let letters = runtime.dead_letters().list().await;
        let done = self.done.lock().expect("the list");
        let part = |(status, report): (&ProcessStatus, &ProcessReport)| {
            let done = done.iter().filter(|(process, _)| *process == status.name).map(|(_, event)| event);
            let because = |wanted: fn(DeadLetterReason) -> bool| {
                let of_it = letters.iter().filter(|letter| letter.process == status.name);
                of_it.filter(move |letter| wanted(letter.reason)).map(|letter| &letter.event)
            };
            let dead_lettered_events = because(|reason| !matches!(reason, Drained | Overflow));
            let drained = because(|reason| reason == Drained);
            let kept = done.clone().chain(because(|_| true));
            let causes = kept.filter_map(|event| serde_json::from_slice::<Task>(event.raw()).ok()?.0);
            let ids =
                |events: &mut dyn Iterator<Item = &TriggerEvent>| events.map(TriggerEvent::id).collect();
            Part {
                name: status.name.clone(),
                accepted: status.triggers.iter().map(|trigger| trigger.accepted).sum(),
                handled: status.handled,
                dead_lettered: status.dead_lettered,
                in_flight: status.in_flight,
                left: status.triggers.iter().map(|trigger| trigger.queue_size as u64).sum(),
                report_left: report.left as u64,
                report_stuck: report.stuck,
                causes: causes.collect(),
                ids: [
                    ids(&mut done.clone()),
                    ids(&mut dead_lettered_events.into_iter()),
                    ids(&mut drained.into_iter()),
                ],
            }
        };
        Account {
            report_left: report.left as u64,
            emitted: self.emitted.load(Ordering::SeqCst),
            parts: runtime.status().processes.iter().zip(&report.processes).map(part).collect(),
        }
    }
}

#[triggers::main]
async fn main(_: Builder) -> Result<()> {
    let run = Run(program::role().unwrap_or_default().parse()?);
    let books = Books { run, done: Arc::default(), emitted: Arc::default() };
    let (bus, concurrency) = (EventBus::new(), run.concurrency());
    let hook = TriggerConfig::webhook(run.path(), 0).host("127.0.0.1").queue(run.capacity());
    let several = |trigger| config([trigger]).concurrency(concurrency).retry(2);
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .state(books.clone())
        .process("ingest", several(hook), ingest)
        .process("work", several(TriggerConfig::event("work").overflow(run.overflow())), work)
        .process("publisher", config([TriggerConfig::event("publish")]), publish_until_shutdown)
        .process("stuck", config([TriggerConfig::event("stuck")]), |_: TriggerEvent| {
            std::future::pending::<()>()
        })
        .drain_deadline(run.deadline().unwrap_or(Duration::from_secs(30)))
        .start()
        .await?;
    if run.load() == Load::Stuck {
        bus.emit("stuck", 0).await?;
    }
    // One publisher stops at the drain. The other stops when no trigger matches any more.
    let mut publisher = None;
    if run.0.is_multiple_of(2) && run.load() != Load::Idle {
        bus.emit("publish", 0).await?;
    } else if run.load() != Load::Idle {
        publisher = Some(tokio::spawn(publish_until_unmatched(bus, books.clone())));
    }
    let ended = program::until_signal(&runtime, &format!("webhook-0{}", run.path())).await;
    let report = runtime.shutdown().await;
    if let Some(publisher) = publisher {
        publisher.await?;
    }
    eprintln!("{}", serde_json::to_string(&books.account(&runtime, &report).await)?);
    ended
}

#[test]
fn program() {
    program::run_if_child(main);
}

async fn ingest(
    event: TriggerEvent,
    Json(number): Json<usize>,
    attempt: Attempt,
    bus: EventBus,
    State(books): State<Books>,
) -> Outcome {
    let run = books.run;
    run.wait_as_a_handler().await;
    match number % 10 {
        3 if attempt.number() == 1 => return Outcome::Retry(Duration::from_millis(1)),
        4 if run.deadline().is_some() => return Outcome::Retry(Duration::from_secs(60)),
        5 => return Outcome::Retry(Duration::from_millis(2)),
        7 => return Outcome::reject("a seven"),
        9 if run.load() == Load::Stuck && bus.emit("stuck", number).await.is_err() => {
            return Outcome::reject("the queue of `stuck` is full");
        }
        _ => {}
    }
    match books.emit(&bus, (Some(event.id()), number)).await {
        Ok(_) => books.done("ingest", event),
        Err(_) => Outcome::Retry(Duration::from_millis(1)),
    }
}

async fn work(
    event: TriggerEvent,
    Json((_, number)): Json<Task>,
    attempt: Attempt,
    State(books): State<Books>,
) -> Outcome {
    books.run.wait_as_a_handler().await;
    match number % 10 {
        1 if attempt.number() < 3 => Outcome::Retry(Duration::from_millis(1)),
        2 => Outcome::reject("a two"),
        _ => books.done("work", event),
    }
}

async fn publish_until_shutdown(
    event: TriggerEvent,
    shutdown: Shutdown,
    bus: EventBus,
    State(books): State<Books>,
) -> Outcome {
    while !shutdown.is_cancelled() {
        if books.emit(&bus, (None, 0)).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    books.done("publisher", event)
}

async fn publish_until_unmatched(bus: EventBus, books: Books) {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A trigger whose queue is full matches too.
    while books.emit(&bus, (None, 0)).await.unwrap_or(1) > 0 {
        ticks.tick().await;
    }
}
