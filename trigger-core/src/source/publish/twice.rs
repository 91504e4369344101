//! A published string that holds JSON. It was encoded before, so its handler gets a string instead of the data in it.

use serde::de::IgnoredAny;
use tracing::Level;

use super::Channel;
use crate::event::topic::Topic;
use crate::source::routes::Routes;

/// Logs a warning if `json`, which is a JSON string, holds an object or a list, once for each name.
#[cold]
pub(super) fn note_string(routes: &Routes, by: Channel, name: &str, json: &[u8]) {
    let may_hold_json = matches!(json, [b'"', b'{' | b'[', ..]);
    // An invalid name is refused later, and may be of any length.
    if !may_hold_json || !tracing::enabled!(Level::WARN) || Topic::parse(name).is_err() {
        return;
    }
    if routes.encoded_twice.is_over(name) || !holds_json(json) {
        return;
    }
    let (what, raw) = match by {
        Channel::Bus => ("event", "emit_raw"),
        Channel::Broker => ("message", "publish_raw"),
    };
    routes.encoded_twice.log(name, || {
        tracing::warn!(
            "the data of the {what} `{name}` is a string that holds JSON, so a `Json<T>` gets a string; publish JSON that is \
             encoded already with `{raw}`"
        );
    });
}

fn holds_json(json: &[u8]) -> bool {
    let text = serde_json::from_slice::<String>(json);
    text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(&text).is_ok())
}
