//! The limits of how often requests may come: of all clients together, and of each one.
//!
//! A limit is a bucket that holds as many requests as its rate has, and refills evenly: `50/s` admits 50 requests at once, and
//! then one every 20 ms. It is the generic cell rate algorithm (ITU-T I.371), whose whole state is one instant. The time is
//! that of tokio's clock, which tests pause.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use trigger_grammar::rate::Rate;

use super::recent::Recent;
use super::{Client, Refusal};

/// The number of clients whose requests are counted. With one more, the client that was idle for the longest time is
/// evicted. So a flood of clients takes at most about 1 MB, and no client waits for a place.
const CLIENTS: usize = 10_000;

/// The limits of one webhook.
#[derive(Debug)]
pub(crate) struct RateLimits {
    total: Option<Bucket>,
    per_client: Option<Bucket>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the bucket of all clients is full. `None` before the first request.
    total: Option<Instant>,
    /// When the bucket of each client is full.
    clients: Recent<Client, Instant>,
}

impl RateLimits {
    /// Returns limits with these rates, or `None` without a rate.
    pub(crate) fn new(rate: Option<Rate>, per_client: Option<Rate>) -> Option<RateLimits> {
        if rate.is_none() && per_client.is_none() {
            return None;
        }
        let state = State { total: None, clients: Recent::new(CLIENTS) };
        let (total, per_client) = (rate.map(Bucket::of), per_client.map(Bucket::of));
        Some(RateLimits { total, per_client, state: Mutex::new(state) })
    }

    /// Takes one request of this client from both buckets. If a bucket is empty, refuses the request with 429 and takes from
    /// neither.
    ///
    /// So a client over its own rate uses up nothing of the rate of all. The rate of all is compared first, and a request over
    /// it adds no client. So a flood of clients evicts no more of them than that rate admits.
    pub(crate) fn take(&self, client: Client) -> Result<(), Refusal> {
        let now = Instant::now();
        let mut state = self.state();
        let state = &mut *state;
        let total = match &self.total {
            Some(bucket) => Some(bucket.take(state.total, now).map_err(|wait| too_many("rate", wait))?),
            None => None,
        };
        if let Some(bucket) = &self.per_client {
            let full_at = state.clients.get_or_insert(group(client), now);
            *full_at = bucket.take(Some(*full_at), now).map_err(|wait| too_many("rate_per_client", wait))?;
        }
        state.total = total;
        Ok(())
    }

    /// Returns the number of clients that were evicted.
    pub(crate) fn evicted_clients(&self) -> u64 {
        self.state().clients.evicted()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what counts as one client: an IPv4 address, or the /64 network of an IPv6 address, because one client usually has
/// all addresses of a /64. All unknown clients count as one.
fn group(client: Client) -> Client {
    match client {
        Client::Address(IpAddr::V6(address)) => {
            Client::Address(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
        }
        other => other,
    }
}

fn too_many(reason: &'static str, wait: Duration) -> Refusal {
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").because(reason);
    // Rounded up, so that a client that waits this long finds a request in the bucket.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Refusal { retry_after: Some(seconds), ..refusal }
}

/// The size of a bucket and the speed at which it refills.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// The time in which the bucket gets one request.
    interval: Duration,
    /// The time in which an empty bucket with one request gets full.
    rest: Duration,
}

impl Bucket {
    /// Returns the bucket of a rate. A rate over 10^9 per second counts as that, the resolution of the clock.
    fn of(rate: Rate) -> Bucket {
        let period = Duration::from_secs(rate.period_seconds().into());
        let interval = (period / rate.count()).max(Duration::from_nanos(1));
        Bucket { interval, rest: interval * (rate.count() - 1) }
    }

    /// Takes one request from a bucket that is full at `full_at`, and returns when it is full then.
    ///
    /// # Errors
    ///
    /// The time until an empty bucket has a request.
    fn take(self, full_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let full_at = full_at.map_or(now, |full_at| full_at.max(now));
        let wait = full_at.duration_since(now).saturating_sub(self.rest);
        if wait.is_zero() { Ok(full_at + self.interval) } else { Err(wait) }
    }
}

#[cfg(test)]
mod tests;
