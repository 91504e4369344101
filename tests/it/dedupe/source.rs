//! What a source has of the dedupe of its runtime.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use triggers::{
    Claimed, Dedupe, DedupeCounts, DedupeError, DedupeId, Draft, EventId, MemoryDedupe, Offered, Overflow,
    Result, Runtime, SourceContext, SourceKind, StandaloneTrigger, StoreError, Text, Trigger, TriggerConfig,
    TriggerSource,
};

use super::fake::Fake;
use crate::common::{assert_balanced, config, gated, status};

static POST: SourceKind = SourceKind::new("post", "a delivery").queue(1).overflow(Overflow::Reject);

/// Deliveries with an id.
#[derive(Clone, Default)]
struct Post {
    name: &'static str,
    window: Option<Duration>,
    context: Arc<Mutex<Option<SourceContext>>>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivered {
    Accepted(EventId),
    Duplicate(EventId),
    Refused,
}

impl Post {
    fn new(name: &'static str) -> Post {
        Post { name, ..Post::default() }
    }

    fn context(&self) -> SourceContext {
        self.context.lock().expect("the context").clone().expect("a source that accepts")
    }

    async fn deliver(&self, id: &str) -> Result<Delivered, DedupeError> {
        let cx = self.context();
        let dedupe = match self.window {
            Some(window) => cx.dedupe().window(window),
            None => cx.dedupe(),
        };
        Ok(match dedupe.claim(id.as_bytes()).await? {
            Claimed::Duplicate(first) => Delivered::Duplicate(first),
            Claimed::New(claim) => match cx.sink().send(Draft::new("delivery", "1")).await {
                Offered::Queued(id) => {
                    claim.commit(id);
                    Delivered::Accepted(id)
                }
                _ => Delivered::Refused,
            },
        })
    }
}

impl TriggerSource for Post {
    fn kind(&self) -> &'static SourceKind {
        &POST
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn accept(&self, cx: &SourceContext) {
        *self.context.lock().expect("the context") = Some(cx.clone());
    }
}

async fn accepted(post: &Post, id: &str) -> Result<EventId> {
    match post.deliver(id).await? {
        Delivered::Accepted(event) => Ok(event),
        other => Err(format!("{other:?}").into()),
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_delivery_makes_one_event_until_its_window_is_over() -> Result {
    let (post, short) =
        (Post::new("a"), Post { window: Some(Duration::from_secs(10)), ..Post::new("short") });
    let triggers = [&post, &short].map(|post| TriggerConfig::custom(post.clone()).queue(10));
    let runtime = Runtime::builder().process("p", config(triggers), |_: Text| async {}).start().await?;
    assert_eq!(runtime.status().dedupe, None, "no source needs it");
    let (first, other) = (accepted(&post, "1").await?, accepted(&short, "1").await?);
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(short.deliver("1").await?, Delivered::Duplicate(other));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_ne!(accepted(&short, "1").await?, other);
    tokio::time::advance(Duration::from_secs(589)).await;
    assert_eq!(post.deliver("1").await?, Delivered::Duplicate(first));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_ne!(accepted(&post, "1").await?, first);
    let counts = runtime.status().dedupe.expect("the counts");
    assert_eq!((counts.duplicates, counts.in_progress, counts.evicted), (2, 0, 0));
    runtime.shutdown().await;
    let status = status(&runtime);
    assert_balanced(&status);
    assert_eq!(status.handled, 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delivery_that_was_not_accepted_may_be_repeated() -> Result {
    let (post, gate) = (Post::new("a"), Arc::new(Notify::new()));
    let trigger = TriggerConfig::custom(post.clone());
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    let first = accepted(&post, "1").await?;
    crate::until::until("it is handled", || status(&runtime).in_flight == 1).await;
    accepted(&post, "2").await?;
    assert_eq!(post.deliver("3").await?, Delivered::Refused);
    gate.notify_one();
    crate::until::until("there is room", || status(&runtime).triggers[0].queue_size == 0).await;
    accepted(&post, "3").await?;
    assert_eq!(post.deliver("1").await?, Delivered::Duplicate(first));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn triggers_of_two_processes_do_not_share_their_ids() -> Result {
    let (a, b) = (Post::new("same"), Post::new("same"));
    let runtime = Runtime::builder()
        .process("a", config([TriggerConfig::custom(a.clone())]), |_: Text| async {})
        .process("b", config([TriggerConfig::custom(b.clone())]), |_: Text| async {})
        .start()
        .await?;
    let (first, second) = (accepted(&a, "1").await?, accepted(&b, "1").await?);
    assert_eq!(a.deliver("1").await?, Delivered::Duplicate(first));
    assert_eq!(b.deliver("1").await?, Delivered::Duplicate(second));
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runtime_uses_the_dedupe_that_the_builder_gives() -> Result {
    let given = Fake::new();
    let mut events = Vec::new();
    // The second runtime knows the deliveries of the first one.
    for _ in 0..2 {
        let post = Post::new("a");
        let builder = Runtime::builder().dedupe(given.clone());
        let trigger = TriggerConfig::custom(post.clone());
        let runtime = builder.process("p", config([trigger]), |_: Text| async {}).start().await?;
        assert_eq!(runtime.status().dedupe, Some(given.counts()));
        events.push(post.deliver("1").await?);
        runtime.shutdown().await;
    }
    let Delivered::Accepted(first) = events[0] else { panic!("{events:?}") };
    assert_eq!(events[1], Delivered::Duplicate(first));
    assert_eq!((given.counts().entries, given.counts().duplicates), (1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn standalone_trigger_remembers_its_deliveries() -> Result {
    let post = Post::new("alone");
    let trigger = StandaloneTrigger::new(TriggerConfig::custom(post.clone()).queue(5));
    trigger.start().await?;
    let first = accepted(&post, "1").await?;
    assert_eq!(post.deliver("1").await?, Delivered::Duplicate(first));
    assert_eq!(trigger.drain_pending().len(), 1);
    trigger.stop().await;
    Ok(())
}

/// Panics, or fails.
struct Broken {
    panics: bool,
}

impl Dedupe for Broken {
    fn claim<'a>(
        &'a self,
        _: DedupeId<'a>,
        _: SystemTime,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 'a>> {
        assert!(!self.panics, "out of cheese");
        Box::pin(async { Err(StoreError::new("the disk is gone")) })
    }

    fn counts(&self) -> DedupeCounts {
        assert!(!self.panics, "out of cheese");
        DedupeCounts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn failure_and_panic_of_a_dedupe_are_errors_of_the_claim() -> Result {
    for (panics, text) in [(true, "the claim of an id panicked: out of cheese"), (false, "the disk is gone")]
    {
        let post = Post::new("a");
        let builder = Runtime::builder().dedupe(Broken { panics });
        let trigger = TriggerConfig::custom(post.clone());
        let runtime = builder.process("p", config([trigger]), |_: Text| async {}).start().await?;
        let error = post.deliver("1").await.expect_err("a failure").to_string();
        assert!(error.starts_with(text), "{error}");
        assert_eq!(post.deliver("").await, Err(DedupeError::Empty));
        assert_eq!(runtime.status().dedupe.is_none(), panics);
        runtime.shutdown().await;
    }
    Ok(())
}

#[test]
fn counts_are_in_the_status_as_json() {
    let json = serde_json::to_value(MemoryDedupe::new().counts()).expect("JSON");
    let expected =
        serde_json::json!({"entries": 0, "bytes": 0, "in_progress": 0, "duplicates": 0, "evicted": 0});
    assert_eq!(json, expected);
}
