//! The account: every accepted event ends in exactly one place, whatever the program does and in whatever order.
//!
//! Each run derives its processes, their policies and the steps of the program from one seed, on the paused clock. This
//! test always runs the same seeds, and a few others that begin at a random one. In the runs of even seeds an observer
//! counts too, and must come to the same counts. In the others, publishers use the quick intakes of the queues.
//! `ACCOUNTING_SEEDS=17..18` runs one seed alone, and `0..100000` runs more than usual.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use triggers::{
    Attempt, DeadLetterReason, DeadLetters, Error, EventBus, Json, MessageBroker, Outcome, Rejection, Result,
    Runtime,
};

mod account;
mod counts;
mod dice;

use account::{Account, Known};
use counts::Counts;
use dice::{Dice, Order, publish};

/// The seeds of every run of the test.
const SEEDS: std::ops::Range<u64> = 0..3000;

/// The number of further seeds, which begin at a random one.
const RANDOM_SEEDS: u64 = 50;

/// The longest run on the paused clock. The clock advances only when nothing else can happen, so it ends a run that
/// hangs.
const TIME_LIMIT: Duration = Duration::from_secs(24 * 3600);

type HandlerOf = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// A handler that carries out the order; `done` counts how often it returns `Outcome::Done`.
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
        // A panic that the panic hook does not print.
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

/// Returns a handler that counts into `known`.
fn handler(
    known: &Known,
) -> impl Fn(Json<Order>, Attempt, EventBus, MessageBroker) -> HandlerOf + Clone + use<> {
    let done = Arc::clone(&known.done);
    move |Json(order), attempt, bus, broker| Box::pin(handle(order, attempt, bus, broker, done.clone()))
}

/// The state of one run.
#[derive(Default)]
struct Run {
    account: Account,
    /// `None` in a run without an observer.
    counts: Option<Counts>,
    /// The number of processes for events and messages so far. Each has a new name.
    processes: usize,
    redriven: usize,
    cleared: usize,
    /// `true` after the removal of a process, whose counts are gone, or after a cancelled redrive, whose count is
    /// unknown.
    incomplete: bool,
}

impl Run {
    fn next_name(&mut self) -> String {
        self.processes += 1;
        format!("p{}", self.processes - 1)
    }

    /// Redrives some dead letters of one process. Cancels the redrive if it waits for a paused process.
    async fn redrive(&mut self, dice: &mut Dice, letters: &DeadLetters) {
        let mut names: Vec<_> = self.account.0.keys().cloned().collect();
        names.sort();
        let name = names.swap_remove(dice.roll(names.len() as u64) as usize);
        let some = dice.roll(3);
        let redrive = letters.redrive(|letter| {
            letter.process == name && letter.event.id().to_string().as_bytes()[35] as u64 % 3 == some
        });
        let sent = tokio::time::timeout(Duration::from_millis(dice.roll(50)), redrive).await.ok();
        let known = self.account.0.get_mut(&name).expect("one of the names");
        known.redriven = known.redriven.zip(sent).map(|(before, sent)| before + sent as u64);
        self.redriven += sent.unwrap_or_default();
        self.incomplete |= sent.is_none();
    }
}

async fn start(dice: &mut Dice, run: &mut Run) -> Result<Runtime> {
    let mut builder = Runtime::builder();
    if let Some(counts) = &run.counts {
        builder = builder.observer(counts.clone());
    }
    builder = builder.drain_deadline(Duration::from_millis(dice.roll(2000)));
    for _ in 0..1 + dice.roll(3) {
        let (name, (config, known)) = (run.next_name(), dice::process(dice));
        builder = builder.process(&name, config, handler(&known));
        run.account.0.insert(name, known);
    }
    if dice.one_in(2) {
        let (config, known) = dice::dead_letter_process(dice);
        let (handler, done) = (handler(&known), Arc::clone(&known.done));
        builder = builder.process(
            "letters",
            config,
            move |order: Result<Json<Order>, Rejection>,
                  attempt: Attempt,
                  bus: EventBus,
                  broker: MessageBroker|
                  -> HandlerOf {
                match order {
                    Ok(Json(order)) => handler(Json(Order { depth: 0, ..order }), attempt, bus, broker),
                    Err(_) => {
                        let done = Arc::clone(&done);
                        Box::pin(async move {
                            done.fetch_add(1, Ordering::SeqCst);
                            Ok(Outcome::Done)
                        })
                    }
                }
            },
        );
        run.account.0.insert("letters".to_owned(), known);
    }
    Ok(builder.start().await?)
}

