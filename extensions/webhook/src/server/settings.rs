//! The settings of a server, which all its webhooks share, and its limits.
//!
//! A limit or `tls` is a key of a webhook, but belongs to the port. [`ServerSettings::merged`] is the only place with that
//! rule.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use trigger_core::{ConfigError, Settings};
use trigger_grammar::duration::show_duration;
use trigger_grammar::size::show_size;

use crate::server::tls_files::TlsFiles;

/// The settings of one server.
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    /// The name of the server, `HOST:PORT` or `the router`, for logs and errors. A runtime has one server of a name.
    pub(crate) name: String,
    /// The host to listen on: an IP address or a name.
    pub(crate) host: String,
    /// The port to listen on. With 0 the system assigns one.
    pub(crate) port: u16,
    pub(crate) limits: Limits,
    /// The addresses of the proxies in front of the server. A proxy has connections for many clients, so
    /// [`Limits::connections_per_client`] does not apply to it.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// `true` if the webhooks have no port, and a router of the program receives their requests.
    pub(crate) is_mounted: bool,
    /// Where the certificate is, for a server with TLS.
    pub(crate) tls: Option<TlsFiles>,
    /// The limits that the webhooks give, in the order of [`KEYS`].
    given: [Option<u64>; COUNT],
}

/// The limits of what clients can use of a server. `Counts` has a counter of what met each limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The maximum number of connections: 4096. Each needs about 20 KiB with its socket, so all need under 100 MiB. It is
    /// lower if the system allows fewer open files.
    pub(crate) connections: usize,
    /// The maximum number of connections of one client address: 64, ten times as many as a browser opens. An IPv6 client is
    /// its /64 network.
    pub(crate) connections_per_client: usize,
    /// The time limit of a request head, and of an idle connection: 10 s. Senders give up after 3 s to 10 s.
    pub(crate) head_timeout: Duration,
    /// The time limit of a request body: 30 s.
    pub(crate) body_timeout: Duration,
    /// The lowest mean rate of a body, in bytes a second: 1 KiB, below that of a modem. It applies after
    /// [`Limits::RATE_AFTER`].
    pub(crate) body_rate: usize,
    /// The maximum size of a head, request line and headers, in bytes: 16 KiB, as much as Node.js accepts.
    pub(crate) head_limit: usize,
    /// The maximum number of headers of a request: 64. Known senders use up to 30.
    pub(crate) header_count: usize,
    /// The maximum size of a request target, in bytes: 8 KiB, as RFC 9112 section 3 recommends.
    pub(crate) target_limit: usize,
    /// The maximum memory of the bodies that have begun and not ended, in bytes: 64 MiB. One body of the largest size is
    /// always accepted.
    pub(crate) unfinished_bodies: usize,
}

impl Limits {
    pub(crate) const DEFAULT: Limits = Limits {
        connections: 4096,
        connections_per_client: 64,
        head_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(30),
        body_rate: 1024,
        head_limit: 16 * 1024,
        header_count: 64,
        target_limit: 8 * 1024,
        unfinished_bodies: 64 * 1024 * 1024,
    };

    /// The time of a body after which its rate is measured. A shorter body may arrive in one late packet.
    pub(crate) const RATE_AFTER: Duration = Duration::from_secs(5);

    /// The time limit of a request, from the begin of its head to its answer. It bounds a webhook whose requests wait for
    /// capacity.
    pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

    /// The age of a connection at which its next answer closes it, so that a client connects to the current server behind a
    /// name.
    pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

    /// Returns the time limit for the body and the answer of a request whose head has arrived.
    pub(crate) fn after_head(&self) -> Duration {
        Limits::REQUEST_TIMEOUT.saturating_sub(self.head_timeout)
    }
}

/// A limit that a webhook can give.
struct Key {
    name: &'static str,
    set: fn(&mut Limits, u64),
    show: fn(u64) -> String,
}

/// The number of [`KEYS`]. Their length itself would make the type of the settings depend on code that names it.
const COUNT: usize = 9;

