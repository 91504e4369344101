//! The rules together, and the vectors of `tests/vectors/client_ip.json` and `loopback_guard.json`.

use std::time::Duration;

use http::Uri;
use serde_json::Value;
use trigger_grammar::rate::parse_rate;

use http::StatusCode;

use super::*;

#[path = "../../../../tests/it/logs.rs"]
#[expect(dead_code, reason = "the tests of the public API use the rest")]
pub(crate) mod logs;

const CLIENT_IP: &str = include_str!("../../../../tests/vectors/client_ip.json");
const LOOPBACK_GUARD: &str = include_str!("../../../../tests/vectors/loopback_guard.json");

/// Parses networks that are valid.
pub(crate) fn networks<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<IpNet> {
    texts.into_iter().map(|text| network(text.as_ref()).expect("a network")).collect()
}

/// Returns the head of a request with these headers.
pub(crate) fn request(headers: &[(&str, &str)]) -> Request<()> {
    let builder = Request::post(Uri::from_static("/events"));
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(()).expect("a valid head")
}

pub(crate) fn client(address: &str) -> Client {
    Client::Address(address.parse().expect("an address"))
}

/// Returns what a connection from this peer to a server on loopback says.
fn arrival(peer: &str) -> Arrival {
    Arrival { peer: peer.parse().ok(), may_be_local: true }
}

/// Returns the status and the reason of a refusal.
fn refused(admitted: Result<Client, Refusal>) -> Option<(u16, &'static str)> {
    admitted.err().map(|refusal| (refusal.status.as_u16(), refusal.reason))
}

fn vectors(text: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(text).expect("JSON");
    let vectors = all["vectors"].as_array().expect("a list").clone();
    assert!(vectors.len() > 15, "{}", vectors.len());
    vectors
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

#[test]
fn client_of_each_vector_is_found_and_admitted_if_it_is_allowed() {
    for vector in vectors(CLIENT_IP) {
        let headers = texts(&vector["x_forwarded_for"]).into_iter().map(|line| ("X-Forwarded-For", line));
        let request = request(&headers.collect::<Vec<_>>());
        let arrival = arrival(vector["peer"].as_str().expect("an address"));
        let trusted_proxies = networks(texts(&vector["trusted_proxies"]));
        let found = Admission::new(AdmissionRules { trusted_proxies, ..AdmissionRules::default() });
        let found = found.admit(arrival, &request).expect("every client is admitted");
        assert_eq!(Some(&*found.to_string()), vector["client"].as_str(), "{}", vector["id"]);

        let allow = Some(networks(texts(&vector["allow"])));
        let trusted_proxies = networks(texts(&vector["trusted_proxies"]));
        let admission =
            Admission::new(AdmissionRules { trusted_proxies, allow, ..AdmissionRules::default() });
        let admitted = admission.admit(arrival, &request);
        match vector["allowed"].as_bool() {
            Some(true) => assert_eq!(admitted, Ok(found), "{}", vector["id"]),
            _ => assert_eq!(refused(admitted), Some((403, "client_not_allowed")), "{}", vector["id"]),
        }
    }
}

#[test]
fn network_with_bits_after_its_prefix_and_other_texts_are_no_networks() {
    let fault = network("192.30.252.5/22").expect_err("bits after the prefix");
    assert!(fault.point_at("192.30.252.5/22").contains("`192.30.252.0/22`"), "{fault}");
    assert!(network("not-an-ip").is_err());
    // A bare address is a network of one address, also in IPv6.
    assert_eq!(networks(["192.0.2.7", "2001:db8::1"]), networks(["192.0.2.7/32", "2001:db8::1/128"]));
}

#[test]
fn empty_list_admits_no_client() {
    let admission = Admission::new(AdmissionRules { allow: Some(Vec::new()), ..AdmissionRules::default() });
    let admitted = admission.admit(arrival("127.0.0.1"), &request(&[]));
    assert_eq!(refused(admitted), Some((403, "client_not_allowed")));
}

#[test]
fn request_of_each_vector_is_answered_by_the_guard() {
    for vector in vectors(LOOPBACK_GUARD) {
        let other = vector["other_headers"].as_array().expect("a list").iter().map(texts);
        let mut headers: Vec<_> = other.map(|pair| (pair[0], pair[1])).collect();
        headers.push(("Host", vector["host"].as_str().expect("a host")));
        headers.extend(vector["origin"].as_str().map(|origin| ("Origin", origin)));
        let mut request = request(&headers);
        if let Some(target) = vector["target"].as_str() {
            *request.uri_mut() = target.parse().expect("a target");
        }
        let admission = Admission::new(AdmissionRules { is_unsigned: true, ..AdmissionRules::default() });
        let status = admission.admit(arrival("127.0.0.1"), &request).map_or_else(
            |refusal| refusal.status,
            |client| {
                assert_eq!(client.to_string(), "127.0.0.1");
                StatusCode::ACCEPTED
            },
        );
        assert_eq!(vector["expect_status"], status.as_u16(), "{}", vector["id"]);
    }
}

#[test]
fn guard_is_for_an_unsigned_webhook_that_a_browser_on_this_machine_reaches() {
    let request = request(&[("Host", "hooks.example.com"), ("Origin", "https://evil.example")]);
    for (is_unsigned, may_be_local, expected) in [
        (true, true, Some((421, "foreign_host"))),
        (true, false, None),
        (false, true, None),
        (false, false, None),
    ] {
        let admission = Admission::new(AdmissionRules { is_unsigned, ..AdmissionRules::default() });
        let arrival = Arrival { may_be_local, ..arrival("127.0.0.1") };
        assert_eq!(refused(admission.admit(arrival, &request)), expected, "{is_unsigned} {may_be_local}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_that_another_rule_refuses_counts_in_no_rate() {
    let admission = Admission::new(AdmissionRules {
        trusted_proxies: networks(["127.0.0.1"]),
        allow: Some(networks(["192.0.2.0/24"])),
        is_unsigned: true,
        hosts: Vec::new(),
        rate: parse_rate("1/s").ok(),
        rate_per_client: parse_rate("1/s").ok(),
    });
    let ask = |address, host| {
        let request = request(&[("X-Forwarded-For", address), ("Host", host)]);
        admission.admit(arrival("127.0.0.1"), &request)
    };
    for _ in 0..3 {
        assert_eq!(refused(ask("203.0.113.9", "evil.example")), Some((403, "client_not_allowed")));
        assert_eq!(refused(ask("192.0.2.7", "evil.example")), Some((421, "foreign_host")));
    }
    assert_eq!(ask("192.0.2.7", "localhost"), Ok(client("192.0.2.7")));
    let refusal = ask("192.0.2.7", "localhost").expect_err("an empty bucket");
    assert_eq!((refusal.status.as_u16(), refusal.reason, refusal.retry_after), (429, "rate", Some(1)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask("192.0.2.7", "localhost"), Ok(client("192.0.2.7")));
    assert_eq!(admission.evicted_clients(), 0);
}
