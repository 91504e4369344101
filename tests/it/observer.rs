//! Observers: what they are called for, in which order, and that they change nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use triggers::{
    Attempt, DropReason, Error, EventBus, Filter, Json, ObservedAttempt, ObservedEnd, ObservedEvent,
    ObservedFailure, ObservedPublication, Observer, Outcome, Overflow, Result, Runtime, TriggerConfig,
    TriggerEvent,
};

use crate::common::{config, gated, hook, on, status};
use crate::http::post;
use crate::logs::Logs;
use crate::until::until;

/// Writes a line for each call, in one list for all observers of a test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn add(&self, line: String) {
        self.0.lock().expect("the lines").push(line);
    }

    /// Returns the lines since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("the lines"))
    }
}

/// Returns the name of an event, its body, its process and its trigger.
fn shown(event: &ObservedEvent<'_>) -> String {
    let body = String::from_utf8_lossy(event.frame.raw());
    format!("{} {body} at {}/{}", event.frame.name(), event.process, event.trigger_id)
}

impl Observer for Lines {
    fn published(&self, publication: &ObservedPublication<'_>) {
        let ObservedPublication { frame, triggers, .. } = publication;
        let body = String::from_utf8_lossy(frame.raw());
        self.add(format!("published {} {} {body} to {triggers}", frame.kind(), frame.name()));
    }

    fn queued(&self, event: &ObservedEvent<'_>) {
        self.add(format!("queued {}", shown(event)));
    }

    fn dropped(&self, event: &ObservedEvent<'_>, reason: DropReason) {
        self.add(format!("dropped {} {reason:?}", shown(event)));
    }

    fn started(&self, attempt: &ObservedAttempt<'_>) {
        self.add(format!("started {} #{}", shown(&attempt.event), attempt.number));
    }

    fn attempt_failed(&self, failure: &ObservedFailure<'_>) {
        let ObservedFailure { attempt, duration, reason, error, retry_after, .. } = failure;
        let event = shown(&attempt.event);
        let number = attempt.number;
        self.add(format!("failed {event} #{number} in {duration:?}: {reason}, {error}, {retry_after:?}"));
    }

    fn settled(&self, end: &ObservedEnd<'_>) {
        let ObservedEnd { event, how, attempts, duration, .. } = end;
        self.add(format!("settled {} {how:?}, {attempts} in {duration:?}", shown(event)));
    }
}

/// An observer of a second list, which marks each line in the first one.
struct Second(Lines);

