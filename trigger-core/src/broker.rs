//! The message broker: messages by topic, to those whose pattern matches.

use std::future::IntoFuture;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::handler::{Context, FromTrigger, Rejection};
use crate::publish::{Channel, Publication, PublishError, Published, Publishing};
use crate::routes::Routes;

/// Carries messages from those who publish them to the triggers whose pattern matches their topic. A clone is a
/// handle to the same broker.
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
    /// A broker of its own. Two brokers do not see each other.
    pub fn new() -> MessageBroker {
        MessageBroker::default()
    }

    /// Publishes a message once it is awaited. `content` is written as JSON. Bytes, such as `Bytes` or `Vec<u8>`, are
    /// refused: they are for [`publish_raw`](Self::publish_raw).
    pub fn publish<'a>(&'a self, topic: &'a str, content: impl Serialize) -> Publish<'a> {
        self.publication(topic, Publication::encode(content))
    }

    /// Publishes a message whose content is encoded already, as JSON or otherwise, once it is awaited.
    pub fn publish_raw<'a>(&'a self, topic: &'a str, content: impl Into<Bytes>) -> Publish<'a> {
        self.publication(topic, Ok(content.into()))
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

/// A message that is published once it is awaited; the answer is [`Published`].
///
/// # Errors
///
/// [`PublishError`] for an invalid topic, for content that cannot be written as JSON, and where a trigger that
/// rejects has no room.
///
/// # Cancel safety
///
/// As [`Publishing`].
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited"]
pub struct Publish<'a>(Publication<'a>);

impl Publish<'_> {
    /// Says who sends the message.
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
