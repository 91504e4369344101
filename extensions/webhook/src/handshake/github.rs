//! GitHub: a delivery with `X-GitHub-Event: ping`, sent when a webhook is made
//! (docs.github.com/en/webhooks/webhook-events-and-payloads#ping).

use serde::Serialize;

use super::reply::Reply;
use super::request::Request;

#[derive(Serialize)]
struct Pong {
    status: &'static str,
}

/// Answers a `ping`. Its answer depends on nothing in the request, so it needs no signature.
pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    let mut events = request.headers.get_all("x-github-event").iter();
    let is_ping = events.next().is_some_and(|event| event.as_bytes() == b"ping") && events.next().is_none();
    is_ping.then(|| Reply::json(&Pong { status: "ok" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::request::headers;

    fn text(events: &[&'static str]) -> Option<String> {
        let events: Vec<_> = events.iter().map(|event| ("x-github-event", *event)).collect();
        let headers = headers(&events);
        let body = r#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
        let signed = Request { headers: &headers, ..Request::post(body) };
        let reply = answer(&signed).map(|reply| (reply.status(), reply.text()));
        let unsigned = answer(&signed.unsigned()).map(|reply| (reply.status(), reply.text()));
        assert_eq!(reply, unsigned);
        reply.map(|(status, text)| {
            assert_eq!(status, 200);
            text
        })
    }

    #[test]
    fn ping_is_answered_and_every_other_event_is_a_delivery() {
        assert_eq!(text(&["ping"]).as_deref(), Some(r#"{"status":"ok"}"#));
        for events in [&[][..], &["push"], &["PING"], &["ping "], &["ping,push"], &[""]] {
            assert_eq!(text(events), None, "{events:?}");
        }
    }

    #[test]
    fn repeated_event_is_no_handshake() {
        assert_eq!(text(&["ping", "push"]), None);
        assert_eq!(text(&["push", "ping"]), None);
        assert_eq!(text(&["ping", "ping"]), None);
    }
}
