//! The answers of a webhook with rules about its requests, as the tables of the guide list them.

use std::net::SocketAddr;

use serde_json::{Value, json};
use triggers::{Clock, HeaderMap, Result, Runtime, Sign, SystemClock, TriggerConfig, TriggerEvent};

use crate::common::{config, status};
use crate::http::{Answer, Client, post_with, request};

/// Secrets of Standard Webhooks have a form, and the other schemes take any text.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Returns a runtime with the webhook `/in` with these settings, and its address.
async fn webhook(settings: Value) -> Result<(Runtime, SocketAddr)> {
    let mut all = json!({"type": "webhook", "id": "in", "path": "/in", "host": "127.0.0.1", "port": 0});
    let own = settings.as_object().ok_or("settings are an object")?.clone();
    all.as_object_mut().ok_or("an object")?.extend(own);
    let trigger: TriggerConfig = serde_json::from_value(all)?;
    let builder = Runtime::builder().secrets(|name| (name == "SECRET").then(|| SECRET.to_owned()));
    let runtime = builder.process("hook", config([trigger]), |_: TriggerEvent| async {}).start().await?;
    let address = runtime.local_addr("in").ok_or("it does not listen")?;
    Ok((runtime, address))
}

async fn post(address: SocketAddr, headers: &str, body: &str) -> Answer {
    request(address, post_with("/in", headers, body)).await
}

/// Returns headers as lines of a request.
fn lines(headers: &HeaderMap) -> String {
    let lines = headers.iter().map(|(name, value)| (name, value.to_str().expect("text")));
    lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

#[tokio::test]
async fn refused_request_gets_its_status_and_is_counted_by_its_reason() -> Result {
    let verify = json!({"verify": {"scheme": "github", "env": "SECRET"}});
    let gzip = "Content-Encoding: gzip\r\n";
    for (settings, headers, expected, reason) in [
        (verify.clone(), "", 401, "signature_missing"),
        (verify.clone(), "X-Hub-Signature-256: sha256=00\r\n", 401, "signature_malformed"),
        (verify, gzip, 415, "unsupported"),
        (json!({"allow": ["192.0.2.0/24"]}), "", 403, "client_not_allowed"),
        (json!({}), "Origin: https://example.com\r\n", 403, "foreign_origin"),
        (json!({}), "Sec-Fetch-Site: cross-site\r\n", 403, "foreign_site"),
        (json!({"gone": true}), "", 410, "gone"),
        (json!({"body_limit": "1B"}), "", 413, "body_size"),
        (json!({"gzip": true}), gzip, 400, "gzip_broken"),
        (json!({"form_field": "payload"}), "", 415, "not_a_form"),
        (json!({"cloudevents": "only"}), "", 400, "cloudevent_missing"),
        (json!({}), "ce-specversion: 1.0\r\n", 400, "cloudevent_invalid"),
    ] {
        let (runtime, address) = webhook(settings.clone()).await?;
        let answer = post(address, headers, "{}").await;
        assert_eq!(answer.status, expected, "{settings} {headers}");
        assert_eq!(answer.json()["status"], "error", "{settings} {headers}");
        let trigger = &status(&runtime).triggers[0];
        assert_eq!((trigger.accepted, trigger.refused.get(reason)), (0, Some(&1)), "{settings} {headers}");
        runtime.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn request_to_another_host_is_misdirected_until_its_name_is_listed() -> Result {
    let tunnel = "POST /in HTTP/1.1\r\nHost: abc123.ngrok.app\r\nContent-Length: 2\r\n\r\n{}";
    for (settings, expected) in [(json!({}), 421), (json!({"hosts": ["abc123.ngrok.app"]}), 202)] {
        let (runtime, address) = webhook(settings).await?;
        assert_eq!(Client::connect(address).await.ask(tunnel).await.status, expected);
        runtime.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn request_over_a_rate_is_answered_with_the_time_to_wait() -> Result {
    let (runtime, address) = webhook(json!({"rate_per_client": "1/m"})).await?;
    assert_eq!(post(address, "", "{}").await.status, 202);
    let answer = post(address, "", "{}").await;
    let wait: u64 = answer.header("retry-after").ok_or("no Retry-After")?.parse()?;
    assert_eq!(answer.status, 429);
    assert!((1..=60).contains(&wait), "{wait}");
    runtime.shutdown().await;
    Ok(())
}

/// `standard` has one id for the delivery and for its copies.
#[tokio::test]
async fn second_signed_delivery_is_a_duplicate_of_the_first_one() -> Result {
    let body = r#"{"id": "evt_1", "event_id": "Ev1"}"#;
    for (scheme, sign) in [
        ("github", Sign::github(SECRET)?),
        ("stripe", Sign::stripe(SECRET)?),
        ("slack", Sign::slack(SECRET)?),
        ("standard", Sign::standard(SECRET)?),
        ("zoom", Sign::zoom(SECRET)?),
    ] {
        let (runtime, address) = webhook(json!({"verify": {"scheme": scheme, "env": "SECRET"}})).await?;
        let headers = lines(&sign.headers(body.as_bytes(), SystemClock.now(), "d-1")?);
        let (first, second) = (post(address, &headers, body).await, post(address, &headers, body).await);
        assert_eq!((first.status, second.status), (202, 202), "{scheme}");
        assert_eq!(first.json()["event_id"], second.json()["event_id"], "{scheme}");
        assert_eq!(
            (&first.json()["duplicate"], &second.json()["duplicate"]),
            (&Value::Null, &json!(true)),
            "{scheme}"
        );
        let duplicates = runtime.status().dedupe.map(|counts| counts.duplicates);
        assert_eq!((status(&runtime).triggers[0].accepted, duplicates), (1, Some(1)), "{scheme}");
        runtime.shutdown().await;
    }
    Ok(())
}
