//! The description of a runtime and the check of its wiring, before the start and while it runs.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use triggers::prelude::*;
use triggers::{Backoff, Description, Filter, Key, TriggerKind};

use crate::common::{config, hook};
use crate::own_trigger::Numbers;

#[derive(Deserialize)]
struct Order {
    customer: String,
    total: u32,
}

#[derive(Clone)]
struct Bank;

#[on_event("order.placed", source = "shop", filter = |order: &Order| order.total > 0)]
#[on_message("orders.eu.*", queue = 1000, queue_bytes = "8MiB", overflow = "wait")]
#[on_message("orders.*", id = "again")]
#[process(
    name = "bank",
    concurrency = 8,
    timeout = "1m30s",
    retry = 5,
    backoff = "1s..5m",
    key = |order: &Order| order.customer
)]
async fn charge(Json(order): Json<Order>, bank: State<Bank>, _: TriggerEvent) {
    let _ = (order, bank);
}

#[on_webhook("/orders", port = 0, host = "::1", body_limit = "64KiB", overflow = "drop_oldest")]
#[on_dead_letter("bank")]
#[on_dead_letter]
#[process(retry = 1)]
async fn warn() {}

/// Returns a builder with every kind of trigger and every setting.
fn shop() -> Builder {
    Runtime::builder()
        .state(Bank)
        .handlers(handlers![charge, warn])
        .process(
            "audit",
            config([TriggerConfig::event("order.placed"), TriggerConfig::event("order.placed").source("a")])
                .key(Key::pointer("/customer")),
            |_: Text, _: Result<State<Vec<Bank>>, Rejection>| async {},
        )
        .trigger("audit", Numbers::default())
}

const SHOP: &str = "\
bank  tests/it/describe.rs:22  it::describe::charge
  event        order.placed from shop  id event-order.placed, queue 100, queue_bytes 64MiB, overflow drop_newest
    filter     |order: &Order| order.total > 0
  message      orders.eu.*             id message-orders.eu.*, queue 1000, queue_bytes 8MiB, overflow wait
  message      orders.*                id again, queue 100, queue_bytes 64MiB, overflow drop_newest
  takes        order: Json<Order>, bank: State<Bank>, TriggerEvent
  runs         8 at a time, timeout 1m30s, 5 retries after 1s..5m
  key          |order: &Order| order.customer

warn  tests/it/describe.rs:37  it::describe::warn
  webhook      [::1]:0/orders    id webhook-0/orders, queue 1000, queue_bytes 64MiB, overflow drop_oldest, body_limit 64KiB
  dead letter  of bank           id dead-letter-bank, queue 100, queue_bytes 64MiB, overflow drop_newest
  dead letter  of every process  id dead-letter-*, queue 100, queue_bytes 64MiB, overflow drop_newest
  runs         1 at a time, no timeout, 1 retry after 200ms..30s

audit  tests/it/describe.rs:48  audit
  event        order.placed         id event-order.placed, queue 100, queue_bytes 64MiB, overflow drop_newest
  event        order.placed from a  id event-order.placed-2, queue 100, queue_bytes 64MiB, overflow drop_newest
  custom       a `Trigger`          id numbers
  takes        Text, Result<State<Vec<Bank>>, Rejection>
  runs         1 at a time, no timeout, no retry
  key          /customer

overlaps
  event order.placed from shop: bank, audit";

#[test]
fn description_displays_as_text() {
    assert_eq!(shop().describe().to_string(), SHOP);
    assert_eq!(Runtime::builder().describe().to_string(), "no process");
}

#[test]
fn description_has_the_settings_as_fields() {
    let description = shop().describe();
    let bank = &description.processes[0];
    assert_eq!((bank.name.as_str(), bank.handler.as_str()), ("bank", "it::describe::charge"));
    assert_eq!((bank.concurrency, bank.timeout, bank.retry), (8, Some(Duration::from_secs(90)), 5));
    assert_eq!(bank.backoff, Some(Backoff::new(Duration::from_secs(1), Duration::from_secs(300))));
    assert_eq!((bank.triggers[1].queue, bank.triggers[1].queue_bytes), (Some(1000), Some(8 << 20)));
    let webhook = &description.processes[1].triggers[0];
    assert_eq!((webhook.source.kind, webhook.source.pattern.as_str()), (TriggerKind::Webhook, "/orders"));
    assert_eq!(webhook.source.setting("webhook_port"), Some(&json!(0)));
    assert_eq!(webhook.source.setting("body_limit"), Some(&json!("64KiB")));
    let own = &description.processes[2].triggers[2];
    assert_eq!((own.source.kind, own.source.pattern.as_str()), (TriggerKind::Custom, ""));
    assert_eq!((own.id.as_str(), own.queue), ("numbers", None));
    assert_eq!(description.overlaps[0].kind, TriggerKind::Event);
}

