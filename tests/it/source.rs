//! What the runtime does with a custom source: the order of its calls, its room, its tasks and its end.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};
use triggers::{
    Builder, DeadLetterReason, Draft, EventBus, EventId, Filter, MessageBroker, Offered, Overflow,
    ProblemKind, Result, Runtime, SourceContext, SourceKind, StandaloneTrigger, Text, Trigger, TriggerConfig,
    TriggerError, TriggerEvent, TriggerSource, TriggerStatus,
};

use crate::common::{alive_tasks, assert_balanced, config, gated, status};
use crate::logs::Logs;
use crate::source_kind::{Calls, Feed};
use crate::until::until;

/// Returns a builder with a process that ignores the entries of these feeds.
fn ignoring(feeds: impl IntoIterator<Item = Feed>) -> Builder {
    let triggers = feeds.into_iter().map(TriggerConfig::custom);
    Runtime::builder().process("p", config(triggers), |_: TriggerEvent| async {})
}

#[tokio::test(start_paused = true)]
async fn sources_are_bound_then_opened_then_accept_and_refuse_before_they_close() -> Result {
    let calls = Calls::default();
    let runtime = ignoring([Feed::of("a", &calls), Feed::of("b", &calls)]).start().await?;
    let start = ["bind a", "bind b", "open a", "open b", "accept a", "accept b"];
    assert_eq!(std::mem::take(&mut *calls.lock().expect("the calls")), start);
    runtime.shutdown().await;
    let mut end = std::mem::take(&mut *calls.lock().expect("the calls"));
    end.dedup();
    // A drain may ask a source to refuse more than once.
    let first = |call: &str| end.iter().position(|other| other == call);
    let last = |call: &str| end.iter().rposition(|other| other == call);
    for name in ["a", "b"] {
        assert!(last(&format!("refuse {name}")) < first("close a").min(first("close b")), "{end:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn start_that_fails_has_accepted_nothing_and_closes_every_source() {
    for step in ["bind", "open"] {
        let calls = Calls::default();
        let broken = Feed { fails_to: step, ..Feed::of("b", &calls) };
        let started = ignoring([Feed::of("a", &calls), broken, Feed::of("c", &calls)]).start().await;
        let error = started.expect_err("a start that fails").to_string();
        assert!(error.contains("`p` at tests/it/source.rs:") && error.contains("no such feed"), "{error}");
        let calls = calls.lock().expect("the calls");
        assert!(!calls.iter().any(|call| call.starts_with("accept")), "{calls:?}");
        let closed =
            ["close a", "close b", "close c"].iter().all(|call| calls.iter().any(|other| other == call));
        assert!(closed, "{calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn entry_without_room_is_dropped_and_kept_as_a_dead_letter() -> Result {
    let (feed, gate) = (Feed::new("news"), Arc::new(Notify::new()));
    let runtime =
        Runtime::builder().process("p", config([]), gated(&gate)).source("p", feed.clone()).start().await?;
    assert!(matches!(feed.send("0").await, Offered::Queued(_)));
    until("the first entry is in flight", || status(&runtime).in_flight == 1).await;
    for entry in ["1", "2", "3"] {
        assert!(matches!(feed.send(entry).await, Offered::Queued(_)));
    }
    assert_eq!(feed.send("4").await, Offered::Dropped);
    let dropped = runtime.dead_letters().list().await;
    assert_eq!((dropped[0].reason, &dropped[0].event.raw()[..]), (DeadLetterReason::Overflow, &b"4"[..]));
    assert_eq!((status(&runtime).triggers[0].capacity, status(&runtime).triggers[0].dropped), (3, 1));
    (0..4).for_each(|_| gate.notify_one());
    until("all are handled", || {
        gate.notify_one();
        status(&runtime).handled == 4
    })
    .await;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    gate.notify_one();
    until("the redriven entry is handled", || status(&runtime).handled == 5).await;
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn source_waits_for_room_where_the_policy_says_so() -> Result {
    let (feed, gate) = (Feed::new("news"), Arc::new(Notify::new()));
    let trigger = TriggerConfig::custom(feed.clone()).queue(1).overflow(Overflow::Wait);
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    feed.send("0").await;
    until("the first entry is in flight", || status(&runtime).in_flight == 1).await;
    feed.send("1").await;
    let waiting = timeout(Duration::from_secs(60), feed.send("2"));
    assert!(waiting.await.is_err(), "it waits for room");
    assert_eq!(status(&runtime).triggers[0].dropped, 1, "the wait that was dropped");
    let (sent, ()) = tokio::join!(feed.send("3"), async { gate.notify_one() });
    assert!(matches!(sent, Offered::Queued(_)));
    until("all are handled", || {
        gate.notify_one();
        status(&runtime).handled == 3
    })
    .await;
    runtime.shutdown().await;
    assert_eq!(feed.send("4").await, Offered::Closed);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn batch_is_queued_as_a_whole_or_not_at_all() -> Result {
    let (feed, gate) = (Feed::new("news"), Arc::new(Notify::new()));
    let trigger = TriggerConfig::custom(feed.clone())
        .queue(3)
        .filter(Filter::of(|event: &TriggerEvent| event.raw() != "no"));
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    let sink = feed.sink.lock().expect("the sink").clone().expect("a source that accepts");
    let batch =
        |bodies: &[&'static str]| bodies.iter().map(|body| Draft::new("entry", *body)).collect::<Vec<_>>();
    let offered = sink.send_all(batch(&["0", "no"])).await;
    assert!(matches!(offered.as_deref(), Ok([Offered::Queued(_), Offered::Filtered])), "{offered:?}");
    until("the first entry is in flight", || status(&runtime).in_flight == 1).await;
    let offered = sink.send_all(batch(&["1", "2", "3", "4"])).await;
    assert_eq!(offered, Err(Offered::Rejected));
    let trigger = &status(&runtime).triggers[0];
    assert_eq!((trigger.queue_size, trigger.dropped), (0, 4), "nothing of the batch is queued");
    assert_eq!(sink.send_all(batch(&["1", "2", "3"])).await.expect("room for three").len(), 3);
    assert_eq!(sink.send_all(batch(&["4"])).await, Err(Offered::Rejected));
    until("all are handled", || {
        gate.notify_one();
        status(&runtime).handled == 4
    })
    .await;
    assert_balanced(&status(&runtime));
    runtime.shutdown().await;
    assert_eq!(sink.send_all(batch(&["5"])).await, Err(Offered::Closed));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_has_the_id_and_the_time_that_its_source_has_set() -> Result {
    let (feed, (sender, mut seen)) = (Feed::new("news"), mpsc::unbounded_channel());
    let trigger =
        TriggerConfig::custom(feed.clone()).filter(Filter::of(|event: &TriggerEvent| event.raw() != "no"));
    let take = move |event: TriggerEvent| {
        let sent = sender.send(event);
        async move { drop(sent) }
    };
    let _runtime = Runtime::builder().process("p", config([trigger]), take).start().await?;
    let sink = feed.sink.lock().expect("the sink").clone().expect("a source that accepts");
    // The source knows the id before the filter has run, and one of another run too.
    let (id, now) = sink.stamp();
    assert_eq!(sink.send(Draft::new("entry", "no").stamped(id, now)).await, Offered::Filtered);
    let stored: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
    for (id, time) in [(id, now), (stored, UNIX_EPOCH + Duration::from_secs(1))] {
        let sent = sink.send(Draft::new("entry", "yes").attribute("author", "ada").stamped(id, time)).await;
        let event = seen.recv().await.expect("an event");
        assert_eq!((sent, event.id(), event.timestamp()), (Offered::Queued(id), id, time));
        assert_eq!(event.metadata()["author"], "ada");
    }
    let Offered::Queued(next) = sink.send(Draft::new("entry", "yes")).await else { panic!("not queued") };
    assert!(next > id && next != stored, "a new id");
    Ok(())
}

#[tokio::test]
async fn source_that_closes_its_sink_offers_no_later_event() -> Result {
    let feed = Feed::new("news");
    let trigger = StandaloneTrigger::new(TriggerConfig::custom(feed.clone()));
    trigger.start().await?;
    let sink = feed.sink.lock().expect("the sink").clone().expect("a source that accepts");
    assert!(matches!(feed.send("1").await, Offered::Queued(_)));
    assert_eq!((sink.queue_size(), sink.is_open()), (1, true));
    sink.close();
    assert_eq!((feed.send("2").await, sink.is_open()), (Offered::Closed, false));
    assert_eq!(trigger.wait_for_next().await?.raw(), "1");
    assert_eq!((sink.queue_size(), trigger.status().accepted), (0, 1));
    assert!(matches!(trigger.wait_for_next().await, Err(TriggerError::Stopped)));
    Ok(())
}

#[tokio::test]
async fn source_of_two_triggers_is_a_problem_of_the_start() {
    let trigger = TriggerConfig::custom(Feed::new("news"));
    let builder = Runtime::builder().process("p", config([trigger.clone()]), |_: Text| async {}).process(
        "q",
        config([trigger]),
        |_: Text| async {},
    );
    let error = builder.check().expect_err("one source for two triggers").to_string();
    assert!(error.contains("`q` at tests/it/source.rs:") && error.contains("the process `p`"), "{error}");
}

/// A source whose `bind` fails.
struct Unbound(fn() -> TriggerError);

impl TriggerSource for Unbound {
    fn kind(&self) -> &'static SourceKind {
        static UNBOUND: SourceKind = SourceKind::new("unbound", "an event that never comes");
        &UNBOUND
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    async fn bind(&self, _: &SourceContext) -> Result<(), TriggerError> {
        Err((self.0)())
    }

    fn accept(&self, _: &SourceContext) {}
}

#[tokio::test]
async fn resource_that_a_source_finds_taken_is_a_problem_of_the_start() {
    let in_use = || TriggerError::bind("localhost", 80, io::ErrorKind::AddrInUse.into());
    for (error, text) in [
        (in_use as fn() -> TriggerError, "cannot listen on localhost:80: address in use"),
        (
            || TriggerError::taken("the folder /inbox", "inbox-2"),
            "the folder /inbox is taken by the trigger `inbox-2`",
        ),
    ] {
        let trigger = TriggerConfig::custom(Unbound(error));
        let builder = Runtime::builder().process("p", config([trigger]), |_: Text| async {});
        let error = builder.start().await.expect_err("a source without its resource");
        let [problem] = error.problems() else { panic!("{error}") };
        assert_eq!(problem.kind(), ProblemKind::Bind);
        assert!(problem.to_string().ends_with(text), "{problem}");
    }
}

#[test]
fn resource_that_two_triggers_claim_is_a_problem_of_the_start() {
    let [runtime, process] = ["one-of-a-runtime", "one-of-a-process"];
    for (triggers, conflict) in [
        ([("p", runtime), ("q", runtime)], Some("`q` at")),
        ([("p", runtime), ("p", runtime)], Some("`p` at")),
        ([("p", process), ("p", process)], Some("`p` at")),
        ([("p", process), ("q", process)], None),
        ([("p", runtime), ("p", process)], None),
        ([("p", runtime), ("q", "other")], None),
    ] {
        let of = |process: &str| {
            let own = triggers.iter().filter(|(name, _)| *name == process);
            config(
                own.map(|(_, feed)| TriggerConfig::custom(Feed::new(feed)))
                    .chain([TriggerConfig::event("e")]),
            )
        };
        let builder = Runtime::builder().process("p", of("p"), |_: Text| async {});
        let checked = builder.process("q", of("q"), |_: Text| async {}).check();
        let error = checked.err().map(|error| error.to_string()).unwrap_or_default();
        match conflict {
            None => assert_eq!(error, "", "{triggers:?}"),
            Some(place) => {
                assert!(error.contains(place) && error.contains("needs the feed for itself"), "{error}")
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_source_at_its_end_keeps_nothing_from_ending() -> Result {
    for step in ["refuse", "close"] {
        let logs = Logs::capture();
        let broken = Feed { panics_in: step, ..Feed::new("broken") };
        let sound = Feed::new("sound");
        let runtime = ignoring([broken.clone(), sound.clone()]).start().await?;
        broken.send("1").await;
        sound.send("2").await;
        let report = runtime.shutdown().await;
        assert_eq!((report.completed, report.left), (2, 0), "{step}");
        assert!(sound.calls.lock().expect("the calls").iter().any(|call| call == "close sound"));
        assert!(!logs.with("feed-broken").is_empty(), "{step}");
    }
    Ok(())
}

/// A source with two tasks: one offers an event each second and never ends, the other panics.
struct Ticker;

impl TriggerSource for Ticker {
    fn kind(&self) -> &'static SourceKind {
        static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
        &TICKER
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("1s")
    }

    fn accept(&self, cx: &SourceContext) {
        let (sink, mut ticks) = (cx.sink().clone(), tokio::time::interval(Duration::from_secs(1)));
        cx.spawn(async move {
            loop {
                ticks.tick().await;
                sink.send(Draft::new("tick", "null")).await;
            }
        });
        cx.spawn(async { panic!("a task of the ticker") });
    }

    fn left(&self) -> usize {
        4
    }

    fn status(&self, status: &mut TriggerStatus) {
        status.queue_size += 4;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_source_run_until_it_has_refused() -> Result {
    let logs = Logs::capture();
    let runtime = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .source("p", Ticker)
        .start()
        .await?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    until("three ticks are handled", || status(&runtime).handled == 3).await;
    assert_eq!(logs.with("a task of the ticker").len(), 1, "it is logged, and the other task runs on");
    assert_eq!(status(&runtime).triggers[0].queue_size, 4, "what the source itself holds");
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (0, 4), "what the source has not offered is left");
    assert_eq!(began.elapsed(), Duration::ZERO, "an endless task does not hold up the drain");
    assert_eq!(alive_tasks(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn standalone_trigger_has_the_events_of_a_custom_source_after_each_start() -> Result {
    let trigger = StandaloneTrigger::new(TriggerConfig::custom(Ticker)).with(|config| config.id("ticks"));
    for start in 1..=2 {
        trigger.start().await?;
        let event = timeout(Duration::from_secs(9), trigger.wait_for_next()).await??;
        assert_eq!((event.trigger_id(), event.kind().as_str()), ("ticks", "ticker"), "start {start}");
        trigger.stop().await;
        assert_eq!(alive_tasks(), 0, "start {start}");
        assert!(matches!(trigger.wait_for_next().await, Err(TriggerError::Stopped)));
    }
    assert_eq!(trigger.local_addr(), None);
    Ok(())
}

#[tokio::test]
async fn standalone_trigger_calls_its_source_as_a_runtime_does() {
    for (fails_to, expected) in [
        ("", &["bind", "open", "accept", "refuse", "close"][..]),
        ("bind", &["bind", "refuse", "close", "refuse", "close"]),
        ("open", &["bind", "open", "refuse", "close", "refuse", "close"]),
    ] {
        let calls = Calls::default();
        let trigger =
            StandaloneTrigger::new(TriggerConfig::custom(Feed { fails_to, ..Feed::of("a", &calls) }));
        assert_eq!(trigger.start().await.is_ok(), fails_to.is_empty());
        trigger.stop().await;
        let calls = std::mem::take(&mut *calls.lock().expect("the calls"));
        assert_eq!(calls, expected.iter().map(|call| format!("{call} a")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn source_of_a_standalone_trigger_has_its_bus_and_its_broker() -> Result {
    let (bus, broker) = (EventBus::new(), MessageBroker::new());
    let both = |config| StandaloneTrigger::new(config).bus(&bus).broker(&broker);
    let (event, message) = (both(TriggerConfig::event("news")), both(TriggerConfig::message("news.*")));
    event.start().await?;
    message.start().await?;
    bus.emit("news", 1).await?;
    broker.publish("news.today", 2).await?;
    for (trigger, body) in [(&event, "1"), (&message, "2")] {
        let events = trigger.drain_pending();
        assert_eq!(events.iter().map(TriggerEvent::raw).collect::<Vec<_>>(), [body]);
        assert_eq!((trigger.status().accepted, trigger.status().queue_size), (1, 0));
    }
    Ok(())
}

/// A source whose clones in one runtime share a counter.
struct Counted(Arc<Mutex<Vec<usize>>>);

impl TriggerSource for Counted {
    fn kind(&self) -> &'static SourceKind {
        static COUNTED: SourceKind = SourceKind::new("counted", "an event that is counted");
        &COUNTED
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn accept(&self, cx: &SourceContext) {
        let counter = cx.shared::<Mutex<usize>>();
        let mut count = counter.lock().expect("the counter");
        *count += 1;
        self.0.lock().expect("the counts").push(*count);
    }
}

#[tokio::test(start_paused = true)]
async fn sources_of_one_runtime_share_values_and_those_of_two_do_not() -> Result {
    let counts = Arc::default();
    let start = || {
        let process = |name| (name, config([TriggerConfig::custom(Counted(Arc::clone(&counts)))]));
        let [(p, of_p), (q, of_q)] = ["p", "q"].map(process);
        let builder = Runtime::builder().process(p, of_p, |_: TriggerEvent| async {});
        builder.process(q, of_q, |_: TriggerEvent| async {}).start()
    };
    let _runtimes = (start().await?, start().await?);
    assert_eq!(*counts.lock().expect("the counts"), [1, 2, 1, 2]);
    Ok(())
}
