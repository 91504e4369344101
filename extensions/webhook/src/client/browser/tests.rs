//! The hosts, origins and sites that the guard admits.

use super::super::tests::logs::Logs;
use super::super::tests::request;
use super::*;

/// Returns the status and the reason of the answer of a guard with the hosts `hooks.Example.com` and `2001:db8::1`.
fn refused(headers: &[(&str, &str)]) -> Option<(u16, &'static str)> {
    let guard = BrowserGuard::new(&["hooks.Example.com".to_owned(), "2001:db8::1".to_owned()]);
    guard.check(&request(headers)).err().map(|refusal| (refusal.status.as_u16(), refusal.reason))
}

#[test]
fn host_is_loopback_or_a_name_of_the_webhook() {
    for host in [
        "localhost",
        "127.0.0.1:9090",
        "127.255.255.254",
        "[::1]:9090",
        "[::ffff:127.0.0.1]",
        "localhost:",
        "hooks.example.com",
        "HOOKS.example.COM:443",
        "[2001:db8::1]:443",
    ] {
        assert_eq!(refused(&[("Host", host)]), None, "{host}");
    }
    for host in [
        "0.0.0.0:9090",
        "[::]:9090",
        "128.0.0.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "::1",
        "[::1",
        "[::1]9090",
        "[localhost]",
        "localhost.",
        "x.localhost",
        "localhost,evil.example",
        "example.com",
        "x.hooks.example.com",
        "hooks.example.com.evil.example",
        "hooks.example.com@evil.example",
        "hooks.example.com:443@evil.example",
        "hooks.example.com:+1",
        "[::1]:x",
        "127.0.0.1:80:80",
        "2001:db8::1",
        "",
        "\u{e9}",
    ] {
        assert_eq!(refused(&[("Host", host)]), Some((421, "foreign_host")), "{host}");
    }
    // Only HTTP/1.0, which no browser speaks, may leave it out.
    assert_eq!(refused(&[]), None);
    for host in ["localhost:65536", "hooks.example.com:99999", "[::1]:99999999999999999999"] {
        assert_eq!(refused(&[("Host", host)]), Some((400, "bad_host")), "{host}");
    }
}

#[test]
fn known_host_of_a_connection_is_one_of_loopback_without_a_website() {
    let admits = |local: &LocalHost, request: &Request<()>| {
        local.admits(request, &HeaderSummary::of(request.headers()))
    };
    for (host, is_local) in [
        ("localhost:9090", true),
        ("127.0.0.1", true),
        ("[::1]:9090", true),
        ("localhost:65536", false),
        ("hooks.example.com", false),
        ("localhost@evil.example", false),
        ("\u{e9}", false),
    ] {
        let local = LocalHost::default();
        // The first request with a host decides, and the second one finds it.
        for _ in 0..2 {
            assert_eq!(admits(&local, &request(&[("Host", host)])), is_local, "{host}");
        }
        let mut absolute = request(&[("Host", host)]);
        *absolute.uri_mut() = "http://evil.example/events".parse().expect("a target");
        assert!(!admits(&local, &absolute), "{host}");
        for other in [
            &[("Host", host), ("Origin", "http://localhost")][..],
            &[("Host", host), ("Sec-Fetch-Site", "none")],
            &[("Host", host), ("Host", host)],
            &[("Host", "evil.example")],
            &[],
        ] {
            assert!(!admits(&local, &request(other)), "{other:?} after {host}");
        }
    }
}

#[test]
fn authority_of_the_target_replaces_the_host() {
    let guard = BrowserGuard::new(&[]);
    for (host, target, is_admitted) in [
        ("evil.example", "http://localhost:9090/events", true),
        ("localhost", "http://evil.example/events", false),
        ("localhost", "http://localhost@evil.example/events", false),
    ] {
        let mut request = request(&[("Host", host)]);
        *request.uri_mut() = target.parse().expect("a target");
        assert_eq!(guard.check(&request).is_ok(), is_admitted, "{target}");
    }
}

#[test]
fn origin_is_a_website_on_a_host_of_the_webhook() {
    for origin in
        ["http://localhost", "HTTPS://127.0.0.1:5173", "http://[::1]:1", "https://hooks.example.com"]
    {
        assert_eq!(refused(&[("Host", "localhost"), ("Origin", origin)]), None, "{origin}");
    }
    for origin in [
        "null",
        "",
        "localhost",
        "http://",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "http://localhost:80@evil.example",
        "http://localhost:99999",
        "http://localhost/",
        "http://localhost, http://evil.example",
        "ftp://localhost",
        "chrome-extension://localhost",
    ] {
        let refused = refused(&[("Host", "localhost"), ("Origin", origin)]);
        assert_eq!(refused, Some((403, "foreign_origin")), "{origin}");
    }
    let twice = [("Host", "localhost"), ("Origin", "http://localhost"), ("Origin", "http://evil.example")];
    assert_eq!(refused(&twice), Some((403, "foreign_origin")));
}

#[test]
fn request_that_the_browser_sends_for_another_site_is_refused() {
    for (site, expected) in [
        ("same-origin", None),
        ("none", None),
        ("same-site", Some((403, "foreign_site"))),
        ("cross-site", Some((403, "foreign_site"))),
        ("", Some((403, "foreign_site"))),
        ("None", Some((403, "foreign_site"))),
    ] {
        assert_eq!(refused(&[("Host", "localhost"), ("Sec-Fetch-Site", site)]), expected, "{site}");
    }
}

#[test]
fn log_line_of_a_refused_host_names_the_key_and_shows_the_host_cut_and_escaped() {
    let logs = Logs::capture();
    let guard = BrowserGuard::new(&[]);
    let long = format!("tunnel.example\t{}", "x".repeat(1000));
    for _ in 0..250 {
        assert!(guard.check(&request(&[("Host", &long)])).is_err());
    }
    // The 1st, the 100th and the 200th.
    let lines = logs.with("`hosts`");
    assert_eq!(lines.len(), 3, "{lines:?}");
    let line = &lines[1];
    assert!(line.contains("host=\"tunnel.example\\txxx") && line.contains("refused=100"), "{line}");
    assert!(line.len() < 400, "{line}");
}
