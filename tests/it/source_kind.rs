//! A kind of source that a program adds, in one file: it is described, checked, configured, attached, started, drained and
//! accounted as the built-in kinds are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use triggers::{
    Attempt, BoxSource, Claim, ConfigErrorKind, DeadLetter, Draft, Frame, Headers, Offered, Outcome,
    ProcessConfig, Result, Runtime, Setting, Sink, SourceContext, SourceKind, StandaloneTrigger, Text,
    Trigger, TriggerConfig, TriggerError, TriggerEvent, TriggerSource, TriggerStatus, handlers, on_event,
    on_source, source_kind,
};

use crate::common::{assert_balanced, config, status};
use crate::until::until;

source_kind! {
    /// A feed of entries.
    static FEED: SourceKind = SourceKind::new("feed", "an entry of a feed").queue(3).settings(
        &[
            Setting::text("feed_name", "the name of the feed"),
            Setting::duration("every", "the time between two looks").default("1m"),
            Setting::number("entries", "how many entries a look may bring").default("20"),
            Setting::size("entry_limit", "the largest entry").default("1KiB"),
        ],
        |settings| {
            let (every, entries) = (settings.duration("every")?, settings.number("entries")?);
            let limit = settings.size("entry_limit")?;
            let name = match settings.text("feed_name")? {
                "values" => format!("{every:?} {entries} {limit}"),
                name => name.to_owned(),
            };
            Ok(BoxSource::new(registered(name.leak())))
        },
    );
}

/// Returns the feed that a test has registered under this name, or a new one.
fn registered(name: &'static str) -> Feed {
    let feeds = REGISTERED.lock().expect("the feeds");
    feeds.iter().find(|feed| feed.name == name).cloned().unwrap_or_else(|| Feed::new(name))
}

/// The feeds that configurations name, so that a test can write to them.
static REGISTERED: Mutex<Vec<Feed>> = Mutex::new(Vec::new());

/// A feed that the test writes to. It notes each call of the runtime.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    pub(crate) name: &'static str,
    pub(crate) calls: Calls,
    pub(crate) sink: Arc<Mutex<Option<Sink>>>,
    pub(crate) fails_to: &'static str,
    pub(crate) panics_in: &'static str,
    /// The number of entries that it refused, by reason.
    pub(crate) refused: Arc<Mutex<BTreeMap<Cow<'static, str>, u64>>>,
}

pub(crate) type Calls = Arc<Mutex<Vec<String>>>;

impl Feed {
    pub(crate) fn new(name: &'static str) -> Feed {
        Feed { name, ..Feed::default() }
    }

    pub(crate) fn of(name: &'static str, calls: &Calls) -> Feed {
        Feed { name, calls: Arc::clone(calls), ..Feed::default() }
    }

    fn note(&self, call: &str) -> Result<(), TriggerError> {
        self.calls.lock().expect("the calls").push(format!("{call} {}", self.name));
        assert_ne!(self.panics_in, call, "a panic of the feed");
        if self.fails_to == call { Err(TriggerError::failed("no such feed")) } else { Ok(()) }
    }

    fn sink(&self) -> Sink {
        self.sink.lock().expect("the sink").clone().expect("a source that accepts")
    }

    pub(crate) async fn send(&self, entry: &str) -> Offered {
        self.sink().send(Draft::new("entry", entry.to_owned()).attribute("author", "ada")).await
    }
}

/// Asserts that a status has what the feed refused, and that its JSON has it as an object.
#[track_caller]
fn assert_refused(status: &TriggerStatus, expected: &[(&str, u64)]) {
    let refused: Vec<_> = status.refused.iter().map(|(reason, count)| (&**reason, *count)).collect();
    assert_eq!(refused, expected);
    let json = serde_json::to_value(status).expect("JSON");
    let object = (!expected.is_empty()).then(|| json!(status.refused));
    assert_eq!(json.get("refused"), object.as_ref());
}

