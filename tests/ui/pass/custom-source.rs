//! A source stands beside other triggers, and its expression may be a `Result`.
use std::borrow::Cow;

use triggers::prelude::*;
use triggers::{SourceContext, SourceKind, TriggerSource};

static SILENCE: SourceKind = SourceKind::new("silence", "a silence");

struct Silence;

impl TriggerSource for Silence {
    fn kind(&self) -> &'static SourceKind {
        &SILENCE
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn accept(&self, _: &SourceContext) {}
}

fn silence(from: &str) -> Result<Silence, std::num::ParseIntError> {
    from.parse::<u8>().map(|_| Silence)
}

#[on_source(Silence, queue = 10, overflow = "wait")]
#[on_source(silence("7"), id = "seven")]
#[on_event("noise")]
async fn listen(_event: TriggerEvent) {}

fn main() {
    triggers::check().expect("two sources and an event");
}
