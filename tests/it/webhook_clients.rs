//! Who may send to a webhook: over a socket, by the requests of `tests/vectors/loopback_guard.json`.

use serde_json::{Value, json};
use tokio::time::advance;
use triggers::Trigger;

use crate::http::{Client, post_with, request};
use crate::served::Served;
use crate::webhook::{listening, local};

const LOOPBACK_GUARD: &str = include_str!("../vectors/loopback_guard.json");
const CLIENT_IP: &str = include_str!("../vectors/client_ip.json");

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
async fn unsigned_webhook_on_loopback_accepts_only_requests_that_name_loopback() {
    let (trigger, address) = listening(local()).await;
    let vectors: Value = serde_json::from_str(LOOPBACK_GUARD).expect("JSON");
    let mut judged = 0;
    for vector in vectors["vectors"].as_array().expect("a list") {
        let expected = match vector["id"].as_str() {
            // User information is no part of `Host` (RFC 9110 section 7.2), so the check of the head refuses it first.
            Some("host-bad-13" | "host-bad-17") => 400,
            _ => vector["expect_status"].as_u64().expect("a status"),
        };
        let answer = request(address, raw(vector)).await;
        assert_eq!(u64::from(answer.status), expected, "{}", vector["id"]);
        assert_eq!(trigger.drain_pending().len(), usize::from(expected == 202), "{}", vector["id"]);
        judged += 1;
    }
    assert_eq!(judged, 25);
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

#[tokio::test(start_paused = true)]
async fn signed_webhook_has_no_guard_against_browsers() {
    let settings = json!({"verify": {"scheme": "bearer", "env": "TOKEN"}});
    let served = Served::with(settings, |builder| builder.secrets(|_| Some("t".into()))).await;
    let head = "POST /in HTTP/1.1\r\nHost: hooks.example.com\r\nAuthorization: Bearer t\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(request(served.address, head).await.status, 202);
    served.events().await;
    let served = Served::start(json!({"hosts": ["hooks.example.com"]})).await;
    for (host, status) in [("hooks.example.com", 202), ("localhost", 202), ("other.example.com", 421)] {
        let head = format!("POST /in HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(request(served.address, head).await.status, status, "{host}");
    }
    assert_eq!(served.refused(), json!({"foreign_host": 1}));
    served.events().await;
}

/// The peer is this machine in place of the one of the vector, and a trusted proxy if that one is.
#[tokio::test(start_paused = true)]
async fn client_of_a_trusted_proxy_is_the_one_of_each_vector() {
    let vectors: Value = serde_json::from_str(CLIENT_IP).expect("JSON");
    let (mut allowed, mut denied) = (0, 0);
    for vector in vectors["vectors"].as_array().expect("a list") {
        let (id, peer) = (&vector["id"], vector["peer"].as_str().expect("an address"));
        let is_trusted = ["10.", "127."].iter().any(|start| peer.starts_with(start));
        let mut proxies = vector["trusted_proxies"].as_array().expect("a list").clone();
        if is_trusted {
            proxies.push(json!("127.0.0.0/8"));
        }
        let client = match vector["client"].as_str() {
            Some(client) if client == peer || !is_trusted => "127.0.0.1",
            client => client.expect("a client"),
        };
        let headers = vector["x_forwarded_for"].as_array().expect("a list").iter();
        let headers: String =
            headers.map(|line| format!("X-Forwarded-For: {}\r\n", line.as_str().expect("a text"))).collect();
        let mut settings = json!({});
        if !proxies.is_empty() {
            settings["trusted_proxies"] = json!(proxies);
        }
        let served = Served::start(settings.clone()).await;
        assert_eq!(served.post(&headers, "").await.status, 202, "{id}");
        assert_eq!(served.events().await[0].metadata()["remote"], client, "{id}");
        if !is_trusted {
            continue;
        }
        settings["allow"] = vector["allow"].clone();
        let served = Served::start(settings).await;
        let answer = served.post(&headers, "").await;
        if vector["allowed"] == true {
            assert_eq!(answer.status, 202, "{id}");
            allowed += 1;
        } else {
            assert_eq!((answer.status, served.refused()), (403, json!({"client_not_allowed": 1})), "{id}");
            denied += 1;
        }
        served.events().await;
    }
    assert_eq!((allowed, denied), (4, 8));
}

/// Sends a head with `Expect: 100-continue`, and returns the answer, which comes before the body.
async fn ask_by_head(served: &Served, headers: &str) -> crate::http::Answer {
    let head = format!(
        "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n{headers}\r\n"
    );
    let mut client = Client::connect(served.address).await;
    let answer = client.ask(head).await;
    if answer.status != 100 {
        return answer;
    }
    client.ask("{}").await
}

#[tokio::test(start_paused = true)]
async fn client_over_its_rate_is_refused_by_the_head_until_the_time_is_over() {
    for (settings, reason) in
        [(json!({"rate": "2/m"}), "rate"), (json!({"rate_per_client": "2/m"}), "rate_per_client")]
    {
        let served = Served::start(settings.clone()).await;
        for _ in 0..2 {
            assert_eq!(ask_by_head(&served, "").await.status, 202, "{settings}");
        }
        let refused = ask_by_head(&served, "").await;
        assert_eq!(refused.status, 429, "{settings}: {refused:?}");
        let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a number");
        assert!((1..=60).contains(&wait), "{settings}: {wait}");
        assert_eq!(refused.json(), json!({"status": "error", "message": "too many requests"}));
        assert_eq!(served.refused(), json!({reason: 1}));
        advance(std::time::Duration::from_secs(wait)).await;
        assert_eq!(ask_by_head(&served, "").await.status, 202, "{settings}");
        assert_eq!(served.events().await.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn each_client_of_a_trusted_proxy_has_its_own_rate() {
    let settings = json!({"trusted_proxies": ["127.0.0.0/8"], "rate_per_client": "1/m"});
    let served = Served::start(settings).await;
    for (client, status) in [("192.0.2.1", 202), ("192.0.2.1", 429), ("192.0.2.2", 202), ("192.0.2.2", 429)] {
        let answer = ask_by_head(&served, &format!("X-Forwarded-For: {client}\r\n")).await;
        assert_eq!(answer.status, status, "{client}");
    }
    served.events().await;
}

#[tokio::test(start_paused = true)]
async fn client_outside_the_allowed_networks_is_refused_by_the_head() {
    for (networks, status) in [(json!(["192.0.2.0/24", "2001:db8::/32"]), 403), (json!(["127.0.0.1"]), 202)] {
        let served = Served::start(json!({"allow": networks})).await;
        assert_eq!(ask_by_head(&served, "X-Forwarded-For: 192.0.2.1\r\n").await.status, status, "{networks}");
        served.events().await;
    }
}

#[tokio::test(start_paused = true)]
async fn webhook_that_is_gone_answers_410_to_every_method() {
    let served = Served::start(json!({"gone": true})).await;
    for method in ["POST", "GET", "PUT"] {
        let head = format!("{method} /in HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = request(served.address, head).await;
        let message = json!({"status": "error", "message": "this webhook is gone"});
        assert_eq!((answer.status, answer.json()), (410, message), "{method}");
    }
    assert_eq!(served.refused(), json!({"gone": 3}));
    assert!(served.events().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn methods_of_a_webhook_are_in_the_metadata() {
    let served = Served::start(json!({"methods": ["PUT", "PATCH", "DELETE"]})).await;
    for (method, status) in [("PUT", 202), ("PATCH", 202), ("DELETE", 202), ("POST", 405), ("GET", 405)] {
        let head = format!("{method} /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let answer = request(served.address, head).await;
        assert_eq!(answer.status, status, "{method}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("PUT, PATCH, DELETE"), "{method}");
    }
    let methods: Vec<_> =
        served.events().await.iter().map(|event| event.metadata()["method"].clone()).collect();
    assert_eq!(methods, ["PUT", "PATCH", "DELETE"]);
}

/// `{"zip": true}`, packed.
const PACKED: &str = "1f8b0800000000000203ab56aaca2c50b25228292a4dad05001baa137e0d000000";
/// 100,000 zeros, packed.
const BOMB: &str = "1f8b0800000000000203edc13101000000c2a0f54f6d0d0fa00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000008057037d9511d4a0860100";

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

#[tokio::test(start_paused = true)]
async fn packed_body_is_unpacked_within_the_limit_of_a_body() {
    let served = Served::start(json!({"gzip": true, "body_limit": "64KiB"})).await;
    let packed = from_hex(PACKED);
    let post = async |coding: &str, body: &[u8]| {
        served.post(format!("Content-Encoding: {coding}\r\n"), body).await.status
    };
    assert_eq!((post("gzip", &packed).await, post("X-GZip", &packed).await), (202, 202));
    assert_eq!(served.post("", "{}").await.status, 202);
    let mut broken = packed.clone();
    broken[15] ^= 1;
    let twice = [&packed[..], &packed].concat();
    for (body, status) in
        [(&broken[..], 400), (&packed[..packed.len() - 1], 400), (b"{}", 400), (&from_hex(BOMB), 413)]
    {
        assert_eq!(post("gzip", body).await, status, "{body:?}");
    }
    assert!([202, 400].contains(&post("gzip", &twice).await));
    for coding in ["br", "deflate", "gzip, gzip", "gzip, br"] {
        assert_eq!(post(coding, &packed).await, 415, "{coding}");
    }
    let events = served.events().await;
    assert_eq!([events[0].payload(), events[1].payload()], [&json!({"zip": true}); 2]);
    let served = Served::start(json!({})).await;
    assert_eq!(served.post("Content-Encoding: gzip\r\n", &packed).await.status, 415);
    served.events().await;
}

#[tokio::test(start_paused = true)]
async fn signature_of_a_packed_body_is_that_of_the_bytes_on_the_wire() {
    let settings = json!({"gzip": true, "verify": {"scheme": "github", "env": "S"}, "form_field": "payload"});
    let served = Served::with(settings, |builder| builder.secrets(|_| Some("s".into()))).await;
    let sign = triggers::Sign::github("s").expect("a sender");
    let form = b"payload=%7B%22zen%22%3A1%7D&other=2";
    let headers = |body: &[u8]| {
        let headers = sign.headers(body, std::time::SystemTime::now(), "7").expect("headers");
        [&crate::served::lines(&headers)[..], b"Content-Type: application/x-www-form-urlencoded\r\n"].concat()
    };
    let packed = from_hex(
        "1f8b08000000000002032b48acccc94f4cb1553577523532aa4acd0392aac68e86aae62e6af92519a945b646009f30663c23000000",
    );
    let coding = b"Content-Encoding: gzip\r\n";
    assert_eq!(served.post([&headers(form)[..], coding].concat(), &packed).await.status, 401);
    assert_eq!(served.post([&headers(&packed)[..], coding].concat(), &packed).await.status, 202);
    let events = served.events().await;
    assert_eq!((events.len(), events[0].payload()), (1, &json!({"zen": 1})));
}

#[tokio::test(start_paused = true)]
async fn field_of_a_form_is_the_body() {
    let served = Served::start(json!({"form_field": "payload"})).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (headers, body, status, reason) in [
        (form, "payload=%7B%22a%22%3A1%7D&b=2", 202, ""),
        (form, "b=2", 400, "form_field_missing"),
        (form, "payload=1&payload=2", 400, "form_field_repeated"),
        ("Content-Type: application/json\r\n", "{}", 415, "not_a_form"),
    ] {
        let answer = request(served.address, post_with("/in", headers, body)).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(reason.is_empty() || served.refused()[reason] == 1, "{reason}: {}", served.refused());
    }
    let events = served.events().await;
    assert_eq!((events.len(), events[0].payload()), (1, &json!({"a": 1})));
}
