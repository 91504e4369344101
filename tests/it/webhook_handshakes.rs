//! `handshake`: the requests by which senders ask for a URL are answered by the server, and are no events.

use std::time::SystemTime;

use serde_json::{Value, json};
use triggers::{HeaderMap, Result, Sign};

use crate::http::{Answer, get, request};
use crate::served::{Served, idle, lines, read};

const SECRET: &str = "s3cret-of-test";
const PRIVATE_KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Returns the settings of a sender with its scheme.
fn signed(sender: &str) -> Value {
    match sender {
        "discord" => json!({"handshake": sender, "verify": {"scheme": sender, "public_key": PUBLIC_KEY}}),
        _ => json!({"handshake": sender, "verify": {"scheme": sender, "env": "SECRET"}}),
    }
}

async fn serve(settings: Value) -> Served {
    Served::with(settings, |builder| builder.secrets(|name| (name == "SECRET").then(|| SECRET.into()))).await
}

fn sign(sender: &str, body: &str) -> HeaderMap {
    let sign = match sender {
        "slack" => Sign::slack(SECRET),
        "github" => Sign::github(SECRET),
        "discord" => Sign::discord(PRIVATE_KEY),
        _ => Sign::zoom(SECRET),
    };
    sign.and_then(|sign| sign.headers(body.as_bytes(), SystemTime::now(), "7")).expect("headers")
}

#[track_caller]
fn assert_echo(answer: &Answer, text: &str) {
    let shown = (answer.status, answer.header("content-type"), answer.body.as_str());
    assert_eq!(shown, (200, Some("text/plain; charset=utf-8"), text));
}

#[tokio::test]
async fn signed_handshake_is_answered_and_an_unsigned_one_is_refused() {
    let zoom = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1}"#;
    for (sender, body, expected) in [
        ("slack", r#"{"type":"url_verification","token":"t","challenge":"3eZbrw1a"}"#, Value::Null),
        (
            "discord",
            r#"{"application_id":"1","id":"2","token":"t","type":1,"version":1}"#,
            json!({"type": 1}),
        ),
        ("zoom", zoom, json!({"plainToken": "qgg8vlvZRS6UYooatFL8Aw"})),
    ] {
        let served = serve(signed(sender)).await;
        for _ in 0..2 {
            let answer = served.post(lines(&sign(sender, body)), body).await;
            if sender == "slack" {
                assert_echo(&answer, "3eZbrw1a");
                continue;
            }
            let mut answered = answer.json();
            if let Some(token) = answered.as_object_mut().and_then(|all| all.remove("encryptedToken")) {
                assert_eq!(token.as_str().map(str::len), Some(64), "{sender}");
            }
            assert_eq!((answer.status, answered), (200, expected.clone()), "{sender}");
        }
        let unsigned = served.post("", body).await;
        assert_eq!(unsigned.status, 401, "{sender}: {unsigned:?}");
        let forged = served.post(lines(&sign(sender, "{}")), body).await;
        assert_eq!(forged.status, 401, "{sender}: {forged:?}");
        assert!(served.events().await.is_empty(), "{sender}");
    }
}

#[tokio::test]
async fn ping_of_github_is_answered_and_is_no_event() {
    let served = serve(signed("github")).await;
    let ping = [&lines(&sign("github", "{}"))[..], b"X-GitHub-Event: ping\r\n"].concat();
    let answer = served.post(ping, "{}").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})));
    assert_eq!(served.post("X-GitHub-Event: ping\r\n", "{}").await.status, 401);
    let push = [&lines(&sign("github", "{}"))[..], b"X-GitHub-Event: push\r\n"].concat();
    assert_eq!(served.post(push, "{}").await.status, 202);
    assert_eq!(served.events().await.len(), 1);
}

