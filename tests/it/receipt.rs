//! Events that something else keeps: what their receipts learn, when they are due, and where they go at the end.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use triggers::{
    Attempt, Backoff, DeadLetter, Filter, Frame, HeldEvent, Key, Outcome, Overflow, ProcessConfig, Receipt,
    Result, RetryState, Runtime, SourceContext, SourceKind, Text, TriggerConfig, TriggerEvent, TriggerSource,
};

use crate::common::{assert_balanced, config, gated, status};
use crate::until::until;

static VAULT: SourceKind = SourceKind::new("vault", "an entry");

/// A source whose events are kept elsewhere. The test pushes them itself.
#[derive(Clone, Default)]
struct Vault {
    cx: Arc<Mutex<Option<SourceContext>>>,
    calls: Calls,
}

impl TriggerSource for Vault {
    fn kind(&self) -> &'static SourceKind {
        &VAULT
    }

    fn pattern(&self) -> Cow<'_, str> {
        "entries".into()
    }

    fn accept(&self, cx: &SourceContext) {
        *self.cx.lock().expect("the context") = Some(cx.clone());
    }
}

/// The calls of receipts, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: String) {
        self.0.lock().expect("the calls").push(call);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("the calls").clone()
    }
}

/// The receipt of one event, by its body.
struct Slip {
    body: String,
    calls: Calls,
    ended: bool,
}

impl Slip {
    fn end(mut self, how: &str) {
        self.ended = true;
        self.calls.add(format!("{} {how}", self.body));
    }
}

impl Receipt for Slip {
    fn retry(&self, state: &RetryState, due: SystemTime) {
        let seconds = due.duration_since(state.first_at).expect("a due time after the start").as_secs();
        self.calls.add(format!("{} retry {} in {seconds} s", self.body, state.failed_attempts));
    }

    fn handled(self: Box<Self>) {
        self.end("handled");
    }

    fn dead(self: Box<Self>, dead_letter: &DeadLetter) {
        assert_ne!(dead_letter.number(), 0, "it is kept");
        let how = format!("dead, {}", dead_letter.reason);
        self.end(&how);
    }

    fn release(self: Box<Self>) {
        self.end("released");
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        if !self.ended {
            self.calls.add(format!("{} lost", self.body));
        }
    }
}

impl Vault {
    fn held(&self, body: &str) -> HeldEvent {
        let event = TriggerEvent::new("vault", body.to_owned(), Default::default());
        let frame: Frame = event.frame().clone();
        HeldEvent::new(frame, Slip { body: body.to_owned(), calls: self.calls.clone(), ended: false })
    }

    fn cx(&self) -> SourceContext {
        self.cx.lock().expect("the context").clone().expect("a start")
    }

    /// Pushes events without attempts. Returns how many the queue took.
    fn push(&self, bodies: &[&str]) -> usize {
        self.cx().sink().push_delayed(bodies.iter().map(|body| self.held(body)))
    }

    fn trigger(&self) -> TriggerConfig {
        TriggerConfig::custom(self.clone()).queue(10)
    }

    fn process(&self) -> ProcessConfig {
        config([self.trigger()]).backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
    }
}

