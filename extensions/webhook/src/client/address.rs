//! The address of a client: that of the TCP peer, or the one that trusted proxies forward.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::Client;

/// The only header that is read. A proxy may pass on `Forwarded` and `X-Real-IP` as the client has sent them.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is read.
#[derive(Debug)]
pub(crate) struct TrustedProxies(Box<[IpNet]>);

impl TrustedProxies {
    /// Returns the proxies in these networks. Logs a warning for a network of all addresses.
    pub(crate) fn new(networks: Vec<IpNet>) -> TrustedProxies {
        for network in networks.iter().filter(|network| network.prefix_len() == 0) {
            tracing::warn!(
                %network,
                "every client is a trusted proxy, so each can claim any address; list the addresses of the proxies in \
                 `trusted_proxies`"
            );
        }
        TrustedProxies(networks.into())
    }

    /// Returns the client of a request.
    ///
    /// Each proxy appends the address of its own peer, so the header is read from right to left. The first address that is
    /// not of a trusted proxy is the client, because whoever has that address could have sent everything before it. If all
    /// are trusted, the first of the header is the client. An entry that is not an address ends the walk.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return Client::Address(client);
        }
        // From right to left, across the lines: several lines are one list (RFC 9110 section 5.3).
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            let Some(address) = parse_hop(entry) else { return Client::Unknown };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        Client::Address(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses an entry of the header: an address, which may have a port. An IPv6 address with a port is in brackets.
fn parse_hop(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address = if let Some(bracketed) = entry.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let is_complete = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(address.parse::<Ipv6Addr>().ok().filter(|_| is_complete)?)
    } else if let Ok(address) = entry.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = entry.split_once(':')?;
        IpAddr::V4(address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port))?)
    };
    Some(address.to_canonical())
}

/// Returns `true` for a port in digits.
pub(crate) fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests;
