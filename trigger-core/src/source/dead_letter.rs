//! The source of `#[on_dead_letter]`: the letters of one process, or of all.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SourceContext, TriggerSource};
use crate::dead_letter::{DeadLetters, Reader};
use crate::event::{DEAD_LETTER_KIND, DeadLetter, SourceKind};

pub(super) struct DeadLetterSource {
    /// Only those of this process.
    process: Option<String>,
    reading: Mutex<Option<(DeadLetters, Reader)>>,
}

impl DeadLetterSource {
    pub(super) fn new(process: Option<String>) -> DeadLetterSource {
        DeadLetterSource { process, reading: Mutex::default() }
    }

    fn unsubscribe(&self) {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((dead_letters, reader)) = reading {
            dead_letters.tell_no_more(&reader.tell);
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
        let tell = move |letter: &Arc<DeadLetter>| {
            sink.offer(Arc::new(letter.frame()));
        };
        let reader = Reader { process: self.process.clone(), tell: Arc::new(tell) };
        cx.dead_letters().tell(reader.clone());
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((cx.dead_letters().clone(), reader));
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