#[test]
fn description_serializes_with_the_keys_of_the_configuration() {
    let json = serde_json::to_value(shop().describe()).expect("JSON");
    let expected = json!({
        "name": "bank",
        "handler": "it::describe::charge",
        "location": "tests/it/describe.rs:22",
        "triggers": [
            {
                "type": "event",
                "event_type": "order.placed",
                "event_source": "shop",
                "id": "event-order.placed",
                "queue": 100,
                "queue_bytes": "64MiB",
                "overflow": "drop_newest",
                "filter": "|order: &Order| order.total > 0",
            },
            {
                "type": "message",
                "topic": "orders.eu.*",
                "id": "message-orders.eu.*",
                "queue": 1000,
                "queue_bytes": "8MiB",
                "overflow": "wait",
            },
            {"type": "message", "topic": "orders.*", "id": "again", "queue": 100, "queue_bytes": "64MiB", "overflow": "drop_newest"},
        ],
        "arguments": [
            {"name": "order", "type": "Json<Order>"},
            {"name": "bank", "type": "State<Bank>"},
            {"name": "3", "type": "TriggerEvent"},
        ],
        "concurrency": 8,
        "timeout": "1m30s",
        "retry": 5,
        "backoff": "1s..5m",
        "key": "|order: &Order| order.customer",
    });
    assert_eq!(json["processes"][0], expected);

    // Every setting except code can be deserialized again.
    let mut read = 0;
    for process in json["processes"].as_array().expect("a list") {
        let mut config = process.as_object().expect("an object").clone();
        config.retain(|key, _| ["triggers", "concurrency", "timeout", "retry", "backoff"].contains(&&**key));
        let triggers = config["triggers"].as_array_mut().expect("a list");
        triggers.retain(|trigger| trigger["type"] != "custom");
        triggers
            .iter_mut()
            .for_each(|trigger| drop(trigger.as_object_mut().expect("a map").remove("filter")));
        let config: ProcessConfig = serde_json::from_value(Value::Object(config)).expect("a configuration");
        read += config.triggers.len();
    }
    assert_eq!(read, 8);
}

#[tokio::test]
async fn runtime_describes_its_current_processes() -> Result {
    let before = Runtime::builder().process("in", hook("/in"), |_: Text| async {}).describe();
    let runtime = Runtime::builder().process("in", hook("/in"), |_: Text| async {}).start().await?;
    let without_places = |mut description: Description| {
        description.processes.iter_mut().for_each(|process| process.location.clear());
        description
    };
    assert_eq!(without_places(runtime.describe()), without_places(before.clone()));

    runtime.add_process("late", config([TriggerConfig::event("a")]), |_: Text| async {}).await?;
    let names: Vec<_> = runtime.describe().processes.into_iter().map(|process| process.name).collect();
    assert_eq!(names, ["in", "late"]);
    runtime.remove_process("late").await?;
    assert_eq!(without_places(runtime.describe()), without_places(before));
    Ok(())
}

#[tokio::test]
async fn description_lists_custom_triggers_after_the_others() -> Result {
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::event("a")]), |_: Text| async {})
        .trigger("p", Numbers::default())
        .start()
        .await?;
    let triggers = &runtime.describe().processes[0].triggers;
    let ids: Vec<_> = triggers.iter().map(|trigger| trigger.id.as_str()).collect();
    assert_eq!(ids, ["event-a", "numbers"]);
    assert_eq!(triggers[1].source.kind, TriggerKind::Custom);
    Ok(())
}

#[test]
fn description_shows_a_closure_by_the_type_that_it_reads() {
    let process = config([TriggerConfig::event("a").filter(Filter::of(|length: &u16| *length > 7))])
        .key(Key::of(|length: &u16| *length));
    let description = Runtime::builder().process("p", process, |_: Text| async {}).describe();
    let process = &description.processes[0];
    assert_eq!(process.key.as_deref(), Some("|_: &u16| .."));
    assert_eq!(process.triggers[0].filter.as_deref(), Some("|_: &u16| .."));
}

/// Returns the overlaps of processes with these triggers, as text.
fn overlaps(triggers: &[(&str, TriggerConfig)]) -> Vec<String> {
    let add = |builder: Builder, (name, trigger): &(&str, TriggerConfig)| {
        builder.process(*name, config([trigger.clone()]), |_: TriggerEvent| async {})
    };
    let description = triggers.iter().fold(Runtime::builder(), add).describe();
    description.overlaps.iter().map(ToString::to_string).collect()
}

