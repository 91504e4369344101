//! Messages of the broker.

use std::ops::Deref;

use trigger_grammar::kind;

use super::subscription::SubscriptionSource;
use crate::declare::{BoxSource, SourceKind, TriggerConfig};
use crate::event::{MESSAGE_FORM, SENDER, TriggerKind};
use crate::process::handler::{Context, FromTrigger, Rejection};

/// Messages whose topic matches a pattern.
pub static MESSAGE: SourceKind = SourceKind::of(MESSAGE_FORM)
    .settings(kind::MESSAGE.settings, |settings| {
        let pattern = settings.text("topic")?;
        Ok(BoxSource::new(SubscriptionSource::new(&MESSAGE, pattern, None, |cx| cx.broker().routes())))
    })
    .claims(kind::MESSAGE.claims);

impl TriggerConfig {
    /// Returns a trigger for messages whose topic matches this pattern.
    pub fn message(topic: impl Into<String>) -> TriggerConfig {
        TriggerConfig::of(&MESSAGE).setting("topic", topic.into())
    }
}

/// The sender of a message, set by its publisher.
///
/// ```
/// # use trigger_core::Sender;
/// async fn log(sender: Option<Sender>) {
///     println!("{}", sender.map_or("unknown".to_owned(), |sender| sender.0));
/// }
/// # drop(log(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(pub String);

impl FromTrigger for Sender {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Message]);

    fn from_trigger(cx: &Context<'_>) -> Result<Sender, Rejection> {
        let sender = cx.event.frame.attribute(SENDER);
        sender
            .map(|sender| Sender(sender.to_owned()))
            .ok_or_else(|| Rejection::absent("the message has no sender"))
    }
}

impl Deref for Sender {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