const KEYS: [Key; COUNT] = [
    number("connections", |limits, value| limits.connections = count(value)),
    number("connections_per_client", |limits, value| limits.connections_per_client = count(value)),
    duration("head_timeout", |limits, value| limits.head_timeout = Duration::from_millis(value)),
    duration("body_timeout", |limits, value| limits.body_timeout = Duration::from_millis(value)),
    size("body_rate", |limits, value| limits.body_rate = count(value)),
    size("head_limit", |limits, value| limits.head_limit = count(value)),
    number("header_count", |limits, value| limits.header_count = count(value)),
    size("target_limit", |limits, value| limits.target_limit = count(value)),
    size("unfinished_bodies", |limits, value| limits.unfinished_bodies = count(value)),
];

const fn number(name: &'static str, set: fn(&mut Limits, u64)) -> Key {
    Key { name, set, show: |value| value.to_string() }
}

const fn duration(name: &'static str, set: fn(&mut Limits, u64)) -> Key {
    Key { name, set, show: show_duration }
}

const fn size(name: &'static str, set: fn(&mut Limits, u64)) -> Key {
    Key { name, set, show: show_size }
}

fn count(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl ServerSettings {
    /// Returns the settings of a server with the default limits.
    pub(crate) fn new(host: &str, port: u16) -> ServerSettings {
        ServerSettings {
            name: format!("{host}:{port}"),
            host: host.to_owned(),
            port,
            limits: Limits::DEFAULT,
            trusted_proxies: Vec::new(),
            is_mounted: false,
            tls: None,
            given: [None; COUNT],
        }
    }

    /// Returns the settings with the limits and the certificate that a webhook gives.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind of webhooks does not have one of the keys.
    pub(crate) fn given_by(mut self, settings: &Settings) -> Result<ServerSettings, ConfigError> {
        for (at, key) in KEYS.iter().enumerate() {
            self.give(at, settings.optional_number(key.name)?);
        }
        self.tls = TlsFiles::of(settings)?;
        Ok(self)
    }

    fn give(&mut self, at: usize, value: Option<u64>) {
        if let Some(value) = value {
            self.given[at] = Some(value);
            (KEYS[at].set)(&mut self.limits, value);
        }
    }

    /// Returns the settings of mounted webhooks, which have no port.
    pub(crate) fn mounted(&self) -> ServerSettings {
        ServerSettings { name: "the router".to_owned(), is_mounted: true, ..self.clone() }
    }

    /// Returns `true` if the host is an address of loopback, or a name that stands for one on every machine.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.host.parse().map_or(self.host == "localhost", |address: IpAddr| address.is_loopback())
    }

    /// Returns the name of a limit that is 0, which would refuse every request.
    pub(crate) fn zero(&self) -> Option<&'static str> {
        KEYS.iter().zip(self.given).find(|(_, given)| *given == Some(0)).map(|(key, _)| key.name)
    }

    /// Returns the settings of a server whose webhooks have these settings. What one does not give is that of the other.
    ///
    /// # Errors
    ///
    /// The first key for which both give another value.
    pub(crate) fn merged(&self, other: &ServerSettings) -> Result<ServerSettings, Different> {
        let mut merged = self.clone();
        merged.trusted_proxies.extend(&other.trusted_proxies);
        for (at, key) in KEYS.iter().enumerate() {
            match (self.given[at], other.given[at]) {
                (Some(one), Some(another)) if one != another => {
                    let values = [one, another].map(key.show);
                    return Err(Different { key: key.name, values });
                }
                (_, value) => merged.give(at, value),
            }
        }
        match (&self.tls, &other.tls) {
            (Some(one), Some(another)) if one != another => {
                let values = [one, another].map(TlsFiles::to_string);
                return Err(Different { key: "tls", values });
            }
            (_, Some(tls)) => merged.tls = Some(tls.clone()),
            (_, None) => {}
        }
        Ok(merged)
    }

    /// Returns `true` if a client address is that of a proxy in front of the server.
    pub(crate) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// A key for which two webhooks of a server give another value.
#[derive(Debug)]
pub(crate) struct Different {
    pub(crate) key: &'static str,
    pub(crate) values: [String; 2],
}
