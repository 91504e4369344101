//! The trigger of `#[on_dead_letter]`: events that a process has given up on, in a bounded queue.

use std::fmt;
use std::sync::Arc;

use crate::config::{SourceConfig, TriggerConfig};
use crate::dead_letter::{DeadLetters, Reader};
use crate::event::DeadLetter;
use crate::trigger::{Intake, Wiring};

/// Receives the dead letters of one process, or of all.
pub(crate) struct DeadLetterTrigger {
    pub(crate) intake: Arc<Intake>,
    dead_letters: DeadLetters,
    reader: Reader,
}

impl DeadLetterTrigger {
    pub(crate) fn new(
        dead_letters: &DeadLetters,
        config: TriggerConfig,
        wiring: &Wiring,
    ) -> DeadLetterTrigger {
        let process = match &config.source {
            SourceConfig::DeadLetter { process } => process.clone(),
            _ => None,
        };
        // A letter that has no room is kept where all letters are; it is no reason for another one.
        let wiring = Wiring { lost: None, ..wiring.clone() };
        let intake = Arc::new(Intake::new(config, &wiring));
        let tell = {
            let intake = Arc::clone(&intake);
            move |letter: &Arc<DeadLetter>| {
                intake.offer(Arc::new(letter.frame()));
            }
        };
        let reader = Reader { process, tell: Arc::new(tell) };
        DeadLetterTrigger { intake, dead_letters: dead_letters.clone(), reader }
    }

    pub(crate) fn start(&self) {
        self.intake.queue.open();
        self.dead_letters.tell(self.reader.clone());
    }

    pub(crate) fn close(&self) {
        self.dead_letters.tell_no_more(&self.reader.tell);
        self.intake.queue.close();
    }
}

impl fmt::Debug for DeadLetterTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterTrigger").field("intake", &self.intake).finish_non_exhaustive()
    }
}
