//! The handshakes of webhook senders: requests by which a sender asks if a URL expects its deliveries. The server answers
//! them before any handler, and they are no events.

use http::StatusCode;

mod discord;
mod dropbox;
mod github;
mod graph;
mod meta;
mod query;
mod reply;
mod request;
mod slack;
mod zoom;

pub(crate) use meta::HandshakeError;
pub(crate) use reply::Reply;
pub(crate) use request::Request;

use meta::VerifyTokens;

/// The handshake of one sender, and the status with which this sender wants its deliveries answered.
///
/// A handshake that answers with text from the request echoes at most 1 KiB without control characters, as `text/plain`.
#[derive(Clone, Debug)]
pub(crate) struct Handshake(Sender);

#[derive(Clone, Debug)]
enum Sender {
    Slack,
    Github,
    Discord,
    Zoom,
    Meta(VerifyTokens),
    Graph,
    Dropbox,
}

impl Handshake {
    /// Returns the handshake of Slack: a signed `url_verification`, whose `challenge` is echoed.
    pub(crate) fn slack() -> Handshake {
        Handshake(Sender::Slack)
    }

    /// Returns the handshake of GitHub: a delivery of the event `ping`.
    pub(crate) fn github() -> Handshake {
        Handshake(Sender::Github)
    }

    /// Returns the handshake of Discord: a signed `PING` of its interactions or of its webhook events.
    pub(crate) fn discord() -> Handshake {
        Handshake(Sender::Discord)
    }

    /// Returns the handshake of Zoom: a signed `endpoint.url_validation`, whose `plainToken` is answered with its HMAC.
    pub(crate) fn zoom() -> Handshake {
        Handshake(Sender::Zoom)
    }

    /// Returns the handshake of Meta (Facebook, Instagram, WhatsApp): a `GET` with `hub.challenge`, which is echoed if
    /// `hub.verify_token` is one of these tokens. Several tokens permit a change of the token.
    ///
    /// # Errors
    ///
    /// If there is no token, or if one is empty.
    pub(crate) fn meta<T: AsRef<[u8]>>(
        verify_tokens: impl IntoIterator<Item = T>,
    ) -> Result<Handshake, HandshakeError> {
        VerifyTokens::new(verify_tokens).map(|tokens| Handshake(Sender::Meta(tokens)))
    }

    /// Returns the handshake of Microsoft Graph: a `POST` with the query key `validationToken`, which is echoed. Graph signs
    /// no request.
    pub(crate) fn graph() -> Handshake {
        Handshake(Sender::Graph)
    }

    /// Returns the handshake of Dropbox: a `GET` with the query key `challenge`, which is echoed.
    pub(crate) fn dropbox() -> Handshake {
        Handshake(Sender::Dropbox)
    }

    /// Returns the answer to a handshake, or `None` for an ordinary delivery. Every `GET` to a webhook with
    /// [`takes_get`](Handshake::takes_get) gets an answer.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Option<Reply> {
        match &self.0 {
            Sender::Slack => slack::answer(request),
            Sender::Github => github::answer(request),
            Sender::Discord => discord::answer(request),
            Sender::Zoom => zoom::answer(request),
            Sender::Meta(tokens) => meta::answer(tokens, request),
            Sender::Graph => graph::answer(request),
            Sender::Dropbox => dropbox::answer(request),
        }
    }

    /// Returns `true` if the sender shakes hands with a `GET`, which has no body and no signature. The server answers it
    /// before the signature check. Every other handshake is a `POST`, and is answered after that check.
    pub(crate) fn takes_get(&self) -> bool {
        matches!(self.0, Sender::Meta(_) | Sender::Dropbox)
    }

    /// Returns `true` if the handshake is answered only after its signature was verified, so that a webhook without a
    /// signature check can never complete it.
    pub(crate) fn needs_signature(&self) -> bool {
        matches!(self.0, Sender::Slack | Sender::Discord | Sender::Zoom)
    }

    /// Returns the status that acknowledges a delivery to this sender. Each arm names the document of the sender. A 204 has
    /// no body.
    pub(crate) fn accepted_status(&self) -> StatusCode {
        match self.0 {
            // 2xx for events, and "HTTP 200 OK" for interactions and commands
            // (docs.slack.dev/apis/events-api and docs.slack.dev/interactivity/handling-user-interaction).
            Sender::Slack => StatusCode::OK,
            // "Your server should respond with a 2XX response" (docs.github.com/en/webhooks, best practices).
            Sender::Github => StatusCode::ACCEPTED,
            // 204 without a body, for webhook events (docs.discord.com/developers/events/webhook-events).
            Sender::Discord => StatusCode::NO_CONTENT,
            // 200 or 204; any other status is retried (devsupport.zoom.us, "Webhook delays").
            Sender::Zoom => StatusCode::OK,
            // 200 (developers.facebook.com/docs/graph-api/webhooks/getting-started, "Event Notifications").
            Sender::Meta(_) => StatusCode::OK,
            // 202 for a notification that is kept in a queue
            // (learn.microsoft.com/graph/change-notifications-delivery-webhooks).
            Sender::Graph => StatusCode::ACCEPTED,
            // Each "non-200 response" is sent again (dropbox.com/developers/reference/webhooks).
            Sender::Dropbox => StatusCode::OK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Handshake> {
        let meta = Handshake::meta(["meatyhamhock"]).expect("a token");
        let others = [Handshake::slack(), Handshake::github(), Handshake::discord(), Handshake::zoom()];
        others.into_iter().chain([meta, Handshake::graph(), Handshake::dropbox()]).collect()
    }

    #[test]
    fn only_meta_and_dropbox_shake_hands_with_a_get() {
        let takes: Vec<bool> = all().iter().map(Handshake::takes_get).collect();
        assert_eq!(takes, [false, false, false, false, true, false, true]);
        for handshake in all() {
            let get = Request::get(None);
            assert_eq!(handshake.answer(&get).is_some(), handshake.takes_get(), "{handshake:?}");
        }
    }

    #[test]
    fn each_sender_gets_the_status_that_it_documents() {
        let statuses: Vec<u16> = all().iter().map(|shake| shake.accepted_status().as_u16()).collect();
        assert_eq!(statuses, [200, 202, 204, 200, 200, 202, 200]);
    }

    #[test]
    fn handshakes_that_need_a_signature_are_refused_without_it() {
        let handshake = |body| Request::post(body).unsigned();
        for (name, shake, body) in [
            ("slack", Handshake::slack(), r#"{"type":"url_verification","challenge":"a"}"#),
            ("discord", Handshake::discord(), r#"{"type":1}"#),
            ("discord", Handshake::discord(), r#"{"type":0}"#),
            (
                "zoom",
                Handshake::zoom(),
                r#"{"event":"endpoint.url_validation","payload":{"plainToken":"a"}}"#,
            ),
        ] {
            let reply = shake.answer(&handshake(body)).expect(name);
            assert_eq!((reply.status(), reply.refused), (401, Some("handshake_unsigned")), "{name}");
            assert!(shake.needs_signature(), "{name}");
        }
    }

    #[test]
    fn other_deliveries_and_bodies_that_are_no_json_are_ordinary() {
        for body in
            ["", "{", "[]", "null", "7", "\"url_verification\"", "{}", r#"{"type":7,"event":7}"#, "\u{0}"]
        {
            for shake in all() {
                assert!(shake.answer(&Request::post(body)).is_none(), "{shake:?} answers {body:?}");
                assert!(shake.answer(&Request::post(body).unsigned()).is_none(), "{shake:?}, {body:?}");
            }
        }
    }
}
