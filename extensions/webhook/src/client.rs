//! Who may come: the rules of a webhook about the clients of its requests. They need only the head, so a refused client
//! costs no body.

use std::fmt;
use std::net::IpAddr;

use http::Request;
use ipnet::IpNet;
use trigger_grammar::Fault;
use trigger_grammar::network::parse_network;
use trigger_grammar::rate::Rate;

use address::TrustedProxies;
use allow::AllowList;
use browser::BrowserGuard;
use rate::RateLimits;

use crate::server::check::{HeaderSummary, Refusal};

mod address;
mod allow;
mod browser;
mod rate;
mod recent;

pub(crate) use browser::LocalHost;

/// The settings of one webhook about its clients. The default admits every client.
#[derive(Clone, Debug, Default)]
pub(crate) struct AdmissionRules {
    /// The proxies whose `X-Forwarded-For` is read.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The networks of the clients that may come. `None` admits every client, and an empty list none.
    pub(crate) allow: Option<Vec<IpNet>>,
    /// `true` if the webhook verifies no signature and no token, so that only the browser guard protects it from websites.
    pub(crate) is_unsigned: bool,
    /// The names under which an unsigned webhook on loopback is reached, beside those of loopback.
    pub(crate) hosts: Vec<String>,
    /// The limit of the requests of all clients together.
    pub(crate) rate: Option<Rate>,
    /// The limit of the requests of each client.
    pub(crate) rate_per_client: Option<Rate>,
}

/// Parses a network of [`AdmissionRules`].
///
/// # Errors
///
/// The [`Fault`] of [`parse_network`].
pub(crate) fn network(text: &str) -> Result<IpNet, Fault> {
    let (address, prefix) = parse_network(text)?;
    // The prefix fits the address, because the text was checked.
    Ok(IpNet::new(address, prefix).unwrap_or_else(|_| address.into()))
}

/// The rules of one webhook about its clients, with the state of its rates.
#[derive(Debug)]
pub(crate) struct Admission {
    proxies: TrustedProxies,
    allow: Option<AllowList>,
    guard: Option<BrowserGuard>,
    rates: Option<RateLimits>,
    /// `true` if only the guard may refuse a client, and no proxy is trusted.
    admits_peers: bool,
}

impl Admission {
    pub(crate) fn new(rules: AdmissionRules) -> Admission {
        let admits_peers = rules.trusted_proxies.is_empty()
            && rules.allow.is_none()
            && rules.rate.is_none()
            && rules.rate_per_client.is_none();
        Admission {
            admits_peers,
            proxies: TrustedProxies::new(rules.trusted_proxies),
            allow: rules.allow.map(AllowList::new),
            guard: rules.is_unsigned.then(|| BrowserGuard::new(&rules.hosts)),
            rates: RateLimits::new(rules.rate, rules.rate_per_client),
        }
    }

    /// Returns the client of a request, if it may come. Of the request it reads only the head.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] that answers the request. A refused request counts in no rate.
    pub(crate) fn admit<B>(&self, arrival: Arrival, request: &Request<B>) -> Result<Client, Refusal> {
        let client = match arrival.peer {
            Some(peer) => self.proxies.client(peer, request.headers()),
            None => Client::Unknown,
        };
        if let Some(allow) = &self.allow {
            allow.check(client)?;
        }
        if let Some(guard) = self.guard.as_ref().filter(|_| arrival.may_be_local) {
            guard.check(request)?;
        }
        if let Some(rates) = &self.rates {
            rates.take(client)?;
        }
        Ok(client)
    }

    /// Returns `true` if [`admit`](Self::admit) returns the TCP peer of each request that is not guarded.
    #[inline]
    pub(crate) fn admits_peers(&self) -> bool {
        self.admits_peers
    }

    /// Returns the number of clients that were evicted, and so began with a full `rate_per_client` at their next request.
    pub(crate) fn evicted_clients(&self) -> u64 {
        self.rates.as_ref().map_or(0, RateLimits::evicted_clients)
    }
}

/// What a connection says of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The address of the TCP peer, if it is known.
    pub(crate) peer: Option<IpAddr>,
    /// `true` if a browser on this machine may have sent the request, as if the server listens only on loopback. Elsewhere its
    /// `Host` is whatever name the network has for it, so there is no browser guard.
    pub(crate) may_be_local: bool,
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Its address. An IPv4 address in IPv6 form is an IPv4 address here.
    Address(IpAddr),
    /// A trusted proxy sent no address for it, or the server of the program gives no address.
    Unknown,
}

/// Shows the address, or `unknown`.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Address(address) => address.fmt(f),
            Client::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests;
