//! The runtime as a whole: its start, a failed start, and the isolation of runtimes.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use triggers::{
    Error, EventBus, Json, MessageBroker, Query, Result, Runtime, Source, State, Text, TriggerConfig,
    TriggerEvent,
};

use crate::common::{config, hook, on};
use crate::http;
use crate::logs::Logs;
use crate::own_trigger::Numbers;

#[derive(Clone)]
struct Database;

#[tokio::test]
async fn failed_start_lists_every_problem_and_leaves_nothing_bound() -> Result {
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
        .process("idle", config([]).concurrency(0), |_: TriggerEvent| async {})
        .process(
            "twice",
            config([TriggerConfig::event("c"), TriggerConfig::event("c")]),
            |_: TriggerEvent| async {},
        )
        .process("sound", config([TriggerConfig::event("d")]), |_: TriggerEvent| async {})
        .process("page", config([TriggerConfig::event("e")]), |_: Source, _: Query<()>| async {})
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
        "argument `2` comes only with a webhook request, not with an event; make it an `Option`",
        "names the process `nobody`",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    assert_eq!(error.problems().len(), 10, "{said}");
    let located = error.problems().iter().filter(|problem| problem.location().is_some());
    assert!(
        located
            .clone()
            .all(|problem| problem.location().is_some_and(|l| l.starts_with("tests/it/runtime.rs:")))
    );
    assert_eq!(located.count(), 9, "all but the trigger without a process");

    TcpListener::bind(("127.0.0.1", free_port))?;
    assert_eq!(bus.emit("a", 1).await?.matched(), Some(0), "nothing is subscribed");
    Ok(())
}

#[tokio::test]
async fn start_warns_about_an_address_that_others_can_reach() {
    let logs = Logs::capture();
    for (host, warnings) in [("127.0.0.1", 0), ("0.0.0.0", 1)] {
        // The missing state makes the start fail before it listens.
        let hook = config([TriggerConfig::webhook("/x", 0).host(host)]);
        let started = Runtime::builder().process("p", hook, |_: State<Database>| async {}).start().await;
        assert!(started.is_err());
        assert_eq!(logs.with("anyone who can reach this address").len(), warnings, "{host}");
    }
}

#[tokio::test]
async fn start_reports_a_port_under_two_names_of_one_host() -> Result {
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
async fn webhook_path_on_every_address_clashes_with_it_on_one_address() -> Result {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let hook = |host: &str| config([TriggerConfig::webhook("/x", port).host(host)]);
    let started = Runtime::builder()
        .process("one", hook("127.0.0.1"), |_: TriggerEvent| async {})
        .process("two", hook("0.0.0.0"), |_: TriggerEvent| async {})
        .start()
        .await;
    let error = started.expect_err("a path that is taken");
    let taken = format!("the path /x of 0.0.0.0:{port} is taken by `one` at tests/it/runtime.rs:");
    assert!(error.to_string().contains(&taken), "{error}");
    assert!(error.to_string().ends_with(&format!(" on 127.0.0.1:{port}, and 0.0.0.0 is every address")));
    assert_eq!(error.problems().len(), 1, "{error}");
    Ok(())
}

#[tokio::test]
async fn start_without_a_process_says_what_to_add() {
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

/// On several threads workers may run before `start` has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_run_before_start_returns_handle_every_event() -> Result {
    for _ in 0..200 {
        let process = config([TriggerConfig::event("a"), TriggerConfig::message("b")]).concurrency(4);
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

#[tokio::test]
async fn runtimes_in_one_program_are_isolated() -> Result {
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
    assert_eq!(
        two.bus().emit("a", "event of two").await?.queued(),
        Some(1),
        "it goes on when the other has stopped"
    );
    two.shutdown().await;
    let mut handled = handled.lock().expect("the list").clone();
    handled.sort_unstable();
    let expected = [("one", "event"), ("two", "event of two"), ("two", "message"), ("two", "webhook")];
    assert_eq!(handled, expected.map(|(name, text)| (name, name, text.to_owned())));
    assert!(one.dead_letters().is_empty().await && two.dead_letters().is_empty().await);
    Ok(())
}

#[tokio::test]
async fn runtime_numbers_trigger_ids_that_repeat_in_a_process() -> Result {
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
async fn start_warns_of_a_timeout_over_the_drain_deadline() -> Result {
    let logs = Logs::capture();
    let builder = |timeout| {
        let handler = |_: TriggerEvent| async {};
        let builder =
            Runtime::builder().process("long", on("e").timeout(Duration::from_secs(timeout)), handler);
        builder.process("unlimited", on("e"), handler).drain_deadline(Duration::from_secs(60))
    };
    let runtime = builder(60).start().await?;
    assert!(logs.with("WARN").is_empty());
    runtime
        .add_process("later", on("e").timeout(Duration::from_secs(90)), |_: TriggerEvent| async {})
        .await?;
    builder(61).check()?;
    builder(61).start().await?;
    let lines = logs.with("WARN");
    for (line, (handler, timeout)) in lines.iter().zip([("later", "1m30s"), ("long", "1m1s")]) {
        let expected = format!("its timeout of {timeout} is longer than the drain deadline of 1m, ");
        let mend = format!("; set `.drain_deadline(..)` to {timeout} or more, or a shorter `timeout`");
        assert!(line.contains(&format!("`{handler}` at tests/it/runtime.rs:")), "{line}");
        assert!(line.contains(&expected) && line.contains(&mend), "{line}");
    }
    assert_eq!(lines.len(), 2, "{lines:?}");
    Ok(())
}
