//! The source of `#[on_dead_letter]`: the letters of one process, or of all.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SourceContext, TriggerSource};
use crate::dead_letter::{DeadLetters, Subscriber};
use crate::event::{DEAD_LETTER_KIND, DeadLetter, SourceKind};

pub(super) struct DeadLetterSource {
    /// Only those of this process.
    process: Option<String>,
    reading: Mutex<Option<(DeadLetters, Subscriber)>>,
}

impl DeadLetterSource {
    pub(super) fn new(process: Option<String>) -> DeadLetterSource {
        DeadLetterSource { process, reading: Mutex::default() }
    }

    fn unsubscribe(&self) {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((dead_letters, subscriber)) = reading {
            dead_letters.unsubscribe(&subscriber.notify);
        }
    }
}

impl TriggerSource for DeadLetterSource {
    fn kind(&self) -> &'static SourceKind {
        &DEAD_LETTER_KIND
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.process.as_deref().unwrap_or("*"))
    }

    fn accept(&self, cx: &SourceContext) {
        let sink = cx.sink().clone();
        let notify = move |dead_letter: &Arc<DeadLetter>| {
            sink.offer(Arc::new(dead_letter.frame()));
        };
        let subscriber = Subscriber { process: self.process.clone(), notify: Arc::new(notify) };
        cx.dead_letters().subscribe(subscriber.clone());
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((cx.dead_letters().clone(), subscriber));
    }

    async fn close(&self) {
        self.unsubscribe();
    }
}

impl Drop for DeadLetterSource {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}