/// The answer to a handshake is a MAC of the secret that signs deliveries. A token that looks like a signed delivery would
/// get the signature of a forged delivery.
#[tokio::test]
async fn handshake_of_zoom_signs_no_forged_delivery() {
    let served = serve(signed("zoom")).await;
    for token in
        [r#"v0:1739923528:{\"event\":\"meeting.started\"}"#, "v0:1739923528:", "", "a b", &"a".repeat(65)]
    {
        let body = format!(r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":"{token}"}}}}"#);
        // Even a request with a right signature gets no MAC of such a token.
        let answer = served.post(lines(&sign("zoom", &body)), &body).await;
        assert_eq!(answer.status, 400, "{token}: {answer:?}");
        assert!(!answer.body.contains("encryptedToken"), "{token}");
        let answer = served.post("", &body).await;
        assert_eq!(answer.status, 401, "{token}: {answer:?}");
    }
    assert!(served.events().await.is_empty());
}

#[tokio::test]
async fn handshake_by_get_is_answered_for_meta_and_dropbox_alone() {
    let served = serve(json!({"handshake": {"type": "meta", "env": "SECRET"}})).await;
    let meta =
        |token: &str| format!("/in?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
    assert_echo(&get(served.address, &meta(SECRET)).await, "1158201444");
    for target in [meta("s3cret-of-tesT"), meta(""), "/in".to_owned()] {
        let answer = get(served.address, &target).await;
        assert!([400, 403].contains(&answer.status), "{target}: {answer:?}");
        assert!(!answer.body.contains("1158201444"), "{target}");
    }
    assert_eq!(served.post("", "{}").await.status, 200);
    let events = served.events().await;
    assert_eq!(events.len(), 1);

    let served =
        serve(json!({"handshake": "dropbox", "verify": {"scheme": "bearer", "env": "SECRET"}})).await;
    assert_echo(&get(served.address, "/in?challenge=abc").await, "abc");
    assert_eq!(get(served.address, "/in").await.status, 400);
    assert_eq!(served.post("", "{}").await.status, 401);
    assert!(served.events().await.is_empty());

    for (settings, allow) in [
        (json!({}), "POST"),
        (signed("slack"), "POST"),
        (signed("discord"), "POST"),
        (signed("zoom"), "POST"),
        (signed("github"), "POST"),
        (json!({"handshake": "graph"}), "POST"),
        (json!({"handshake": {"type": "cloudevents", "origins": ["a.example"]}}), "POST, OPTIONS"),
        (json!({"methods": ["PUT", "POST"]}), "PUT, POST"),
    ] {
        let served = serve(settings.clone()).await;
        let answer = get(served.address, "/in?challenge=abc").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{settings}");
        served.events().await;
    }
    for (sender, method) in [(json!("dropbox"), "PUT"), (json!({"type": "meta", "env": "SECRET"}), "DELETE")]
    {
        let served = serve(json!({"handshake": sender})).await;
        let text = format!("{method} /in HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = request(served.address, text).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, GET")));
        served.events().await;
    }
}

#[tokio::test]
async fn handshake_of_graph_echoes_the_token_of_its_query() {
    let served = serve(json!({"handshake": "graph"})).await;
    let post = crate::http::post_request("/in?validationToken=Validation%3A+Testing%20a", "");
    assert_echo(&request(served.address, post).await, "Validation: Testing a");
    assert_eq!(served.post("", "{}").await.status, 202);
    assert_eq!(served.events().await.len(), 1);
}

#[tokio::test]
async fn accepted_request_has_the_status_that_its_sender_expects() {
    for (mut settings, preset) in [
        (json!({}), 202),
        (signed("slack"), 200),
        (signed("github"), 202),
        (signed("discord"), 204),
        (signed("zoom"), 200),
        (json!({"handshake": {"type": "meta", "env": "SECRET"}}), 200),
        (json!({"handshake": "graph"}), 202),
        (json!({"handshake": "dropbox"}), 200),
    ] {
        let body = r#"{"event_id":"Ev1","type":9,"id":"7"}"#;
        let sender = settings["handshake"].as_str().unwrap_or_default().to_owned();
        let headers = if settings.get("verify").is_some() { lines(&sign(&sender, body)) } else { Vec::new() };
        for (accepted, expected) in [(None, preset), (Some(200), 200), (Some(202), 202), (Some(204), 204)] {
            if let Some(accepted) = accepted {
                settings["accepted"] = json!(accepted);
            }
            let served = serve(settings.clone()).await;
            // A duplicate has the same status.
            for turn in 0..2 {
                let answer = served.post(&headers, body).await;
                assert_eq!(answer.status, expected, "{settings} {turn}: {answer:?}");
                assert_eq!(answer.body.is_empty(), expected == 204, "{settings}");
                if expected != 204 {
                    assert_eq!(answer.json()["status"], "accepted", "{settings}");
                }
            }
            let all = served.events().await.len();
            assert_eq!(all, if headers.is_empty() { 2 } else { 1 }, "{settings}");
        }
    }
}

#[test]
fn handshake_without_the_signature_that_it_needs_does_not_start() {
    for (settings, text) in [
        (json!({"handshake": "zoom"}), "the handshake of Zoom needs `verify = zoom(env = \"..\")`"),
        (
            json!({"handshake": "zoom", "verify": {"scheme": "github", "env": "SECRET"}}),
            "the handshake of Zoom needs `verify = zoom(env = \"..\")`",
        ),
        (json!({"handshake": "slack"}), "its handshake is signed: it needs `verify = slack(..)`"),
        (json!({"handshake": "discord"}), "its handshake is signed: it needs `verify = discord(..)`"),
    ] {
        let error = read(settings.clone()).expect_err("a problem").to_string();
        assert!(error.contains(text), "{settings}: {error}");
    }
    let meta = idle(json!({"handshake": {"type": "meta", "env": "GONE"}})).secrets(|_| None);
    let error = meta.check().expect_err("a problem").to_string();
    assert!(error.contains("the environment variable `GONE` with the secret is not set"), "{error}");
}

#[tokio::test]
async fn token_of_meta_is_in_no_text() -> Result {
    let served = serve(json!({"handshake": {"type": "meta", "env": "SECRET"}})).await;
    let target = format!("/in?hub.mode=subscribe&hub.challenge=1&hub.verify_token={SECRET}x");
    let refused = get(served.address, &target).await;
    let runtime = &served.runtime;
    let shown =
        format!("{refused:?} {:?} {} {}", runtime.status(), json!(runtime.status()), runtime.describe());
    assert!(!shown.contains(SECRET), "{shown}");
    served.events().await;
    Ok(())
}
