//! The message broker. It carries messages to the triggers whose pattern matches the topic.

use std::future::IntoFuture;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::process::handler::{Context, FromTrigger, Rejection};
use crate::source::publish::{Channel, Publication, PublishError, Published, Publishing};
use crate::source::routes::Routes;

/// The message broker. It carries messages from publishers to the triggers whose pattern matches the topic. A clone is
/// a handle to the same broker.
///
/// ```
/// # use trigger_core::{MessageBroker, MessageTrigger, Trigger};
/// # async fn example() -> trigger_core::Result {
/// let broker = MessageBroker::new();
/// let reports = MessageTrigger::new(&broker, "reports.*");
/// reports.start().await?;
/// broker.publish("reports.daily", "all well").sender("report-generator").await?;
/// assert_eq!(reports.wait_for_next().await?.payload()["topic"], "reports.daily");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MessageBroker {
    routes: Arc<Routes>,
}

impl MessageBroker {
    /// Returns a new broker. Two brokers share no messages.
    pub fn new() -> MessageBroker {
        MessageBroker::default()
    }

    /// Publishes a message once the result is awaited. `content` is written as JSON. Bytes, such as `Bytes` or
    /// `Vec<u8>`, are refused; publish them with [`publish_raw`](Self::publish_raw). A string that holds JSON stays a string,
    /// with a warning in the log.
    pub fn publish<'a>(&'a self, topic: &'a str, content: impl Serialize) -> Publish<'a> {
        self.publication(topic, Publication::encode(&self.routes, Channel::Broker, topic, content))
    }

    /// Publishes a message with encoded content, JSON or not, once the result is awaited.
    pub fn publish_raw<'a>(&'a self, topic: &'a str, content: impl Into<Bytes>) -> Publish<'a> {
        self.publication(topic, Ok(content.into()))
    }

    /// Returns the number of messages so far whose topic matched no subscription. A message counts as matched if only a
    /// filter of a subscription refuses it.
    pub fn unmatched(&self) -> u64 {
        self.routes.unmatched()
    }

    fn publication<'a>(&'a self, name: &'a str, body: Result<Bytes, serde_json::Error>) -> Publish<'a> {
        Publish(Publication {
            routes: &self.routes,
            by: Channel::Broker,
            name,
            body: Some(body),
            author: None,
        })
    }

    pub(crate) fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }
}

impl<'a> Context<'a> {
    /// Sets the broker, in a context for a test.
    pub fn broker(self, broker: MessageBroker) -> Context<'a> {
        self.provide(broker)
    }
}

impl FromTrigger for MessageBroker {
    fn from_trigger(cx: &Context<'_>) -> Result<MessageBroker, Rejection> {
        cx.env.provided.get().ok_or_else(|| Rejection::absent("no message broker"))
    }
}

/// A message that is published once it is awaited. The result is [`Published`].
///
/// # Errors
///
/// [`PublishError`] for an invalid topic, for content that cannot be written as JSON, for a full queue of a trigger
/// with [`Overflow::Reject`](crate::Overflow::Reject), for a wait that would never end, and after the end of the runtime that
/// made the broker.
///
/// # Cancel safety
///
/// As [`Publishing`].
///
/// ```
/// # use trigger_core::MessageBroker;
/// # async fn example() -> trigger_core::Result {
/// let broker = MessageBroker::new();
/// let id = broker.publish("reports.daily", "all well").sender("report-generator").await?.id();
/// println!("published {id}");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited"]
pub struct Publish<'a>(Publication<'a>);

impl Publish<'_> {
    /// Sets the sender of the message.
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.0.author = Some(sender.into().into());
        self
    }
}

impl<'a> IntoFuture for Publish<'a> {
    type Output = Result<Published, PublishError>;
    type IntoFuture = Publishing<'a>;

    fn into_future(self) -> Publishing<'a> {
        Publishing::new(self.0)
    }
}
