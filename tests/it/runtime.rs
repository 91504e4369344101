//! The runtime as a whole: starting, failing to start, draining, and staying to itself.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use triggers::{
    Error, EventBus, Json, MessageBroker, ProcessConfig, ProcessState, Result, Runtime, Shutdown, State,
    Text, Trigger, TriggerConfig, TriggerError, TriggerEvent, TriggerStatus,
};

use crate::http;
use crate::logs::Logs;

#[derive(Clone)]
struct Database;

#[tokio::test]
async fn start_that_fails_lists_every_problem_and_leaves_nothing_bound() -> Result {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let taken_port = taken.local_addr()?.port();
    let free_port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let bus = EventBus::new();

    let hook = |path: &str, port| config([TriggerConfig::webhook(path, port).host("127.0.0.1")]);
    let started = Runtime::builder()
        .bus(bus.clone())
        .process("sound", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
        .process("first", hook("/same", free_port), |_: TriggerEvent| async {})
        .process("second", hook("/same", free_port), |_: TriggerEvent| async {})
        .process("port", hook("/other", taken_port), |_: TriggerEvent| async {})
        .process("needy", config([TriggerConfig::event("b")]), |_: State<Database>| async {})
        .process("typo", config([TriggerConfig::message("reports.#")]), |_: TriggerEvent| async {})
        .process("idle", ProcessConfig { concurrency: 0, ..config([]) }, |_: TriggerEvent| async {})
        .process(
            "twice",
            config([TriggerConfig::event("c"), TriggerConfig::event("c")]),
            |_: TriggerEvent| async {},
        )
        .process("sound", config([TriggerConfig::event("d")]), |_: TriggerEvent| async {})
        .trigger("nobody", Numbers::default())
        .start()
        .await;
    let error = started.expect_err("a start that fails");
    let said = error.to_string();
    for part in [
        "the path /same of 127.0.0.1",
        "taken by `first` at tests/it/runtime.rs:",
        &format!("cannot listen on 127.0.0.1:{taken_port}"),
        "argument `1` needs a `it::runtime::Database`",
        "field `topic`: \"reports.#\"",
        "field `concurrency`: \"0\"",
        "the process has no trigger",
        "`c` is declared twice",
        "the process name `sound` is taken by `sound` at tests/it/runtime.rs:",
        "names the process `nobody`",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    assert_eq!(error.problems().len(), 9, "{said}");
    let located = error.problems().iter().filter(|problem| problem.location().is_some());
    assert!(
        located
            .clone()
            .all(|problem| problem.location().is_some_and(|l| l.starts_with("tests/it/runtime.rs:")))
    );
    assert_eq!(located.count(), 8, "all but the trigger without a process");

    TcpListener::bind(("127.0.0.1", free_port))?;
    assert_eq!(bus.emit("a", 1).await?.matched, 0, "nothing is subscribed");
    Ok(())
}

#[tokio::test]
async fn trigger_of_the_program_that_fails_to_start_takes_everything_down() -> Result {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let started = Runtime::builder()
        .process(
            "p",
            config([TriggerConfig::webhook("/x", port).host("127.0.0.1")]),
            |_: TriggerEvent| async {},
        )
        .trigger("p", Numbers { broken: true, ..Numbers::default() })
        .start()
        .await;
    let said = started.expect_err("a start that fails").to_string();
    assert!(said.contains("`p` at tests/it/runtime.rs:") && said.contains("no numbers left"), "{said}");
    TcpListener::bind(("127.0.0.1", port))?;
    Ok(())
}

#[tokio::test]
async fn address_that_others_can_reach_is_warned_of() {
    let logs = Logs::capture();
    for (host, warnings) in [("127.0.0.1", 0), ("0.0.0.0", 1)] {
        // The missing state keeps it from listening.
        let hook = config([TriggerConfig::webhook("/x", 0).host(host)]);
        let started = Runtime::builder().process("p", hook, |_: State<Database>| async {}).start().await;
        assert!(started.is_err());
        assert_eq!(logs.with("anyone who can reach this address").len(), warnings, "{host}");
    }
}

/// It posts to a webhook of its own runtime while that starts, and then keeps it from starting.
#[derive(Clone)]
struct PostsTooEarly(SocketAddr);

impl Trigger for PostsTooEarly {
    fn id(&self) -> &str {
        "early"
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let second = Duration::from_secs(1);
        match tokio::time::timeout(second, http::post(self.0, "/x", "1")).await {
            Ok(answer) => Err(TriggerError::failed(format!("it was answered {}", answer.status))),
            Err(_) => Err(TriggerError::failed("nobody answered")),
        }
    }

    async fn stop(&self) {}

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        Err(TriggerError::Stopped)
    }

    fn status(&self) -> TriggerStatus {
        TriggerStatus::new("early")
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_is_answered_before_everything_has_started() -> Result {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let started = Runtime::builder()
        .process(
            "p",
            config([TriggerConfig::webhook("/x", address.port()).host("127.0.0.1")]),
            |_: TriggerEvent| async {},
        )
        .trigger("p", PostsTooEarly(address))
        .start()
        .await;
    let said = started.expect_err("a start that fails").to_string();
    assert!(said.contains("nobody answered"), "{said}");
    TcpListener::bind(address)?;
    Ok(())
}

#[tokio::test]
async fn same_port_under_two_names_of_one_host_is_told_at_start() -> Result {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let hook = |host: &str| config([TriggerConfig::webhook("/x", port).host(host)]);
    let started = Runtime::builder()
        .process("one", hook("127.0.0.1"), |_: TriggerEvent| async {})
        .process("two", hook("127.0.0.2"), |_: TriggerEvent| async {})
        .process("three", hook("::ffff:127.0.0.1"), |_: TriggerEvent| async {})
        .start()
        .await;
    let error = started.expect_err("a port that is taken");
    assert!(error.to_string().contains(&format!("cannot listen on ::ffff:127.0.0.1:{port}")), "{error}");
    assert_eq!(error.problems().len(), 1);
    Ok(())
}

#[tokio::test]
async fn builder_without_a_process_says_what_to_add() {
    let error = Runtime::builder().start().await.expect_err("nothing to run");
    assert!(error.to_string().contains("`.linked()`") && error.to_string().contains("handlers!"), "{error}");
}

#[tokio::test]
async fn cascade_runs_from_webhook_to_event_to_message() -> Result {
    let (sender, mut reports) = mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .process("ingest", hook("/in"), |event: TriggerEvent, bus: EventBus| async move {
            bus.emit("build.finished", event.payload()).source("ci").await?;
            Ok::<_, Error>(())
        })
        .process("report", config([TriggerConfig::event("build.finished").source("ci")]), {
            |Json(build): Json<serde_json::Value>, broker: MessageBroker| async move {
                let topic = format!("reports.{}", build["job"].as_str().unwrap_or_default());
                broker.publish(&topic, "all green").sender("report").await?;
                Ok::<_, Error>(())
            }
        })
        .process(
            "archive",
            config([TriggerConfig::message("reports.*")]),
            move |event: TriggerEvent, text: Text| {
                let sender = sender.clone();
                async move { drop(sender.send((event.payload()["topic"].clone(), text.0))) }
            },
        )
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/in").expect("an address");
    assert_eq!(http::post(address, "/in", r#"{"job": "nightly"}"#).await.status, 202);
    assert_eq!(reports.recv().await, Some((json!("reports.nightly"), "all green".to_owned())));
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_finishes_the_cascade_it_finds() -> Result {
    let bus = EventBus::new();
    let step = |next: Option<&'static str>| {
        move |_: TriggerEvent, bus: EventBus| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Some(next) = next {
                bus.emit(next, 1).await?;
            }
            Ok::<_, Error>(())
        }
    };
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .process("a", config([TriggerConfig::event("a")]), step(Some("b")))
        .process("b", config([TriggerConfig::event("b")]), step(Some("c")))
        .process("c", config([TriggerConfig::event("c")]), step(None))
        .start()
        .await?;
    bus.emit("a", 1).await?;
    bus.emit("a", 2).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (6, 0, 0));
    assert_eq!(began.elapsed(), Duration::from_secs(4));
    assert_eq!(bus.emit("a", 3).await?.matched, 0, "the runtime has left the bus");
    assert_eq!(runtime.status().processes[0].state, ProcessState::Stopped);
    assert_eq!(runtime.shutdown().await, report, "a second shutdown returns the same report");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_cancels_at_the_deadline_and_says_what_is_left() -> Result {
    let runtime = Runtime::builder()
        .process("stuck", config([TriggerConfig::event("a")]), |_: TriggerEvent| std::future::pending::<()>())
        .process("quick", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_secs(5))
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("a", n).await?;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!((report.completed, report.dead_lettered, report.left), (3, 0, 3));
    let status = &runtime.status().processes[0];
    let trigger = &status.triggers[0];
    assert_eq!((status.in_flight, trigger.queue_size), (0, 3), "the cancelled one is back in its queue");
    assert_eq!((status.failed, status.dead_lettered), (0, 0), "being cancelled is no failure");
    Ok(())
}

/// On several threads workers may run before `start` has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_outlive_the_start_on_every_thread() -> Result {
    for _ in 0..200 {
        let process = ProcessConfig {
            concurrency: 4,
            ..config([TriggerConfig::event("a"), TriggerConfig::message("b")])
        };
        let runtime = Runtime::builder()
            .process("p", process, |_: TriggerEvent| async {})
            .drain_deadline(Duration::from_secs(1))
            .start()
            .await?;
        for n in 0..20 {
            runtime.bus().emit("a", n).await?;
            runtime.broker().publish("b", n).await?;
        }
        assert_eq!(runtime.shutdown().await.left, 0);
        assert_eq!(runtime.status().processes[0].handled, 40);
    }
    Ok(())
}

/// A handler that never waits gives an abort no chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_take_nothing_more_after_the_deadline() -> Result {
    let handled = Arc::new(AtomicUsize::new(0));
    let config = ProcessConfig { triggers: vec![TriggerConfig::event("a")], concurrency: 1 };
    let runtime = Runtime::builder()
        .process("busy", config, {
            let handled = handled.clone();
            move |_: TriggerEvent| {
                handled.fetch_add(1, Ordering::SeqCst);
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(5) {}
                async {}
            }
        })
        .drain_deadline(Duration::from_millis(20))
        .start()
        .await?;
    for n in 0..100 {
        runtime.bus().emit("a", n).await?;
    }
    let report = runtime.shutdown().await;
    let status = runtime.status().processes.remove(0);
    assert!(report.left > 0, "the deadline came first");
    assert_eq!(report.left as u64 + status.handled, 100);
    assert_eq!(handled.load(Ordering::SeqCst) as u64, status.handled);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runtime_that_is_dropped_cancels_its_handlers_and_tells_them() -> Result {
    struct Dropped(mpsc::UnboundedSender<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("cancelled");
        }
    }
    let (sender, mut seen) = mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .process("held", config([TriggerConfig::event("a")]), move |shutdown: Shutdown| {
            let dropped = Dropped(sender.clone());
            let sender = sender.clone();
            tokio::spawn(async move {
                shutdown.cancelled().await;
                let _ = sender.send("told");
            });
            async move {
                let _dropped = dropped;
                std::future::pending::<()>().await;
            }
        })
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    while runtime.status().processes[0].in_flight == 0 {
        tokio::task::yield_now().await;
    }
    drop(runtime);
    let mut both = [seen.recv().await, seen.recv().await];
    both.sort_unstable();
    assert_eq!(both, [Some("cancelled"), Some("told")]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_that_is_given_up_goes_on_where_it_was() -> Result {
    let runtime = Runtime::builder()
        .process("slow", config([TriggerConfig::event("a")]), |_: TriggerEvent| {
            tokio::time::sleep(Duration::from_secs(3))
        })
        .drain_deadline(Duration::from_secs(10))
        .start()
        .await?;
    for n in 0..5 {
        runtime.bus().emit("a", n).await?;
    }
    let began = Instant::now();
    assert!(tokio::time::timeout(Duration::from_secs(4), runtime.shutdown()).await.is_err());
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(10), "the deadline of the first call");
    assert_eq!((report.completed, report.left), (3, 2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn trigger_of_the_program_that_keeps_failing_does_not_hold_the_drain() -> Result {
    let runtime = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .trigger("p", Numbers { failures: Arc::new(AtomicUsize::new(usize::MAX)), ..Numbers::default() })
        .start()
        .await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.left, 0);
    assert!(began.elapsed() < Duration::from_secs(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_without_a_deadline_waits_as_long_as_it_takes() -> Result {
    let runtime = Runtime::builder()
        .process("slow", config([TriggerConfig::event("a")]), |_: TriggerEvent| {
            tokio::time::sleep(Duration::from_secs(86_400))
        })
        .drain_deadline(Duration::MAX)
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    assert_eq!(runtime.shutdown().await.completed, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handlers_are_told_of_the_drain() -> Result {
    let runtime = Runtime::builder()
        .process("long", config([TriggerConfig::event("a")]), |shutdown: Shutdown| async move {
            assert!(!shutdown.is_cancelled());
            shutdown.cancelled().await;
        })
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    while runtime.status().processes[0].in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.completed, 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    Ok(())
}

#[tokio::test]
async fn webhooks_answer_503_while_the_runtime_drains_and_their_port_is_closed_after() -> Result {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let runtime = Runtime::builder()
        .process("in", hook("/in"), {
            let (entered, gate) = (entered.clone(), gate.clone());
            move |_: TriggerEvent| {
                let (entered, gate) = (entered.clone(), gate.clone());
                async move {
                    entered.notify_one();
                    gate.notified().await;
                }
            }
        })
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/in").expect("an address");
    assert_eq!(http::post(address, "/in", "1").await.status, 202);
    entered.notified().await;
    let (report, ()) = tokio::join!(runtime.shutdown(), async {
        tokio::task::yield_now().await;
        let answer = http::post(address, "/in", "2").await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (503, json!("stopping")));
        assert!(answer.header("retry-after").is_some());
        let health = http::get(address, "/health").await;
        assert_eq!((health.status, health.json()["status"].clone()), (503, json!("stopping")));
        assert_eq!(runtime.status().processes[0].state, ProcessState::Draining);
        gate.notify_one();
    });
    assert_eq!((report.completed, report.left), (1, 0));
    assert_eq!(runtime.local_addr("webhook-0/in"), None);
    TcpListener::bind(address)?;
    Ok(())
}

#[tokio::test]
async fn runtimes_in_one_program_do_not_see_each_other() -> Result {
    let handled = Arc::new(Mutex::new(Vec::new()));
    let mut runtimes = Vec::new();
    for name in ["one", "two"] {
        let handled = handled.clone();
        let record = move |State(owner): State<&'static str>, text: Text| {
            handled.lock().expect("the list").push((name, owner, text.0));
            async {}
        };
        let triggers = [
            TriggerConfig::event("a"),
            TriggerConfig::message("b"),
            TriggerConfig::webhook("/c", 0).host("127.0.0.1"),
        ];
        runtimes.push(Runtime::builder().state(name).process("p", config(triggers), record).start().await?);
    }
    let [one, two] = &runtimes[..] else { panic!("two runtimes") };
    one.bus().emit("a", "event").await?;
    two.broker().publish("b", "message").await?;
    let address = two.local_addr("webhook-0/c").expect("an address");
    assert_ne!(one.local_addr("webhook-0/c"), Some(address));
    assert_eq!(http::post(address, "/c", "webhook").await.status, 202);
    one.shutdown().await;
    assert_eq!(two.bus().emit("a", "event of two").await?.queued, 1, "it goes on when the other has stopped");
    two.shutdown().await;
    let mut handled = handled.lock().expect("the list").clone();
    handled.sort_unstable();
    let expected = [("one", "event"), ("two", "event of two"), ("two", "message"), ("two", "webhook")];
    assert_eq!(handled, expected.map(|(name, text)| (name, name, text.to_owned())));
    assert!(one.dead_letters().is_empty() && two.dead_letters().is_empty());
    Ok(())
}

#[tokio::test]
async fn runtime_that_is_dropped_ends_at_once() -> Result {
    let bus = EventBus::new();
    let triggers = [TriggerConfig::event("a"), TriggerConfig::webhook("/x", 0).host("127.0.0.1")];
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .process("p", config(triggers), |_: TriggerEvent| async {})
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/x").expect("an address");
    drop(runtime);
    assert_eq!(bus.emit("a", 1).await?.matched, 0);
    while TcpListener::bind(address).is_err() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test]
async fn trigger_ids_that_repeat_in_a_process_are_numbered() -> Result {
    let triggers = [
        TriggerConfig::event("a").source("x"),
        TriggerConfig::event("a").source("y"),
        TriggerConfig::event("a").source("z"),
        TriggerConfig::message("b.*").id("mine"),
    ];
    let twice = config([TriggerConfig::event("a").id("x"), TriggerConfig::event("b").id("x")]);
    let error = Runtime::builder()
        .process("p", twice, |_: TriggerEvent| async {})
        .start()
        .await
        .expect_err("an id twice");
    assert!(error.to_string().contains("two of its triggers have the id `x`"), "{error}");

    let runtime =
        Runtime::builder().process("p", config(triggers), |_: TriggerEvent| async {}).start().await?;
    let ids: Vec<_> =
        runtime.status().processes[0].triggers.iter().map(|trigger| trigger.id.clone()).collect();
    assert_eq!(ids, ["event-a", "event-a-2", "event-a-3", "mine"]);
    Ok(())
}

#[tokio::test]
async fn trigger_of_the_program_drives_a_process() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let numbers = Numbers::default();
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::event("a")]), move |event: TriggerEvent| {
            let sender = sender.clone();
            async move { drop(sender.send((event.trigger_id().to_owned(), event.payload().clone()))) }
        })
        .trigger("p", numbers.clone())
        .start()
        .await?;
    numbers.push(1);
    numbers.push(2);
    assert_eq!(seen.recv().await, Some(("numbers".to_owned(), json!(1))));
    for n in 3..10 {
        numbers.push(n);
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left), (0, 0));
    for n in 2..10 {
        assert_eq!(
            seen.recv().await,
            Some(("numbers".to_owned(), json!(n))),
            "what waits in it is drained too"
        );
    }
    let status = runtime.status().processes.remove(0);
    assert_eq!((status.handled, status.triggers[1].accepted), (9, 9));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn trigger_of_the_program_that_fails_is_asked_again() -> Result {
    let numbers = Numbers { failures: Arc::new(AtomicUsize::new(3)), ..Numbers::default() };
    let runtime = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .trigger("p", numbers.clone())
        .start()
        .await?;
    numbers.push(1);
    let began = Instant::now();
    while runtime.status().processes[0].handled == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "it is never asked again");
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "a second after each failure");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_trigger_of_the_program_still_holds_at_the_deadline_is_left() -> Result {
    let numbers = Numbers::default();
    let runtime = Runtime::builder()
        .process("stuck", config([]), |_: TriggerEvent| std::future::pending::<()>())
        .trigger("stuck", numbers.clone())
        .start()
        .await?;
    for n in 0..10 {
        numbers.push(n);
    }
    let report = runtime.shutdown().await;
    assert_eq!(
        (report.completed, report.left),
        (0, 10),
        "one in the handler, one in its queue, eight in the trigger"
    );
    assert_eq!(numbers.waiting.lock().expect("the numbers").0.len(), 8);
    Ok(())
}

fn config(triggers: impl Into<Vec<TriggerConfig>>) -> ProcessConfig {
    ProcessConfig { triggers: triggers.into(), ..ProcessConfig::default() }
}

fn hook(path: &str) -> ProcessConfig {
    config([TriggerConfig::webhook(path, 0).host("127.0.0.1")])
}

/// A trigger as a program might bring it: numbers, pushed by hand.
#[derive(Clone, Default)]
struct Numbers {
    waiting: Arc<Mutex<(VecDeque<u32>, bool)>>,
    changed: Arc<Notify>,
    broken: bool,
    /// How often waiting still fails.
    failures: Arc<AtomicUsize>,
}

impl Numbers {
    fn push(&self, number: u32) {
        self.waiting.lock().expect("the numbers").0.push_back(number);
        self.changed.notify_one();
    }
}

impl Trigger for Numbers {
    fn id(&self) -> &str {
        "numbers"
    }

    async fn start(&self) -> Result<(), TriggerError> {
        if self.broken { Err(TriggerError::failed("no numbers left")) } else { Ok(()) }
    }

    async fn stop(&self) {
        self.waiting.lock().expect("the numbers").1 = true;
        self.changed.notify_one();
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        match self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(2) => panic!("worse than a hiccup"),
            Ok(_) => return Err(TriggerError::failed("a hiccup")),
            Err(_) => {}
        }
        loop {
            let (number, stopped) = {
                let mut waiting = self.waiting.lock().expect("the numbers");
                (waiting.0.pop_front(), waiting.1)
            };
            match number {
                Some(number) => return Ok(TriggerEvent::new("numbers", number.to_string(), Map::new())),
                None if stopped => return Err(TriggerError::Stopped),
                None => self.changed.notified().await,
            }
        }
    }

    fn status(&self) -> TriggerStatus {
        let mut status = TriggerStatus::new("numbers");
        status.queue_size = self.waiting.lock().expect("the numbers").0.len();
        status
    }
}