fn in_seconds(seconds: u64) -> SystemTime {
    // tokio's clock is paused, and the clock of the runtime follows it.
    SystemTime::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn receipt_learns_each_retry_and_the_end() -> Result {
    let vault = Vault::default();
    let handler = |text: Text, attempt: Attempt| async move {
        match (&*text.0, attempt.number()) {
            ("twice", 1) => Outcome::Retry(Duration::from_secs(7)),
            ("never", _) => Outcome::Retry(Duration::ZERO),
            ("refused", _) => Outcome::reject("no"),
            _ => Outcome::Done,
        }
    };
    let runtime = Runtime::builder().process("p", vault.process().retry(1), handler).start().await?;
    vault.push(&["once", "twice", "never", "refused"]);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(
        vault.calls.all(),
        [
            "once handled",
            "twice retry 1 in 7 s",
            "never retry 1 in 0 s",
            "refused dead, rejected",
            "never dead, retries_exhausted",
            "twice handled",
        ]
    );
    assert_eq!(runtime.shutdown().await.released, 0);
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn attempts_of_an_earlier_process_count() -> Result {
    let (vault, seen) = (Vault::default(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&seen);
    let handler = move |attempt: Attempt| {
        noted.lock().expect("the attempts").push((attempt.number(), attempt.last_error().map(str::to_owned)));
        async { Outcome::Retry(Duration::ZERO) }
    };
    let runtime = Runtime::builder().process("p", vault.process().retry(3), handler).start().await?;
    let first_at = in_seconds(0) - Duration::from_secs(3600);
    let state = RetryState { failed_attempts: 2, last_error: "before the crash".into(), first_at };
    vault.cx().sink().push_delayed([vault.held("a").retry(state)]);
    until("it is a dead letter", || status(&runtime).dead_lettered == 1).await;
    let seen = seen.lock().expect("the attempts").clone();
    assert_eq!(seen[0], (3, Some("before the crash".to_owned())));
    assert_eq!((seen.len(), seen[1].0), (2, 4));
    let letter = &runtime.dead_letters().list().await[0];
    assert_eq!((letter.attempts, letter.first_at), (4, first_at));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_is_not_taken_before_it_is_due_and_delays_only_its_key() -> Result {
    for key in [false, true] {
        let (vault, began) = (Vault::default(), Instant::now());
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&order);
        let handler = move |text: Text| {
            noted.lock().expect("the order").push((text.0, began.elapsed().as_secs()));
            async {}
        };
        let process = if key {
            vault.process().key(Key::of(|event: &TriggerEvent| event.raw().first().copied()))
        } else {
            vault.process()
        };
        let runtime = Runtime::builder().process("p", process, handler).start().await?;
        let sink = vault.cx().sink().clone();
        let now = sink.now();
        let due = |seconds| now + Duration::from_secs(seconds);
        sink.push_delayed([
            vault.held("a1"),
            vault.held("a2").due(due(5)),
            vault.held("a3"),
            vault.held("b1").due(due(3)),
            vault.held("b2").due(due(1)),
            vault.held("c1").due(now - Duration::from_secs(1)),
        ]);
        sleep(Duration::from_secs(20)).await;
        let order = order.lock().expect("the order").clone();
        let order: Vec<_> = order.iter().map(|(body, at)| (&**body, *at)).collect();
        if key {
            let expected = [("a1", 0), ("c1", 0), ("b1", 3), ("b2", 3), ("a2", 5), ("a3", 5)];
            assert_eq!(order, expected);
        } else {
            let expected = [("a1", 0), ("a3", 0), ("c1", 0), ("b2", 1), ("b1", 3), ("a2", 5)];
            assert_eq!(order, expected);
        }
        assert_balanced(&status(&runtime));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_gives_back_what_it_does_not_handle() -> Result {
    for key in [false, true] {
        let vault = Vault::default();
        let handler = |text: Text| async move {
            if text.0 == "failing" {
                return Outcome::Retry(Duration::from_secs(3600));
            }
            sleep(Duration::from_secs(3600)).await;
            Outcome::Done
        };
        let process = vault.process().retry(1);
        let process =
            if key { process.key(Key::of(|event: &TriggerEvent| event.raw().len())) } else { process };
        let builder = Runtime::builder().process("p", process, handler);
        let runtime = builder.drain_deadline(Duration::from_secs(10)).start().await?;
        vault.push(&["failing"]);
        until("it waits for its retry", || status(&runtime).waiting == 1).await;
        vault.push(&["running", "queued"]);
        vault.cx().sink().push_delayed([vault.held("later").due(in_seconds(7200))]);
        let report = runtime.shutdown().await;
        assert_eq!((report.left, report.released), (0, 4), "{report}");
        assert!(report.to_string().contains("4 given back, 0 left"), "{report}");
        let mut calls = vault.calls.all();
        assert_eq!(calls.remove(0), "failing retry 1 in 3600 s");
        calls.sort();
        assert_eq!(calls, ["failing released", "later released", "queued released", "running released"]);
        assert!(runtime.dead_letters().is_empty().await);
        assert_eq!((status(&runtime).triggers[0].released, status(&runtime).triggers[0].queue_size), (4, 0));
        assert_balanced(&status(&runtime));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_without_a_place_is_told_at_once() -> Result {
    let vault = Vault::default();
    let wanted = Filter::of(|event: &TriggerEvent| event.raw() != "unwanted");
    let trigger = vault.trigger().filter(wanted);
    let runtime =
        Runtime::builder().process("p", config([trigger]), |_: TriggerEvent| async {}).start().await?;
    assert_eq!(vault.push(&["unwanted", "wanted"]), 1);
    until("one is handled", || status(&runtime).handled == 1).await;
    runtime.shutdown().await;
    assert_eq!(vault.push(&["late"]), 0);
    assert_eq!(vault.calls.all(), ["unwanted handled", "wanted handled", "late released"]);
    assert_eq!(status(&runtime).triggers[0].filtered, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn capacity_is_asked_for_and_the_push_exceeds_it() -> Result {
    let (vault, gate) = (Vault::default(), Arc::new(Notify::new()));
    let trigger = vault.trigger().queue(3).queue_bytes(20).overflow(Overflow::DropOldest);
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    let sink = vault.cx().sink().clone();
    assert_eq!(sink.room_for(), (3, 20));
    vault.push(&["running"]);
    until("it runs", || status(&runtime).in_flight == 1).await;
    vault.push(&["1", "22"]);
    assert_eq!(sink.room_for(), (1, 17));
    vault.push(&["333", "4444"]);
    assert_eq!((sink.room_for(), sink.queue_size()), ((0, 10), 4));
    // An event that nothing keeps evicts the oldest ones.
    sink.send(triggers::Draft::new("draft", "new")).await;
    assert_eq!(vault.calls.all(), ["1 dead, overflow", "22 dead, overflow"]);
    runtime.remove_process("p").await.expect("a process");
    assert_eq!(sink.room_for(), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drop_of_the_runtime_drops_the_receipts() -> Result {
    let (vault, gate) = (Vault::default(), Arc::new(Notify::new()));
    let runtime = Runtime::builder().process("p", vault.process(), gated(&gate)).start().await?;
    vault.push(&["a", "b"]);
    until("one runs", || status(&runtime).in_flight == 1).await;
    drop(runtime);
    vault.cx.lock().expect("the context").take();
    until("both are gone", || vault.calls.all().len() == 2).await;
    let mut calls = vault.calls.all();
    calls.sort();
    assert_eq!(calls, ["a lost", "b lost"]);
    Ok(())
}
