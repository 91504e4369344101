//! Connections: any bytes are answered, refused or closed, within the time limits.

use std::time::Duration;

use http::{HeaderName, StatusCode};
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time::timeout;
use trigger_core::TriggerConfig;

use crate::rules::signature::OwnVerifier;
use crate::server::in_memory::{End, IN_MEMORY, exchange};
use crate::verify::Verify;

/// The time after which a connection hangs. No limit of a server is as long, also not for several requests in order.
const HANGS: Duration = Duration::from_secs(24 * 60 * 60);

/// The bytes of a connection are answered, and each answer is one of HTTP. The server closes in time, and each event was
/// accepted by an answer.
///
/// The lowest bit of the first byte is how the client ends, the others select the settings of the webhook. The rest is sent.
pub fn connections(input: &[u8]) {
    let Some((options, sent)) = input.split_first() else { return };
    let end = if options & 1 == 0 { End::Closes } else { End::Waits };
    let Ok(runtime) = Builder::new_current_thread().enable_time().start_paused(true).build() else {
        panic!("no runtime");
    };
    let exchanged =
        runtime.block_on(async { timeout(HANGS, exchange(config(options >> 1), sent, end)).await });
    let Ok((answers, events)) = exchanged else { panic!("the connection hangs") };
    // The answer to a `HEAD` has the length of a body, and none.
    let is_bodiless = contains(sent, b"HEAD ");
    let accepted = parse(&answers, is_bodiless);
    assert!(events.len() >= accepted, "{accepted} accepted, {} events", events.len());
    // A batch has several events for one answer.
    assert!(accepted > 0 || events.is_empty(), "{} events without an answer", events.len());
}

fn config(number: u8) -> TriggerConfig {
    let config = TriggerConfig::of(&IN_MEMORY);
    match number % 8 {
        0 => config,
        1 => config.setting("webhook_host", "127.0.0.1"),
        2 => config.setting("gzip", true),
        3 => config.setting("form_field", "payload"),
        4 => config.setting("cloudevents", "batch"),
        5 => {
            let verify = Verify::github(["s3cret"]).unwrap_or_else(|error| panic!("{error}"));
            config.value("verify", OwnVerifier::new(verify))
        }
        6 => config.setting("head_limit", "100B").setting("header_count", 3).setting("target_limit", "20B"),
        _ => config.setting("rate_per_client", "2/s").setting("accepted", 200),
    }
}

/// Parses answers. Returns the number of those that accepted a new event.
fn parse(mut rest: &[u8], is_bodiless: bool) -> usize {
    let mut accepted = 0;
    while !rest.is_empty() {
        let Some(end) = rest.windows(4).position(|end| end == b"\r\n\r\n") else {
            panic!("an answer without an end: {}", rest.escape_ascii());
        };
        let (head, behind) = (&rest[..end], &rest[end + 4..]);
        let Ok(head) = str::from_utf8(head) else { panic!("a head that is no text") };
        let (status, length) = parse_head(head);
        let has_none = status.is_informational() || (is_bodiless && !behind.starts_with(b"{"));
        let length = if has_none { 0 } else { length };
        let Some((body, behind)) = behind.split_at_checked(length) else {
            panic!("an answer without its body")
        };
        if length > 0 {
            let Ok(body) = serde_json::from_slice::<Value>(body) else {
                panic!("a body that is not JSON: {head}")
            };
            accepted += usize::from(body["status"] == "accepted" && body["duplicate"] != true);
        }
        rest = behind;
    }
    accepted
}

/// Returns the status of an answer, and the length of its body.
fn parse_head(head: &str) -> (StatusCode, usize) {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|status| StatusCode::from_bytes(status.get(..3)?.as_bytes()).ok());
    let Some(status) = status else { panic!("an answer without a status: {head}") };
    let mut length = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { panic!("a header without a colon: {head}") };
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{head}");
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or_else(|error| panic!("{error}: {head}"));
        }
    }
    (status, length)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