/// Takes one step of the program.
async fn step(dice: &mut Dice, run: &mut Run, runtime: &Runtime) -> Result<()> {
    let letters = runtime.dead_letters();
    match dice.roll(24) {
        0 => tokio::time::sleep(Duration::from_millis(dice.roll(100))).await,
        1 => tokio::task::yield_now().await,
        2 => drop(runtime.pause(&format!("p{}", dice.roll(4)))),
        3 | 4 => drop(runtime.resume(&format!("p{}", dice.roll(4)))),
        5 => run.redrive(dice, &letters).await,
        6 => run.cleared += letters.clear(|letter| letter.reason == DeadLetterReason::Decode).await,
        7 if dice.one_in(4) => {
            let (name, (config, known)) = (run.next_name(), dice::process(dice));
            runtime.add_process(&name, config, handler(&known)).await?;
            run.account.0.insert(name, known);
        }
        8 if dice.one_in(4) => {
            if let Ok(report) = runtime.remove_process(&format!("p{}", dice.roll(4))).await {
                run.incomplete = true;
                assert!(report.stuck <= report.left as u64);
            }
        }
        _ => {
            let (bus, broker) = (runtime.bus(), runtime.broker());
            let sent = publish(dice, &bus, &broker, 2);
            // A publisher that waits for a paused process is cancelled.
            let _ = tokio::time::timeout(Duration::from_millis(30), sent).await;
        }
    }
    Ok(())
}

async fn run(seed: u64) -> Result<()> {
    let mut dice = Dice(seed);
    let counts = seed.is_multiple_of(2).then(Counts::default);
    let mut run = Run { counts, ..Run::default() };
    let runtime = start(&mut dice, &mut run).await?;
    for _ in 0..dice.roll(80) {
        step(&mut dice, &mut run, &runtime).await?;
        runtime.status().processes.iter().for_each(|status| run.account.check_balance(status));
    }
    let report = runtime.shutdown().await;
    let status = runtime.status();
    status.processes.iter().for_each(|status| run.account.check_end(status));
    if let Some(counts) = &run.counts {
        counts.check(&status, runtime.bus().unmatched() + runtime.broker().unmatched());
    }
    let triggers = || status.processes.iter().flat_map(|process| &process.triggers);
    let queued: usize = triggers().map(|trigger| trigger.queue_size).sum();
    assert_eq!(report.left, queued);
    for (of, process) in report.processes.iter().zip(&status.processes) {
        let queued: usize = process.triggers.iter().map(|trigger| trigger.queue_size).sum();
        assert_eq!((&of.name, of.left), (&process.name, queued));
    }
    let kept = (runtime.dead_letters().len().await + run.redriven + run.cleared) as u64;
    // The runtime keeps 1000 dead letters.
    if !run.incomplete && kept < 1000 {
        let dead_lettered: u64 = status.processes.iter().map(|process| process.dead_lettered).sum();
        let dropped: u64 =
            status.processes.iter().map(|process| run.account.dead_lettered_by_overflow(process)).sum();
        let expected = dead_lettered + queued as u64 + dropped;
        assert_eq!(kept, expected, "{dead_lettered} dead-lettered, {queued} left, {dropped} dropped");
    }
    Ok(())
}

/// Returns the seeds that the environment asks for, otherwise the fixed and the random ones.
fn seeds() -> Vec<u64> {
    if let Ok(text) = std::env::var("ACCOUNTING_SEEDS") {
        let (from, to) = text.split_once("..").expect("two numbers, such as 0..1000");
        return (from.parse().expect("a number")..to.parse().expect("a number")).collect();
    }
    // The standard library draws the keys of each `RandomState` from the system's randomness.
    let from = RandomState::new().build_hasher().finish() >> 1;
    let random = from..from + RANDOM_SEEDS;
    // The test harness hides the output of `eprintln!` until the test fails, and a test that hangs never does.
    let _ = writeln!(std::io::stderr(), "accounting: random seeds, ACCOUNTING_SEEDS={random:?}");
    SEEDS.chain(random).collect()
}

#[test]
fn every_accepted_event_ends_in_exactly_one_place() {
    let seeds = seeds();
    let next = AtomicU64::new(0);
    let work = || {
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
            let print = PrintSeed(seed);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            let run = async { tokio::time::timeout(TIME_LIMIT, run(seed)).await.expect("the run hangs") };
            runtime.expect("a runtime").block_on(run).expect("the run succeeds");
            drop(print);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
}

/// Prints the seed of a run that panics.
struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: run it alone with ACCOUNTING_SEEDS={}..{}", self.0, self.0, self.0 + 1);
        }
    }
}