impl Observer for Second {
    fn started(&self, attempt: &ObservedAttempt<'_>) {
        self.0.add(format!("second: #{}", attempt.number));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_for_one_event_come_in_order_on_all_observers() -> Result {
    let lines = Lines::default();
    let twice = |attempt: Attempt| async move {
        tokio::time::sleep(Duration::from_secs(1 + u64::from(attempt.number()))).await;
        if attempt.number() == 1 { Outcome::Retry(Duration::from_secs(4)) } else { Outcome::Done }
    };
    let builder = Runtime::builder().observer(lines.clone()).observer(Second(lines.clone()));
    let runtime = builder.process("p", on("e").retry(1), twice).start().await?;
    runtime.bus().emit("e", 7).await?;
    runtime.shutdown().await;
    let expected = [
        "published event e 7 to 1",
        "queued e 7 at p/event-e",
        "started e 7 at p/event-e #1",
        "second: #1",
        "failed e 7 at p/event-e #1 in 2s: failed, the handler asked for a retry after 4s, Some(4s)",
        "started e 7 at p/event-e #2",
        "second: #2",
        "settled e 7 at p/event-e Handled, 2 in Some(3s)",
    ];
    assert_eq!(lines.take(), expected);
    Ok(())
}

/// Ends in the way that the event names.
async fn end(Json(how): Json<String>) -> Result<Outcome> {
    match how.as_str() {
        "done" => Ok(Outcome::Done),
        "reject" => Ok(Outcome::reject("unwanted")),
        "permanent" => Err(Error::permanent("broken for good")),
        "error" => Err(Error::from("broken")),
        // A panic that the panic hook does not print.
        "panic" => std::panic::resume_unwind(Box::new("a panic")),
        _ => std::future::pending().await,
    }
}

#[tokio::test(start_paused = true)]
async fn each_end_of_an_attempt_is_reported_with_its_reason() -> Result {
    let lines = Lines::default();
    let process = on("e").timeout(Duration::from_secs(1));
    let runtime = Runtime::builder().observer(lines.clone()).process("p", process, end).start().await?;
    let cases: [(&str, &str, &str); 6] = [
        ("done", "", "Handled, 1 in Some(0ns)"),
        ("reject", "", "DeadLettered(Rejected), 1 in Some(0ns)"),
        ("permanent", "0ns: rejected, broken for good, None", "DeadLettered(Rejected), 1 in Some(0ns)"),
        ("error", "0ns: failed, broken, None", "DeadLettered(Failed), 1 in Some(0ns)"),
        ("panic", "0ns: panicked, a panic, None", "DeadLettered(Panicked), 1 in Some(0ns)"),
        (
            "hang",
            "1s: timed_out, the handler took longer than 1s, None",
            "DeadLettered(TimedOut), 1 in Some(1s)",
        ),
    ];
    for (how, failed, settled) in cases {
        lines.take();
        runtime.bus().emit("e", how).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let event = format!("e {how:?} at p/event-e");
        let mut expected = vec![format!("started {event} #1")];
        expected.extend((!failed.is_empty()).then(|| format!("failed {event} #1 in {failed}")));
        expected.push(format!("settled {event} {settled}"));
        assert_eq!(lines.take()[2..], expected, "{how}");
    }
    runtime.bus().emit("e", 7).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let expected =
        ["started e 7 at p/event-e #1", "settled e 7 at p/event-e DeadLettered(Decode), 0 in Some(0ns)"];
    assert_eq!(lines.take()[2..], expected);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_that_is_not_queued_is_dropped_with_its_reason() -> Result {
    let lines = Lines::default();
    let filter = Filter::of(|n: &u32| match n {
        8 => false,
        // A panic that the panic hook does not print.
        9 => std::panic::resume_unwind(Box::new("a panic")),
        _ => true,
    });
    let named = |name: &str, overflow| {
        TriggerConfig::event("e").id(name).queue(1).overflow(overflow).source("s").filter(filter.clone())
    };
    let triggers = [
        named("newest", Overflow::DropNewest),
        named("oldest", Overflow::DropOldest),
        named("reject", Overflow::Reject),
        named("wait", Overflow::Wait),
    ];
    let runtime =
        Runtime::builder().observer(lines.clone()).process("p", config(triggers), |_: TriggerEvent| async {});
    let runtime = runtime.start().await?;
    runtime.pause("p")?;
    let bus = runtime.bus();
    let emit = async |n: u32| {
        let sent = tokio::time::timeout(Duration::from_secs(1), async { bus.emit("e", n).source("s").await });
        drop(sent.await);
        lines.take()
    };
    let each = |what: &str, n: u32, reason: &str| {
        let line = |trigger| format!("{what} e {n} at p/{trigger}{reason}");
        ["newest", "oldest", "reject", "wait"].map(line)
    };
    assert_eq!(emit(1).await[1..], each("queued", 1, ""));
    assert_eq!(
        emit(2).await[1..],
        [
            "dropped e 2 at p/newest Full",
            "queued e 2 at p/oldest",
            "settled e 1 at p/oldest Evicted, 0 in None",
            "dropped e 2 at p/reject Full",
            "dropped e 2 at p/wait Full",
        ]
    );
    assert_eq!(emit(8).await[1..], each("dropped", 8, " Filtered"));
    assert_eq!(emit(9).await[1..], each("dropped", 9, " Filtered"));
    bus.emit("e", "no number").source("s").await?;
    let lines_of = lines.take();
    assert!(
        lines_of[1..].iter().all(|line| line.ends_with("Undecodable")) && lines_of.len() == 5,
        "{lines_of:?}"
    );
    bus.emit("e", 3).source("other").await?;
    assert_eq!(lines.take()[1..], each("dropped", 3, " Filtered"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_that_a_drain_leaves_is_settled_as_drained() -> Result {
    let lines = Lines::default();
    let hang = |attempt: Attempt| async move {
        if attempt.number() == 1 { Err::<(), _>("broken") } else { std::future::pending().await }
    };
    let builder = Runtime::builder().observer(lines.clone()).drain_deadline(Duration::from_secs(60));
    let runtime = builder.process("p", on("e").retry(1), hang).start().await?;
    runtime.bus().emit("e", 1).await?;
    until("a retry that waits", || status(&runtime).waiting == 1).await;
    until_in_flight(&runtime).await;
    runtime.bus().emit("e", 2).await?;
    lines.take();
    assert_eq!(runtime.shutdown().await.left, 2);
    let mut settled = lines.take();
    settled.sort();
    let expected = [
        "settled e 1 at p/event-e DeadLettered(Drained), 1 in None",
        "settled e 2 at p/event-e DeadLettered(Drained), 0 in None",
    ];
    assert_eq!(settled, expected);
    Ok(())
}

/// Lets the paused clock advance until an event is in flight.
async fn until_in_flight(runtime: &Runtime) {
    while status(runtime).in_flight == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn publications_of_the_bus_and_the_broker_are_reported_until_the_runtime_is_dropped() -> Result {
    let (lines, bus) = (Lines::default(), EventBus::new());
    let start = |observer: Lines| {
        let triggers = [TriggerConfig::event("e").source("s"), TriggerConfig::message("m.*")];
        let builder = Runtime::builder().bus(bus.clone()).observer(observer);
        builder.process("p", config(triggers), |_: TriggerEvent| async {}).start()
    };
    let (first, second) = (start(lines.clone()).await?, start(Lines::default()).await?);
    let published = |lines: Vec<String>| {
        lines.into_iter().filter(|line| line.starts_with("published")).collect::<Vec<_>>()
    };
    bus.emit("e", 1).await?;
    bus.emit("other", 2).await?;
    assert!(bus.emit("not a type", 3).await.is_err());
    first.broker().publish("m.x", 4).await?;
    first.broker().publish("m.x.y", 5).await?;
    second.broker().publish("m.x", 6).await?;
    let expected = [
        "published event e 1 to 2",
        "published event other 2 to 0",
        "published message m.x 4 to 1",
        "published message m.x.y 5 to 0",
    ];
    assert_eq!(published(lines.take()), expected);
    first.shutdown().await;
    bus.emit("e", 7).await?;
    assert_eq!(published(lines.take()), ["published event e 7 to 1"]);
    drop(first);
    bus.emit("e", 8).await?;
    assert_eq!(lines.take(), [""; 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn redriven_event_and_dead_letter_are_queued_after_the_end_of_the_event() -> Result {
    let lines = Lines::default();
    let once = AtomicUsize::new(0);
    let fails_once = move |_: TriggerEvent| {
        let number = once.fetch_add(1, Ordering::SeqCst);
        async move { if number == 0 { Err("broken") } else { Ok(()) } }
    };
    let runtime = Runtime::builder()
        .observer(lines.clone())
        .process("p", on("e"), fails_once)
        .process("letters", config([TriggerConfig::dead_letter()]), |_: TriggerEvent| async {})
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    until("the dead letter handled", || runtime.status().processes[1].handled == 1).await;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    runtime.shutdown().await;
    let lines = lines.take();
    let of = |process: &str| {
        let at = format!("at {process}/");
        words(&lines)
            .into_iter()
            .zip(&lines)
            .filter(|(_, line)| line.contains(&at))
            .map(|(word, _)| word)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("p"), ["queued", "started", "failed", "settled", "queued", "started", "settled"]);
    assert_eq!(of("letters"), ["queued", "started", "settled"]);
    let place = |text: &str| lines.iter().position(|line| line.starts_with(text));
    assert!(place("settled e 1 at p/") < place("queued e 1 at letters/"), "{lines:?}");
    Ok(())
}

/// Returns the first word of each line.
fn words(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').next()).collect()
}

#[tokio::test]
async fn request_to_a_webhook_is_queued_without_a_publication() -> Result {
    let lines = Lines::default();
    let builder = Runtime::builder().observer(lines.clone());
    let runtime = builder.process("p", hook("/x"), |_: TriggerEvent| async {}).start().await?;
    let address = runtime.local_addr("webhook-0/x").expect("an address");
    assert_eq!(post(address, "/x", "7").await.status, 202);
    runtime.shutdown().await;
    let lines = lines.take();
    assert_eq!(words(&lines), ["queued", "started", "settled"]);
    assert_eq!(lines[0], "queued /x 7 at p/webhook-0/x");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn added_process_is_observed_and_a_removed_one_reports_what_it_leaves() -> Result {
    let lines = Lines::default();
    let builder = Runtime::builder().observer(lines.clone()).drain_deadline(Duration::from_secs(1));
    let runtime = builder.process("p", on("other"), |_: TriggerEvent| async {}).start().await?;
    runtime.add_process("added", on("e"), |_: TriggerEvent| std::future::pending::<()>()).await?;
    runtime.bus().emit("e", 1).await?;
    assert_eq!(runtime.remove_process("added").await?.left, 1);
    let lines = lines.take();
    assert_eq!(words(&lines), ["published", "queued", "started", "settled"]);
    assert_eq!(lines[3], "settled e 1 at added/event-e DeadLettered(Drained), 0 in None");
    Ok(())
}

/// Panics in every method.
struct Panics;

impl Observer for Panics {
    fn published(&self, _: &ObservedPublication<'_>) {
        panics();
    }

    fn queued(&self, _: &ObservedEvent<'_>) {
        panics();
    }

    fn dropped(&self, _: &ObservedEvent<'_>, _: DropReason) {
        panics();
    }

    fn started(&self, _: &ObservedAttempt<'_>) {
        panics();
    }

    fn attempt_failed(&self, _: &ObservedFailure<'_>) {
        panics();
    }

    fn settled(&self, _: &ObservedEnd<'_>) {
        panics();
    }
}

/// Panics, and the panic hook does not print it.
fn panics() {
    std::panic::resume_unwind(Box::new("out of memory"));
}

#[tokio::test(start_paused = true)]
async fn panic_of_an_observer_is_logged_once_and_changes_nothing() -> Result {
    let logs = Logs::capture();
    let lines = Lines::default();
    let trigger = TriggerConfig::event("e").queue(2);
    let builder = Runtime::builder().observer(Panics).observer(lines.clone());
    let runtime = builder.process("p", config([trigger]).retry(1), end).start().await?;
    for how in ["done", "error", "dropped"] {
        runtime.bus().emit("e", how).await?;
    }
    runtime.shutdown().await;
    let now = status(&runtime);
    assert_eq!((now.handled, now.failed, now.dead_lettered, now.triggers[0].dropped), (1, 2, 1, 1));
    assert_eq!(logs.with("an observer panicked").len(), 1);
    assert!(logs.with("an observer panicked")[0].contains("out of memory"));
    let count =
        |what: &str| lines.0.lock().expect("the lines").iter().filter(|line| line.starts_with(what)).count();
    let counts = ["published", "queued", "dropped", "started", "failed", "settled"].map(count);
    assert_eq!(counts, [3, 2, 1, 3, 2, 2]);
    Ok(())
}

/// Publishes an event for each event of the type `e`, although an observer must not publish.
struct Publishes(EventBus);

impl Observer for Publishes {
    fn queued(&self, event: &ObservedEvent<'_>) {
        if event.frame.name() == "e" {
            let waker = &mut std::task::Context::from_waker(std::task::Waker::noop());
            let sent = std::pin::pin!(self.0.emit("e", "again").into_future()).poll(waker);
            assert!(sent.is_ready());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn event_that_an_observer_publishes_is_handled_and_not_reported_as_queued() -> Result {
    let (bus, lines) = (EventBus::new(), Lines::default());
    let builder =
        Runtime::builder().bus(bus.clone()).observer(Publishes(bus.clone())).observer(lines.clone());
    let runtime = builder.process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    bus.emit("e", "first").await?;
    runtime.shutdown().await;
    assert_eq!((status(&runtime).handled, status(&runtime).triggers[0].accepted), (2, 2));
    let mut lines = lines.take();
    lines.retain(|line| line.contains("again"));
    assert_eq!(words(&lines), ["started", "settled"]);
    Ok(())
}

/// Counts the starts of events whose `queued` has not ended.
#[derive(Clone, Default)]
struct Overlaps {
    queued: Arc<Mutex<std::collections::HashSet<String>>>,
    early: Arc<AtomicUsize>,
}

impl Observer for Overlaps {
    fn queued(&self, event: &ObservedEvent<'_>) {
        // Other threads get time to take the event.
        (0..50).for_each(|_| std::thread::yield_now());
        self.queued.lock().expect("the ids").insert(event.frame.id().to_string());
    }

    fn started(&self, attempt: &ObservedAttempt<'_>) {
        let known = self.queued.lock().expect("the ids").contains(&attempt.event.frame.id().to_string());
        self.early.fetch_add(usize::from(!known), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_started_before_it_was_reported_as_queued() -> Result {
    let overlaps = Overlaps::default();
    let process = on("e").concurrency(3);
    let builder = Runtime::builder().observer(overlaps.clone());
    let runtime = builder.process("p", process, |_: TriggerEvent| async {}).start().await?;
    let publish = |runtime: &Runtime| {
        let bus = runtime.bus();
        tokio::spawn(async move {
            for n in 0..500 {
                bus.emit("e", n).await.expect("a valid type");
                tokio::task::yield_now().await;
            }
        })
    };
    for task in [publish(&runtime), publish(&runtime)] {
        task.await?;
    }
    runtime.shutdown().await;
    let queued = overlaps.queued.lock().expect("the ids").len() as u64;
    assert_eq!(queued, status(&runtime).triggers[0].accepted);
    assert_eq!(overlaps.early.load(Ordering::SeqCst), 0);
    Ok(())
}

/// An observer must not hold up `status()`.
struct ReadsStatus(Arc<Mutex<Option<triggers::RuntimeHandle>>>, Arc<AtomicUsize>);

impl ReadsStatus {
    fn read(&self) {
        if let Some(handle) = &*self.0.lock().expect("the handle") {
            self.1.fetch_add(handle.status().processes.len(), Ordering::SeqCst);
        }
    }
}

impl Observer for ReadsStatus {
    fn queued(&self, _: &ObservedEvent<'_>) {
        self.read();
    }

    fn settled(&self, _: &ObservedEnd<'_>) {
        self.read();
    }
}

#[tokio::test(start_paused = true)]
async fn observer_may_read_the_status() -> Result {
    let (handle, read) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Notify::new());
    let builder = Runtime::builder().observer(ReadsStatus(Arc::clone(&handle), Arc::clone(&read)));
    let runtime = builder.process("p", on("e"), gated(&gate)).start().await?;
    *handle.lock().expect("the handle") = Some(runtime.handle());
    runtime.bus().emit("e", 1).await?;
    gate.notify_one();
    runtime.shutdown().await;
    assert_eq!(read.load(Ordering::SeqCst), 2);
    Ok(())
}