impl TriggerSource for Feed {
    fn kind(&self) -> &'static SourceKind {
        &FEED
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn claims(&self) -> Vec<Claim> {
        match self.name {
            "one-of-a-runtime" => vec![Claim::of_runtime("the feed"), Claim::of_runtime("the file /feed")],
            "one-of-a-process" => vec![Claim::of_process("the feed")],
            _ => Vec::new(),
        }
    }

    async fn bind(&self, _: &SourceContext) -> Result<(), TriggerError> {
        self.note("bind")
    }

    async fn open(&self, cx: &SourceContext) -> Result<(), TriggerError> {
        assert!(!cx.sink().is_open());
        self.note("open")
    }

    fn accept(&self, cx: &SourceContext) {
        assert!(cx.sink().is_open());
        *self.sink.lock().expect("the sink") = Some(cx.sink().clone());
        self.note("accept").expect("it cannot fail");
    }

    async fn refuse(&self) {
        self.note("refuse").expect("it cannot fail");
    }

    async fn close(&self) {
        self.note("close").expect("it cannot fail");
    }

    fn status(&self, status: &mut TriggerStatus) {
        status.refused = self.refused.lock().expect("the counts").clone();
    }
}

#[tokio::test(start_paused = true)]
async fn event_of_a_custom_source_has_what_every_event_has() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let feed = Feed::new("news");
    let runtime = Runtime::builder()
        .process(
            "p",
            ProcessConfig::new().trigger(TriggerConfig::custom(feed.clone())).retry(1),
            move |event: TriggerEvent, attempt: Attempt| {
                let (sender, again) = (sender.clone(), attempt.number() == 1);
                async move {
                    drop(sender.send(event));
                    if again { Outcome::Retry(Duration::from_secs(1)) } else { Outcome::Done }
                }
            },
        )
        .start()
        .await?;
    let Offered::Queued(id) = feed.send(r#"{"title": "rust"}"#).await else { panic!("not queued") };
    let (first, second) = (seen.recv().await.expect("an event"), seen.recv().await.expect("its retry"));
    assert_eq!((first.id(), second.id()), (id, id));
    assert_eq!((first.trigger_id(), first.kind().as_str()), ("feed-news", "feed"));
    assert_eq!(first.payload(), &json!({"title": "rust"}));
    assert_eq!(first.metadata()["author"], "ada");
    assert_eq!(first.frame().name(), "entry");
    let report = runtime.shutdown().await;
    assert_eq!(report.left, 0);
    let status = status(&runtime);
    assert_balanced(&status);
    assert_eq!((status.handled, status.retried), (1, 1));
    assert_eq!((status.triggers[0].kind, status.triggers[0].pattern.as_str()), (FEED.kind(), "news"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn status_has_what_a_source_refused_by_reason() -> Result {
    let (feed, alone) = (Feed::new("news"), Feed::new("alone"));
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::custom(feed.clone())]), |_: Text| async {})
        .start()
        .await?;
    let trigger = StandaloneTrigger::new(TriggerConfig::custom(alone.clone()));
    trigger.start().await?;
    assert_refused(&status(&runtime).triggers[0], &[]);
    assert_refused(&trigger.status(), &[]);
    for feed in [&feed, &alone] {
        let mut refused = feed.refused.lock().expect("the counts");
        refused.insert(Cow::Borrowed("too_old"), 2);
        refused.insert(Cow::Owned("spam".to_owned()), 1);
    }
    let expected = [("spam", 1), ("too_old", 2)];
    assert_refused(&status(&runtime).triggers[0], &expected);
    assert_refused(&runtime.handle().status().processes[0].triggers[0], &expected);
    assert_refused(&trigger.status(), &expected);
    trigger.stop().await;
    runtime.shutdown().await;
    assert_refused(&status(&runtime).triggers[0], &expected);
    Ok(())
}

