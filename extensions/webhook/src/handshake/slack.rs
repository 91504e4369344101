//! Slack: `{"type":"url_verification","challenge":".."}`, signed as every event is
//! (docs.slack.dev/reference/events/url_verification).

use std::borrow::Cow;

use serde::Deserialize;

use super::reply::Reply;
use super::request::Request;

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Verification {
    challenge: String,
}

pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    let kind = serde_json::from_slice::<Kind<'_>>(request.body).ok()?;
    if kind.kind != "url_verification" {
        return None;
    }
    let reply = || match serde_json::from_slice::<Verification>(request.body) {
        Ok(verification) => Reply::echo(verification.challenge),
        Err(_) => Reply::malformed(),
    };
    Some(request.refusal_of_unsigned().unwrap_or_else(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(body: &str) -> Option<u16> {
        answer(&Request::post(body)).map(|reply| reply.status())
    }

    #[test]
    fn challenge_of_a_url_verification_is_echoed() {
        let body = r#"{
            "token": "Jhj5dZrVaK7ZwHHjRyZWjbDl",
            "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
            "type": "url_verification"
        }"#;
        let reply = answer(&Request::post(body)).expect("a handshake");
        assert_eq!((reply.status(), reply.refused), (200, None));
        assert_eq!(reply.text(), "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }

    #[test]
    fn event_is_no_handshake_even_if_it_has_a_challenge() {
        let event = r#"{"type":"event_callback","event":{"type":"url_verification","challenge":"a"}}"#;
        assert_eq!(status(event), None);
        assert_eq!(status(r#"{"type":"event_callback","challenge":"a"}"#), None);
        assert_eq!(status(r#"{"type":"event_callback","type":"url_verification","challenge":"a"}"#), None);
    }

    #[test]
    fn challenge_that_cannot_be_echoed_is_refused() {
        let long = "x".repeat(1025);
        let quoted = format!("\"{long}\"");
        for challenge in ["7", "null", "[]", "\"\"", r#""a\nb""#, r#""\u0000""#, &quoted] {
            let body = format!(r#"{{"type":"url_verification","challenge":{challenge}}}"#);
            assert_eq!(status(&body), Some(400), "{challenge}");
        }
        assert_eq!(status(r#"{"type":"url_verification"}"#), Some(400));
        assert_eq!(status(r#"{"type":"url_verification","challenge":"a","challenge":"b"}"#), Some(400));
    }
}
