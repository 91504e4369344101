//! The guard of an unsigned webhook on loopback against websites.
//!
//! Every website that a browser on the same machine shows can send requests to loopback. A form needs no permission for it
//! (CORS). A name of the website that resolves to loopback makes the request one of the same origin (DNS rebinding). The
//! guard admits only requests that name loopback, and that no other website sends. It never permits a preflight: no
//! answer of the server has a header of CORS.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{HOST, ORIGIN};
use http::{HeaderName, HeaderValue, Request, StatusCode};

use super::address::is_port;
use super::{HeaderSummary, Refusal};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The number of bytes of a refused host that a log line shows.
const LOGGED: usize = 100;

/// The guard, with the names of the webhook.
#[derive(Debug)]
pub(crate) struct BrowserGuard {
    /// The names beside those of loopback.
    hosts: Box<[Host]>,
    /// The number of requests with a foreign host.
    foreign: AtomicU64,
}

/// The first `Host` of a connection that names loopback. Most clients send the same one each time, which the guard of every
/// webhook admits without another look.
#[derive(Debug, Default)]
pub(crate) struct LocalHost(OnceLock<Box<[u8]>>);

impl LocalHost {
    /// Returns `true` if every guard admits a request: its `Host` names loopback, its target names no other host, and no header
    /// names a website. Otherwise the guard decides.
    #[inline]
    pub(crate) fn admits<B>(&self, request: &Request<B>, summary: &HeaderSummary<'_>) -> bool {
        let [Some(host), None] = summary.hosts else { return false };
        if summary.names_website || request.uri().authority().is_some() {
            return false;
        }
        match self.0.get() {
            Some(known) => **known == *host.as_bytes(),
            None => self.learn(host.as_bytes()),
        }
    }

    /// Keeps a host that names loopback, and returns `true` for it.
    #[cold]
    fn learn(&self, host: &[u8]) -> bool {
        let is_local = str::from_utf8(host).is_ok_and(|host| compare(host, &[]) == Authority::Own);
        if is_local {
            let _ = self.0.set(host.into());
        }
        is_local
    }
}

/// The host of an authority.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// An IPv4 address in IPv6 form is an IPv4 address here.
    Address(IpAddr),
    /// It is compared without regard to case.
    Name(String),
}

/// Whether the authority of a request is that of the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    Own,
    Foreign,
    /// The host is that of the webhook, and the port is over 65535.
    BadPort,
}

impl BrowserGuard {
    /// Returns a guard that admits these hosts beside those of loopback: the public names of a proxy or a tunnel that
    /// forwards them.
    pub(crate) fn new(hosts: &[String]) -> BrowserGuard {
        BrowserGuard {
            hosts: hosts.iter().map(|host| Host::parse(host)).collect(),
            foreign: AtomicU64::new(0),
        }
    }

    /// Refuses a request to another host with 421, and a request from another website with 403.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.check_host(request)?;
        let headers = request.headers();
        if !headers.get_all(ORIGIN).iter().all(|origin| self.is_own_origin(origin)) {
            let message = "requests of other websites are refused";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message).because("foreign_origin"));
        }
        // `none` is a user who enters the address. All other values are those of other websites.
        let is_own_site = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
        if !headers.get_all(SEC_FETCH_SITE).iter().all(is_own_site) {
            let message = "requests of other websites are refused";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message).because("foreign_site"));
        }
        Ok(())
    }

    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        // The authority of an absolute target replaces `Host` (RFC 9112 section 3.2.2).
        let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        // Every browser sends a `Host`, and only HTTP/1.0 may leave it out.
        let Some(host) = authority.or_else(|| Some(request.headers().get(HOST)?.as_bytes())) else {
            return Ok(());
        };
        match str::from_utf8(host).map_or(Authority::Foreign, |host| compare(host, &self.hosts)) {
            Authority::Own => Ok(()),
            Authority::Foreign => Err(self.refuse_host(host)),
            Authority::BadPort => {
                Err(Refusal::new(StatusCode::BAD_REQUEST, "the port of the host is over 65535")
                    .because("bad_host"))
            }
        }
    }

    #[cold]
    fn refuse_host(&self, host: &[u8]) -> Refusal {
        let refused = self.foreign.fetch_add(1, Ordering::Relaxed) + 1;
        if refused == 1 || refused.is_multiple_of(100) {
            let host = String::from_utf8_lossy(&host[..host.len().min(LOGGED)]);
            tracing::warn!(
                ?host,
                refused,
                "request to another host refused; if a proxy or a tunnel forwards this name, add it to `hosts` of the \
                 webhook"
            );
        }
        let message = "this server does not answer for this host";
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, message).because("foreign_host")
    }

    /// Returns `true` if an origin is `http` or `https` on a host of the webhook, with any port.
    fn is_own_origin(&self, origin: &HeaderValue) -> bool {
        let Some((scheme, rest)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let is_http = ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
        is_http && compare(rest, &self.hosts) == Authority::Own
    }
}

/// Compares an authority with that of a webhook with these names, beside those of loopback.
fn compare(text: &str, hosts: &[Host]) -> Authority {
    let Some((host, port)) = split_port(text) else { return Authority::Foreign };
    let port = port.unwrap_or_default();
    // Other characters than digits may be the rest of user information, with the host behind it.
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !is_own_host(host, hosts) {
        Authority::Foreign
    } else if port.is_empty() || is_port(port) {
        Authority::Own
    } else {
        Authority::BadPort
    }
}

/// Returns `true` for `localhost`, 127.0.0.0/8, `::1` and the names of the webhook. The resolver of a network may answer other
/// names of loopback, such as `x.localhost`.
fn is_own_host(host: &str, hosts: &[Host]) -> bool {
    let is_named = |name: &str| host.eq_ignore_ascii_case(name);
    // Without an allocation, because each request to a public name comes here.
    let Ok(address) = host.parse::<IpAddr>() else {
        return is_named("localhost")
            || hosts.iter().any(|host| matches!(host, Host::Name(name) if is_named(name)));
    };
    let address = address.to_canonical();
    address.is_loopback() || hosts.contains(&Host::Address(address))
}

/// Returns the host of an authority, without brackets, and the text of the port behind it.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        let is_address = host.parse::<Ipv6Addr>().is_ok();
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        return is_address.then_some((host, port));
    }
    // Without brackets only a part of an IPv6 address is before the first colon.
    Some(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))))
}

impl Host {
    /// Parses a host without a port. An IPv6 address has no brackets here.
    fn parse(text: &str) -> Host {
        match text.parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) => Host::Name(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
