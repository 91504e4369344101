//! Connections in memory, without a socket.

use trigger_core::{TriggerConfig, TriggerEvent};

use crate::rules::signature::OwnVerifier;
use crate::server::in_memory::{End, IN_MEMORY, exchange};
use crate::verify::{SignedRequest, Verified, Verifier, VerifyError};

/// Accepts only bodies that their signature header repeats.
struct Signed;

impl Verifier for Signed {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        let signature = request.headers.get("x-hub-signature-256");
        let signature = signature.ok_or_else(|| VerifyError::new("signature_missing", "it is missing"))?;
        let is_valid = signature.as_bytes() == request.body
            && (request.method, request.path, request.query) == ("POST", "/in", Some("key=7&ref=main"));
        if is_valid {
            Ok(Verified::new("own"))
        } else {
            Err(VerifyError::new("signature_mismatch", "it is wrong"))
        }
    }

    fn scheme(&self) -> &str {
        "own"
    }
}

/// Serves a request in memory, with a check of signatures. Returns the answer and the events.
async fn signed_exchange(request: &str) -> (String, Vec<TriggerEvent>) {
    let config = TriggerConfig::of(&IN_MEMORY).value("verify", OwnVerifier::new(Signed));
    let (answer, events) = exchange(config, request.as_bytes(), End::Closes).await;
    (String::from_utf8(answer).expect("text"), events)
}

#[tokio::test(start_paused = true)]
async fn stream_in_memory_is_served_as_a_socket_is() {
    let request = "POST /in?key=7&ref=main HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: paid\r\nX-A: 1\r\n\
                   Content-Length: 4\r\n\r\npaid";
    let (answer, events) = signed_exchange(request).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let [event] = &events[..] else { panic!("{} events", events.len()) };
    assert_eq!(event.raw(), "paid");
    assert!(answer.contains(&event.id().to_string()), "{answer}");
    let expected = serde_json::json!({
        "method": "POST", "path": "/in", "query": {"ref": "main"}, "remote": "192.0.2.1",
        "headers": {"host": "a", "x-a": "1", "content-length": "4"},
        "signature_verified": true, "signature_scheme": "own",
    });
    assert_eq!(serde_json::to_value(event.metadata()).expect("an object"), expected);
    assert!(!answer.contains("x-hub"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn verifier_sees_the_secrets_of_head_and_body_after_the_checks_of_the_server() {
    for (head, status, message) in [
        ("Host: a\r\n", 401, "missing or invalid signature"),
        ("Host: a\r\nX-Hub-Signature-256: free\r\n", 401, "missing or invalid signature"),
        ("", 400, "the Host header is missing"),
    ] {
        let request = format!("POST /in?key=7&ref=main HTTP/1.1\r\n{head}Content-Length: 4\r\n\r\npaid");
        let (answer, events) = signed_exchange(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(message), "{answer}");
        assert_eq!(events.len(), 0, "{answer}");
    }
}