#[test]
fn description_lists_overlaps_of_events_by_type_and_source() {
    let event = TriggerConfig::event;
    let none: [&str; 0] = [];
    assert_eq!(overlaps(&[("a", event("x")), ("b", event("y")), ("c", event("x.y"))]), none);
    assert_eq!(overlaps(&[("b", event("x")), ("a", event("x"))]), ["event x: b, a"]);
    assert_eq!(overlaps(&[("a", event("x").source("s")), ("b", event("x").source("t"))]), none);
    assert_eq!(
        overlaps(&[
            ("a", event("x")),
            ("b", event("x").source("s")),
            ("c", event("x").source("s")),
            ("d", event("x").source("t")),
            ("e", event("x")),
        ]),
        ["event x: a, e", "event x from s: a, b, c, e", "event x from t: a, d, e"]
    );
    assert_eq!(
        overlaps(&[("a", event("x")), ("b", TriggerConfig::message("x"))]),
        none,
        "events and messages are separate"
    );
}

#[test]
fn description_lists_overlaps_of_messages_by_pattern_and_pair_of_patterns() {
    let on = |name, pattern: &str| (name, TriggerConfig::message(pattern));
    let none: [&str; 0] = [];
    assert_eq!(overlaps(&[on("a", "x.y"), on("b", "x.z"), on("c", "x.*.y")]), none);
    assert_eq!(
        overlaps(&[
            on("one", "reports.>"),
            on("two", "*.daily"),
            on("three", "reports.daily"),
            on("four", "reports.daily"),
            on("five", "other.>"),
        ]),
        [
            "message *.daily and other.>: two, five",
            "message *.daily and reports.>: one, two",
            "message *.daily and reports.daily: two, three, four",
            "message reports.> and reports.daily: one, three, four",
            "message reports.daily: three, four",
        ]
    );
    assert_eq!(overlaps(&[on("a", "x.{one}"), on("b", "x.{two}")]), ["message x.{one} and x.{two}: a, b"]);
    assert_eq!(
        overlaps(&[on("a", "x.#"), on("b", "x.y")]),
        none,
        "an invalid pattern overlaps with no other"
    );
}

#[test]
fn process_does_not_overlap_with_itself() {
    let triggers = ["x.*", "*.y", "x.y"].map(TriggerConfig::message);
    let description = Runtime::builder().process("p", config(triggers), |_: Text| async {}).describe();
    assert_eq!(description.overlaps, []);
}

#[tokio::test]
async fn check_reports_the_problems_of_start_except_ports() -> Result {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let on_port = |path| config([TriggerConfig::webhook(path, port).host("127.0.0.1")]);
    let wrong = || {
        Runtime::builder()
            .handlers(handlers![charge])
            .process("a", on_port("/x"), |_: Text| async {})
            .process("b", on_port("/x"), |_: Text| async {})
            .process("a", config([TriggerConfig::event("x").queue(0)]), |_: Text| async {})
            .process("idle", config([]), |_: Text| async {})
            .trigger("nobody", Numbers::default())
    };
    let checked = wrong().check().expect_err("a wrong wiring");
    let started = wrong().start().await.expect_err("a wrong wiring");
    let mut of_start = started.problems().to_vec();
    of_start.retain(|problem| !problem.message().contains("cannot listen on"));
    assert_eq!(checked.problems(), of_start);
    assert_eq!((checked.problems().len(), started.problems().len()), (6, 8));
    let needs = "argument `bank` needs a `it::describe::Bank`, and no `.state(..)` sets one";
    assert_eq!(checked.problems()[0].message(), needs);
    assert_eq!(checked.problems()[0].location().as_deref(), Some("tests/it/describe.rs:22"));

    assert_eq!(wrong().describe().processes.len(), 5, "a builder with problems can be described");
    Runtime::builder().process("a", on_port("/x"), |_: Text| async {}).check()?;
    Ok(())
}

#[tokio::test]
async fn check_and_description_start_nothing() -> Result {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let bus = EventBus::new();
    let builder = || {
        let triggers = [TriggerConfig::event("a"), TriggerConfig::webhook("/x", port).host("127.0.0.1")];
        Runtime::builder()
            .bus(bus.clone())
            .process("p", config(triggers), |_: Text| async {})
            .trigger("p", Numbers::default())
            .on_start(|| async { panic!("a hook ran") })
    };
    builder().check()?;
    let description = builder().describe();
    assert_eq!(description.processes[0].triggers.len(), 3);
    assert_eq!(bus.emit("a", 1).await?.matched(), Some(0), "nothing is subscribed");
    Ok(())
}

#[on_message("carts.{id}.{day}")]
#[on_event("cart.left")]
async fn remind(id: Option<u64>, day: Option<String>, event: Option<Text>) {
    let _ = (id, day, event);
}

#[test]
fn description_shows_captures_with_the_type_of_their_argument() {
    let description = Runtime::builder().handlers(handlers![remind]).describe();
    let arguments = &description.processes[0].arguments;
    let shown: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["id: Option<u64>", "day: Option<String>", "event: Option<Text>"]);
}
