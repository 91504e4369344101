//! Discord: `{"type":1}` from interactions, and `{"type":0}` from webhook events
//! (docs.discord.com/developers/interactions/overview and docs.discord.com/developers/events/webhook-events).

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::reply::Reply;
use super::request::Request;

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: u64,
    /// A webhook event has the type 1, as the `PING` of an interaction has. Only the event has this field.
    event: Option<IgnoredAny>,
}

#[derive(Serialize)]
struct Pong {
    #[serde(rename = "type")]
    kind: u64,
}

pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    let payload = serde_json::from_slice::<Payload>(request.body).ok()?;
    let reply = match (payload.kind, payload.event) {
        (1, None) => || Reply::json(&Pong { kind: 1 }),
        (0, None) => Reply::no_content,
        _ => return None,
    };
    Some(request.refusal_of_unsigned().unwrap_or_else(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_of_an_interaction_is_answered_with_a_pong() {
        let body = r#"{"application_id":"1","id":"2","token":"t","type":1,"user":{"type":2},"version":1}"#;
        let reply = answer(&Request::post(body)).expect("a handshake");
        assert_eq!((reply.status(), reply.refused, reply.text().as_str()), (200, None, r#"{"type":1}"#));
        assert_eq!(reply.header("content-type"), "application/json");
    }

    #[test]
    fn ping_of_webhook_events_is_answered_with_204_and_no_body() {
        let body = r#"{"version":1,"application_id":"1234560123453231555","type":0}"#;
        let reply = answer(&Request::post(body)).expect("a handshake");
        assert_eq!((reply.status(), reply.refused, reply.text().as_str()), (204, None, ""));
        assert_eq!(reply.header("content-type"), "application/json");
    }

    #[test]
    fn webhook_event_and_command_are_deliveries() {
        for body in [
            r#"{"version":1,"type":1,"event":{"type":"ENTITLEMENT_CREATE","data":{}}}"#,
            r#"{"type":2,"data":{"type":1}}"#,
            r#"{"type":"1"}"#,
            r#"{"type":1.0}"#,
            r#"{"type":-1}"#,
            r#"{"type":2,"type":1}"#,
        ] {
            assert!(answer(&Request::post(body)).is_none(), "{body}");
        }
    }
}