#[tokio::test]
async fn source_is_described_as_its_kind() {
    let trigger = TriggerConfig::custom(Feed::new("news")).queue_bytes(1024);
    let builder = Runtime::builder().process("p", config([trigger]), |_: Text| async {});
    let description = builder.describe();
    let text = description.to_string();
    assert!(
        text.contains("feed") && text.contains("news  id feed-news, queue 3, queue_bytes 1KiB"),
        "{text}"
    );
    let json = serde_json::to_value(&description).expect("JSON");
    let trigger = &json["processes"][0]["triggers"][0];
    assert_eq!(
        (&trigger["type"], &trigger["pattern"], &trigger["queue"]),
        (&json!("feed"), &json!("news"), &json!(3))
    );
    let source = &description.processes[0].triggers[0].source;
    assert_eq!(
        (source.kind, source.pattern.as_str(), source.setting("feed_name")),
        (FEED.kind(), "news", None)
    );
}

#[tokio::test]
async fn argument_that_no_entry_has_is_a_problem_of_the_start() {
    let trigger = TriggerConfig::custom(Feed::new("news"));
    let builder = Runtime::builder().process("p", config([trigger]), |_: Headers| async {});
    let error = builder.check().expect_err("an argument of webhooks").to_string();
    assert!(error.contains("comes only with a webhook request, not with an entry of a feed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn source_for_a_process_that_is_not_there_is_a_problem_of_the_start() {
    let error = Runtime::builder().source("nobody", Feed::new("news")).check().expect_err("no process");
    let error = error.to_string();
    assert!(
        error.contains("`feed-news` at tests/it/source_kind.rs:") && error.contains("`nobody`"),
        "{error}"
    );
}

/// A process as a file has it.
fn from_toml(text: &str) -> Result<ProcessConfig, toml::de::Error> {
    toml::from_str(text)
}

#[tokio::test(start_paused = true)]
async fn configuration_in_toml_has_triggers_of_a_linked_kind() -> Result {
    let feed = Feed::new("from-toml");
    REGISTERED.lock().expect("the feeds").push(feed.clone());
    let config = from_toml(
        r#"
        retry = 2

        [[triggers]]
        type = "feed"
        feed_name = "from-toml"
        every = "5s"
        overflow = "reject"

        [[triggers]]
        type = "event"
        event_type = "news"
        "#,
    )?;
    let runtime = Runtime::builder().process("p", config, |_: Text| async {}).start().await?;
    assert!(matches!(feed.send("1").await, Offered::Queued(_)));
    runtime.bus().emit("news", "2").await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (2, 0));
    let status = status(&runtime);
    assert_balanced(&status);
    let [of_feed, of_bus] = &status.triggers[..] else { panic!("{status:?}") };
    assert_eq!((of_feed.id.as_str(), of_feed.capacity, of_feed.accepted), ("feed-from-toml", 3, 1));
    assert_eq!((of_bus.id.as_str(), of_bus.accepted), ("event-news", 1));
    Ok(())
}

#[test]
fn settings_of_a_linked_kind_are_checked_as_those_of_the_built_in_kinds() {
    use ConfigErrorKind::{Invalid, Missing, OutOfRange, UnknownKey, WrongType};
    for (trigger, kind, field, parts) in [
        (json!({"type": "fed"}), Invalid, "type", &["did you mean `feed`?", "webhook"][..]),
        (json!({"type": "feed"}), Missing, "feed_name", &["the name of the feed", "`feed_name = \"..\"`"]),
        (
            json!({"type": "feed", "feed_nme": "a"}),
            UnknownKey,
            "feed_nme",
            &["did you mean `feed_name`?", "entry_limit", "overflow"],
        ),
        (json!({"type": "feed", "name": "a"}), UnknownKey, "name", &["did you mean `feed_name`?"]),
        (
            json!({"type": "feed", "feed_name": 7}),
            WrongType,
            "feed_name",
            &["use a string", "the name of the feed"],
        ),
        (json!({"type": "feed", "feed_name": "a", "every": "5"}), Invalid, "every", &["5"]),
        (json!({"type": "feed", "feed_name": "a", "every": 5}), WrongType, "every", &["use a duration"]),
        (
            json!({"type": "feed", "feed_name": "a", "entries": -1}),
            OutOfRange,
            "entries",
            &["a whole number"],
        ),
        (json!({"type": "feed", "feed_name": "a", "entry_limit": "1KX"}), Invalid, "entry_limit", &["1KX"]),
        (json!({"type": "feed", "feed_name": "a", "queue": 0}), OutOfRange, "queue", &["1 to"]),
        (
            json!({"type": "feed", "feed_name": "a", "webhook_port": 1}),
            UnknownKey,
            "webhook_port",
            &["a trigger of type `feed`"],
        ),
    ] {
        let error = TriggerConfig::try_from(trigger.clone()).expect_err("a wrong setting");
        assert_eq!((error.kind(), error.field()), (kind, field), "{trigger}: {error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{trigger}: {error} lacks {part}");
        }
    }
}

