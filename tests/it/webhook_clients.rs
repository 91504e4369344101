//! Who may send to a webhook: over a socket, by the requests of `tests/vectors/loopback_guard.json`.

use serde_json::Value;
use triggers::Trigger;

use crate::http::request;
use crate::webhook::{listening, local};

const LOOPBACK_GUARD: &str = include_str!("../vectors/loopback_guard.json");

/// Returns the bytes of the request of a vector.
fn raw(vector: &Value) -> String {
    let target = vector["target"].as_str().unwrap_or("/events");
    let host = vector["host"].as_str().expect("a host");
    let mut head = format!("POST {target} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(origin) = vector["origin"].as_str() {
        head += &format!("Origin: {origin}\r\n");
    }
    for header in vector["other_headers"].as_array().expect("a list") {
        let [name, value] = [0, 1].map(|at| header[at].as_str().expect("a text"));
        head += &format!("{name}: {value}\r\n");
    }
    head + "Content-Length: 2\r\n\r\n{}"
}

#[tokio::test(start_paused = true)]
async fn unsigned_webhook_on_loopback_accepts_requests_that_name_loopback() {
    let (trigger, address) = listening(local()).await;
    let vectors: Value = serde_json::from_str(LOOPBACK_GUARD).expect("JSON");
    let mut judged = 0;
    for vector in vectors["vectors"].as_array().expect("a list") {
        let expected = vector["expect_status"].as_u64().expect("a status");
        // The server does not ask the browser guard yet.
        if ![202, 400].contains(&expected) {
            continue;
        }
        let answer = request(address, raw(vector)).await;
        assert_eq!(u64::from(answer.status), expected, "{}", vector["id"]);
        assert_eq!(trigger.drain_pending().len(), usize::from(expected == 202), "{}", vector["id"]);
        judged += 1;
    }
    assert_eq!(judged, 7);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_permits_no_preflight_of_a_browser() {
    let (trigger, address) = listening(local()).await;
    for origin in ["https://evil.example", "http://localhost:5173", "null"] {
        let preflight = format!(
            "OPTIONS /events HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n\r\n"
        );
        let answer = request(address, preflight).await;
        assert_eq!(answer.status, 405, "{origin}");
        let permission = answer.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
        assert_eq!(permission, None, "{origin}");
    }
    trigger.stop().await;
}
