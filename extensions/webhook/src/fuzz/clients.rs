//! Clients: any forwarded headers from any peer, and any text of a network or a rate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Request;
use http::header::{HOST, ORIGIN};
use ipnet::IpNet;
use trigger_grammar::Fault;
use trigger_grammar::network::parse_network;
use trigger_grammar::rate::{parse_rate, show_rate};

use super::{refusal, request};
use crate::client::{Admission, AdmissionRules, Arrival, Client, network};

/// The proxies that the webhook trusts.
const PROXIES: [&str; 4] = ["127.0.0.0/8", "10.1.0.0/16", "::1", "2001:db8::/32"];

fn networks(texts: &[&str]) -> Vec<IpNet> {
    let parsed = texts.iter().map(|text| network(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")));
    parsed.collect()
}

/// A request is admitted or refused. Only a trusted proxy can name another client than itself, and the guard of an unsigned
/// webhook admits no other website.
///
/// The first byte selects the family of the peer, the next 16 are its address, and the rest is a request.
pub fn clients(input: &[u8]) {
    let Some(([family, address @ ..], rest)) = input.split_first_chunk::<17>() else { return };
    let peer = match family % 3 {
        0 => IpAddr::V4(Ipv4Addr::new(127, 0, 0, address[0])),
        1 => IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3])),
        _ => IpAddr::V6(Ipv6Addr::from(*address)),
    };
    let (headers, _) = request(rest);
    let origins: Vec<_> = headers.get_all(ORIGIN).iter().cloned().collect();
    let host = headers.get(HOST).cloned();
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    let (proxies, arrival) = (networks(&PROXIES), Arrival { peer: Some(peer), may_be_local: true });
    let is_trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let admission = |is_unsigned, allow: Option<&[&str]>| {
        let (trusted_proxies, allow) = (proxies.clone(), allow.map(networks));
        Admission::new(AdmissionRules { trusted_proxies, allow, is_unsigned, ..AdmissionRules::default() })
    };
    let client = match admission(false, None).admit(arrival, &request) {
        Ok(client) => client,
        Err(refusal) => panic!("refused without a rule: {refusal:?}"),
    };
    let peer = peer.to_canonical();
    match client {
        Client::Address(address) => {
            assert_eq!(address, address.to_canonical());
            assert!(is_trusted(peer) || address == peer, "{peer} named {address}");
        }
        Client::Unknown => assert!(is_trusted(peer), "{peer} is unknown"),
    }
    let allowed = admission(false, Some(&["192.0.2.0/24"])).admit(arrival, &request);
    let is_listed =
        matches!(client, Client::Address(IpAddr::V4(address)) if address.octets()[..3] == [192, 0, 2]);
    assert_eq!(allowed.is_ok(), is_listed, "{client:?}");
    match admission(true, None).admit(arrival, &request) {
        Ok(_) => {
            assert!(host.is_none_or(|host| names_loopback(host.as_bytes())));
            assert!(origins.iter().all(|origin| names_loopback(origin.as_bytes())), "{origins:?}");
        }
        Err(error) => refusal(error.status, error.reason, &error.message),
    }
}

/// Returns `true` if a text contains a name of loopback.
fn names_loopback(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    ["localhost", "127.", "7f", "::1", ":1]"].iter().any(|name| text.contains(name)) || text.contains("[")
}

/// A text is a rate or a network, or has a fault with its position. What is shown is parsed to the same.
pub fn grammars(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match parse_rate(text) {
        Ok(rate) => {
            assert!(rate.count() > 0 && [1, 60, 3600].contains(&rate.period_seconds()));
            assert_eq!(parse_rate(&show_rate(rate)), Ok(rate));
        }
        Err(fault) => points(&fault, text),
    }
    match (parse_network(text), network(text)) {
        (Ok((address, prefix)), Ok(network)) => {
            assert_eq!((network.addr(), network.prefix_len()), (address, prefix));
            assert_eq!(network, network.trunc(), "bits after the prefix");
            assert_eq!(self::network(&network.to_string()), Ok(network));
        }
        (Err(fault), Err(_)) => points(&fault, text),
        (parsed, made) => panic!("{parsed:?} and {made:?}"),
    }
}

/// A fault is inside its text, between characters.
fn points(fault: &Fault, text: &str) {
    assert!(text.get(fault.at..fault.at + fault.len).is_some(), "{fault:?} in {text:?}");
    assert!(fault.point_at(text).contains(fault.rule));
}
