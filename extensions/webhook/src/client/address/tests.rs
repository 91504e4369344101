//! The walk through `X-Forwarded-For`, also over random values.

use http::HeaderValue;
use proptest::prelude::*;

use super::super::tests::logs::Logs;
use super::super::tests::{client, networks};
use super::*;

/// Returns the client of a request from 10.0.0.1, which is trusted, with these lines of `X-Forwarded-For`.
fn forwarded<T: AsRef<[u8]>>(lines: &[T]) -> Client {
    let mut headers = HeaderMap::new();
    // These are never read.
    headers.insert("forwarded", HeaderValue::from_static("for=192.0.2.66"));
    headers.insert("x-real-ip", HeaderValue::from_static("192.0.2.66"));
    for line in lines {
        headers.append("X-Forwarded-For", HeaderValue::from_bytes(line.as_ref()).expect("a value"));
    }
    let proxies = TrustedProxies::new(networks(["10.0.0.0/8", "2001:db8::/32"]));
    proxies.client("10.0.0.1".parse().expect("an address"), &headers)
}

#[test]
fn header_is_read_from_the_right_up_to_the_first_address_that_is_not_trusted() {
    for (lines, expected) in [
        (&[][..], "10.0.0.1"),
        (&["192.0.2.7"], "192.0.2.7"),
        (&["203.0.113.9, 192.0.2.7 ,10.0.0.2,\t10.0.0.3"], "192.0.2.7"),
        (&["203.0.113.9", "192.0.2.7", "10.0.0.2,2001:db8::5"], "192.0.2.7"),
        // Every address is trusted.
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // What is before the client is not read.
        (&["unknown, , 192.0.2.7"], "192.0.2.7"),
        (&["\u{e9}", "192.0.2.7"], "192.0.2.7"),
        (&["::ffff:192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
    ] {
        assert_eq!(forwarded(lines), client(expected), "{lines:?}");
    }
}

#[test]
fn entry_is_an_address_which_may_have_a_port() {
    for (entry, expected) in [
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2a00::7]:443", "2a00::7"),
        ("[2a00::7]", "2a00::7"),
        ("[::ffff:192.0.2.7]:1", "192.0.2.7"),
    ] {
        assert_eq!(forwarded(&[entry]), client(expected), "{entry}");
    }
    for entry in [
        "",
        " ",
        "unknown",
        "_hidden",
        "192.0.2.7,",
        "192.0.2.7:",
        "192.0.2.7:65536",
        "192.0.2.7:+1",
        "192.0.2.7 8",
        "192.0.2",
        "192.0.2.7/32",
        "[192.0.2.7]",
        "[2a00::7",
        "[2a00::7]443",
        "[2a00::7]:",
        "[fe80::1%1]:443",
        "for=192.0.2.7",
        "\"192.0.2.7\"",
        "192.0.2.7;10.0.0.1",
        "\u{a0}192.0.2.7",
    ] {
        assert_eq!(forwarded(&[entry]), Client::Unknown, "{entry:?}");
    }
    assert_eq!(forwarded(&[&b"\xff"[..]]), Client::Unknown);
}

#[test]
fn trust_in_all_addresses_is_logged() {
    let logs = Logs::capture();
    TrustedProxies::new(networks(["10.0.0.0/8", "::1"]));
    assert_eq!(logs.with("").len(), 0);
    TrustedProxies::new(networks(["0.0.0.0/0", "::/0"]));
    assert_eq!(logs.with("WARN").len(), 2);
    assert_eq!(logs.with("network=0.0.0.0/0").len(), 1);
    assert_eq!(logs.with("`trusted_proxies`").len(), 2);
}

/// Returns texts that are often entries of the header.
fn entry() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0_u8..4, any::<u8>()).prop_map(|(net, last)| format!("{}.0.0.{last}", 8 + net).into_bytes()),
        1 => any::<u32>().prop_map(|v4| Ipv4Addr::from(v4).to_string().into_bytes()),
        1 => any::<u32>().prop_map(|v4| Ipv4Addr::from(v4).to_ipv6_mapped().to_string().into_bytes()),
        1 => any::<u128>().prop_map(|v6| format!("[{}]:7", Ipv6Addr::from(v6)).into_bytes()),
        1 => "[0-9a-f:.\\[\\] %,]{0,20}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..0x7f, 0x80_u8..=0xff], 0..20),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn client_is_the_peer_or_an_entry_and_only_trusted_entries_are_behind_it(
        peer in prop_oneof![Just(IpAddr::from([10, 0, 0, 1])), any::<IpAddr>()],
        lines in proptest::collection::vec(proptest::collection::vec(entry(), 0..5), 0..4),
    ) {
        let proxies = TrustedProxies::new(networks(["10.0.0.0/8", "::ffff:0:0:0/80"]));
        let mut headers = HeaderMap::new();
        for line in &lines {
            headers.append("X-Forwarded-For", HeaderValue::from_bytes(&line.join(&b',')).expect("a value"));
        }
        // The entries as addresses, by their simplest reading, the last one first.
        let all = headers.get_all("X-Forwarded-For").iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        let joined = all.join(&b',');
        let entries = joined.split(|byte| *byte == b',').rev().filter(|_| !all.is_empty());
        let entries: Vec<_> = entries.map(parse_hop).collect();
        let peer = peer.to_canonical();
        match proxies.client(peer, &headers) {
            Client::Address(client) if client == peer => {}
            Client::Address(client) => {
                prop_assert!(proxies.trusts(peer));
                let at = entries.iter().position(|entry| *entry == Some(client));
                let Some(at) = at else { return Err(TestCaseError::fail(format!("{client} is no entry"))) };
                let is_trusted = |entry: &Option<IpAddr>| entry.is_some_and(|entry| proxies.trusts(entry));
                prop_assert!(entries[..at].iter().all(is_trusted));
                // A trusted client is the first of a header whose entries are all trusted.
                prop_assert!(!proxies.trusts(client) || entries.iter().all(is_trusted));
            }
            Client::Unknown => prop_assert!(proxies.trusts(peer) && entries.contains(&None)),
        }
    }
}
