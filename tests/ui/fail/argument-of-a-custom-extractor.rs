//! A custom extractor declares the kinds of trigger that provide its value.

use triggers::prelude::*;
use triggers::{Context, FromTrigger, TriggerKind};

struct DeliveryId(String);

impl FromTrigger for DeliveryId {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Headers::AVAILABLE_FOR;

    fn from_trigger(cx: &Context<'_>) -> Result<DeliveryId, Rejection> {
        let headers = Headers::from_trigger(cx)?;
        let id = headers.get("x-delivery").ok_or_else(|| Rejection::absent("no delivery id"))?;
        Ok(DeliveryId(id.to_owned()))
    }
}

#[on_webhook("/push")]
#[on_event("push")]
async fn deploy(DeliveryId(_id): DeliveryId) {}

fn main() {}
