//! The source that a [`Trigger`] is: its events are taken one at a time, so that the others wait in its own queue.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Sink, SourceContext, TriggerSource};
use crate::declare::{ShownQueue, SourceKind};
use crate::event::{CUSTOM_FORM, TriggerEvent, printable};
use crate::observe::status::TriggerStatus;
use crate::panic::CatchUnwind;
use crate::source::trigger::{Trigger, TriggerError};
use crate::task::BoxFuture;

/// The pause before a custom trigger is polled again after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Events of a [`Trigger`] that the program brings itself. Its own queue holds the other events.
pub(crate) static CUSTOM: SourceKind =
    SourceKind { shown_queue: ShownQueue::Hidden, ..SourceKind::of(CUSTOM_FORM).queue(1) };

/// A [`Trigger`] as a source.
pub(crate) struct Polled<T> {
    trigger: Arc<T>,
    /// The trigger is to stop.
    refused: CancellationToken,
    /// Cancelled once the task that takes its events has ended. Empty before `accept`.
    ended: std::sync::OnceLock<CancellationToken>,
}

impl<T: Trigger> Polled<T> {
    pub(crate) fn new(trigger: T) -> Polled<T> {
        Polled {
            trigger: Arc::new(trigger),
            refused: CancellationToken::new(),
            ended: std::sync::OnceLock::new(),
        }
    }
}

impl<T: Trigger> TriggerSource for Polled<T> {
    fn kind(&self) -> &'static SourceKind {
        &CUSTOM
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn default_id(&self) -> String {
        self.trigger.id().to_owned()
    }

    fn description(&self) -> Cow<'_, str> {
        Cow::Borrowed("a `Trigger`")
    }

    async fn open(&self, _: &SourceContext) -> Result<(), TriggerError> {
        self.trigger.start().await
    }

    fn accept(&self, cx: &SourceContext) {
        let ended = self.ended.get_or_init(CancellationToken::new).clone().drop_guard();
        let (trigger, sink, refused) = (Arc::clone(&self.trigger), cx.sink().clone(), self.refused.clone());
        cx.spawn(async move {
            let _ended = ended;
            take_events(&*trigger, &sink, &refused).await;
            sink.close();
        });
    }

    async fn refuse(&self) {
        self.refused.cancel();
        self.trigger.stop().await;
        // What it still holds is handed out.
        if let Some(ended) = self.ended.get() {
            ended.cancelled().await;
        }
    }

    fn left(&self) -> usize {
        self.trigger.status().queue_size
    }

    fn status(&self, status: &mut TriggerStatus) {
        let mut own = self.trigger.status();
        let handed_out = status.accepted + own.queue_size as u64;
        own.accepted = own.accepted.max(handed_out);
        own.queue_size += status.queue_size;
        own.queue_bytes += status.queue_bytes;
        own.waiting += status.waiting;
        own.publishers_waiting += status.publishers_waiting;
        own.oldest = own.oldest.max(status.oldest);
        *status = own;
    }
}

/// Carries the events of a trigger into a queue, until the trigger is stopped.
async fn take_events(trigger: &impl Trigger, sink: &Sink, refused: &CancellationToken) {
    loop {
        // Capacity first: an event that the task holds while it waits is in no queue, so nothing would count it.
        sink.capacity().await;
        let next: BoxFuture<'_, Result<TriggerEvent, TriggerError>> =
            Box::pin(async { trigger.wait_for_next().await });
        let next = CatchUnwind::new(next).await.unwrap_or_else(|panic| Err(TriggerError::failed(panic)));
        match next {
            Ok(event) => sink.queue().push_taken(event),
            Err(TriggerError::Stopped) => break,
            Err(error) => {
                let error = printable(error.to_string());
                tracing::error!(trigger = trigger.id(), %error, "trigger failed, polling again in 1 s");
                if timeout(FAILURE_PAUSE, refused.cancelled()).await.is_ok() {
                    break;
                }
            }
        }
    }
}