#[test]
fn settings_that_are_left_out_have_the_defaults_of_their_kind() -> Result {
    for (trigger, id) in [
        (json!({"type": "feed", "feed_name": "values"}), "feed-60s 20 1024"),
        (
            json!({"type": "feed", "feed_name": "values", "every": "5s", "entries": 1, "entry_limit": "2KiB"}),
            "feed-5s 1 2048",
        ),
    ] {
        let builder =
            Runtime::builder().process("p", config([serde_json::from_value(trigger)?]), |_: Text| async {});
        assert_eq!(builder.describe().processes[0].triggers[0].id, id);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_and_dead_letter_of_a_linked_kind_are_read_as_they_were_written() -> Result {
    let feed = Feed::new("codec");
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::custom(feed.clone())]), |_: Text| async {
            Outcome::reject("not today")
        })
        .start()
        .await?;
    feed.send("no JSON \u{0}").await;
    until("it is rejected", || status(&runtime).dead_lettered == 1).await;
    let dead_letter = runtime.dead_letters().list().await.remove(0);
    let frame = Frame::decode(&dead_letter.event.frame().encode())?;
    assert_eq!((&frame, frame.kind().as_str()), (dead_letter.event.frame(), "feed"));
    let read: TriggerEvent = serde_json::from_value(serde_json::to_value(&dead_letter.event)?)?;
    assert_eq!(
        (read.kind(), read.raw(), read.id()),
        (FEED.kind(), dead_letter.event.raw(), dead_letter.event.id())
    );
    assert_eq!(read.frame().name(), "entry");
    let again = DeadLetter::new(read, "p", dead_letter.reason, "again");
    assert_eq!(again.event.metadata()["author"], "ada");
    Ok(())
}

fn feed_from(name: &'static str) -> Result<Feed, String> {
    if name.is_empty() { Err("a feed needs a name".to_owned()) } else { Ok(Feed::new(name)) }
}

#[on_source(Feed::new("news"), id = "the-news", queue = 7, filter = |event: &TriggerEvent| event.raw() != "2")]
#[on_event("news")]
async fn read(entry: Text) {
    drop(entry);
}

#[on_source(feed_from(""))]
async fn read_nothing(_entry: Text) {}

#[on_source(feed_from("weather"))]
async fn read_weather(_entry: Text) {}

#[tokio::test(start_paused = true)]
async fn attribute_attaches_a_source_beside_other_triggers() -> Result {
    let runtime = Runtime::builder().handlers(handlers![read, read_weather]).start().await?;
    runtime.bus().emit("news", "from the bus").await?;
    until("it is handled", || status(&runtime).handled == 1).await;
    let triggers = status(&runtime).triggers;
    let ids: Vec<_> = triggers.iter().map(|trigger| (trigger.id.as_str(), trigger.capacity)).collect();
    assert_eq!(ids, [("the-news", 7), ("event-news", 100)]);
    assert_eq!(triggers[0].filter.as_deref(), Some(r#"|event: &TriggerEvent| event.raw() != "2""#));
    assert_eq!(runtime.status().processes[1].triggers[0].id, "feed-weather");
    Ok(())
}

#[tokio::test]
async fn source_that_cannot_be_made_is_a_problem_with_the_place_of_its_handler() {
    let error = Runtime::builder().handlers(handlers![read_nothing]).check().expect_err("no source");
    let error = error.to_string();
    assert!(error.contains("read_nothing` at tests/it/source_kind.rs:"), "{error}");
    assert!(
        error.contains(
            "field `on_source`: \"feed_from(\\\"\\\")\": it could not be made: a feed needs a name"
        ),
        "{error}"
    );
}
