//! The list of the networks whose clients may come.

use http::StatusCode;
use ipnet::IpNet;

use super::{Client, Refusal};

/// The networks whose clients may come.
#[derive(Debug)]
pub(crate) struct AllowList(Box<[IpNet]>);

impl AllowList {
    pub(crate) fn new(networks: Vec<IpNet>) -> AllowList {
        AllowList(networks.into())
    }

    /// Refuses a client outside the list with 403. An unknown client is refused too, because it may be anywhere.
    pub(crate) fn check(&self, client: Client) -> Result<(), Refusal> {
        let is_listed = match client {
            Client::Address(address) => self.0.iter().any(|network| network.contains(&address)),
            Client::Unknown => false,
        };
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "this client is not allowed");
        let refusal = refusal.because("client_not_allowed");
        if is_listed { Ok(()) } else { Err(refusal) }
    }
}
