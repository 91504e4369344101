//! Dead letters as events: those of one process, or of every process.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use trigger_grammar::kind;

use super::{SourceContext, TriggerSource};
use crate::declare::{BoxSource, SourceKind, TriggerConfig};
use crate::event::{DEAD_LETTER_FORM, DEEPEST, DeadLetter, TriggerKind};
use crate::process::dead_letter::{DeadLetters, Subscriber};
use crate::process::handler::{Context, FromTrigger, Rejection};

/// Dead letters. The frame of a dead letter keeps the kind of its own event.
pub static DEAD_LETTER: SourceKind = SourceKind::of(DEAD_LETTER_FORM)
    .settings(kind::DEAD_LETTER.settings, |settings| {
        Ok(BoxSource::new(DeadLetterSource::new(settings.optional_text("process")?)))
    })
    .claims(kind::DEAD_LETTER.claims)
    .refuses(kind::DEAD_LETTER.refuses, None)
    .relays();

impl TriggerConfig {
    /// Returns a trigger for dead letters, by default of every process.
    pub fn dead_letter() -> TriggerConfig {
        TriggerConfig::of(&DEAD_LETTER)
    }

    /// Takes only the dead letters of this process. For dead-letter triggers. The process must exist, and must be another
    /// process than that of the trigger.
    pub fn process(self, process: impl Into<String>) -> TriggerConfig {
        self.setting("process", process.into())
    }
}

struct DeadLetterSource {
    /// Only those of this process.
    process: Option<String>,
    reading: Mutex<Option<(DeadLetters, Subscriber)>>,
}

impl DeadLetterSource {
    fn new(process: Option<&str>) -> DeadLetterSource {
        DeadLetterSource { process: process.map(str::to_owned), reading: Mutex::default() }
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
        &DEAD_LETTER
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.process.as_deref().unwrap_or("*"))
    }

    fn description(&self) -> Cow<'_, str> {
        format!("of {}", self.process.as_deref().unwrap_or("every process")).into()
    }

    fn accept(&self, cx: &SourceContext) {
        let sink = cx.sink().clone();
        let notify = move |dead_letter: &Arc<DeadLetter>| {
            let frame = Arc::new(dead_letter.frame());
            // The dead letter of a loop is one deeper than other events, and a handler gets it. One that is deeper still
            // shows that this handler is in the loop too.
            if frame.depth() > DEEPEST + 1 {
                sink.break_loop(frame);
            } else {
                sink.offer(frame, None);
            }
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

/// The dead letter, in a handler with `#[on_dead_letter]`.
impl FromTrigger for DeadLetter {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::DeadLetter]);

    fn from_trigger(cx: &Context<'_>) -> Result<DeadLetter, Rejection> {
        let absent = || Rejection::absent("only a dead letter comes with the reason for it");
        DeadLetter::of(&cx.event.frame).ok_or_else(absent)
    }
}
