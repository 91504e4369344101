//! The buckets, on the paused clock, and the bound of their clients.

use tokio::time::advance;
use trigger_grammar::rate::parse_rate;

use super::super::tests::client;
use super::*;

fn limits(rate: &str, per_client: &str) -> RateLimits {
    RateLimits::new(parse_rate(rate).ok(), parse_rate(per_client).ok()).expect("a rate")
}

/// Returns the reason of a refusal, and the seconds of its `Retry-After`.
fn refused(taken: Result<(), Refusal>) -> Option<(&'static str, u64)> {
    let refusal = taken.err()?;
    assert_eq!((refusal.status.as_u16(), &*refusal.message), (429, "too many requests"));
    Some((refusal.reason, refusal.retry_after.expect("a time")))
}

/// Returns the number of clients with a bucket, and of those that were evicted.
fn counts(limits: &RateLimits) -> (usize, u64) {
    let clients = limits.state().clients.len();
    (clients, limits.evicted_clients())
}

#[test]
fn webhook_without_a_rate_has_no_limits() {
    assert!(RateLimits::new(None, None).is_none());
}

#[tokio::test(start_paused = true)]
async fn bucket_admits_its_rate_at_once_and_then_refills_evenly() {
    let (limits, a) = (limits("50/s", ""), client("192.0.2.1"));
    for _ in 0..50 {
        assert_eq!(limits.take(a), Ok(()));
    }
    assert_eq!(refused(limits.take(client("192.0.2.2"))), Some(("rate", 1)));
    advance(Duration::from_millis(19)).await;
    assert_eq!(refused(limits.take(a)), Some(("rate", 1)));
    advance(Duration::from_millis(1)).await;
    assert_eq!(limits.take(a), Ok(()));
    assert_eq!(refused(limits.take(a)), Some(("rate", 1)));
    // A full bucket gets no fuller.
    advance(Duration::from_secs(3600)).await;
    assert_eq!((0..100).filter(|_| limits.take(a).is_ok()).count(), 50);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_the_wait_in_whole_seconds_rounded_up() {
    for (rate, count, milliseconds, wait) in [
        ("1/s", 1, 0, 1),
        ("1/m", 1, 0, 60),
        ("1/h", 1, 0, 3600),
        ("1/h", 1, 1, 3600),
        ("1/h", 1, 1000, 3599),
        ("1/h", 1, 3_599_999, 1),
        ("40/m", 40, 0, 2),
        ("1000/h", 1000, 0, 4),
        ("1000/h", 1000, 3000, 1),
    ] {
        let (limits, a) = (limits(rate, ""), client("192.0.2.1"));
        assert_eq!((0..count).filter(|_| limits.take(a).is_ok()).count(), count, "{rate}");
        advance(Duration::from_millis(milliseconds)).await;
        assert_eq!(refused(limits.take(a)), Some(("rate", wait)), "{rate} after {milliseconds} ms");
        // A client that waits this long is admitted.
        advance(Duration::from_secs(wait)).await;
        assert_eq!(limits.take(a), Ok(()), "{rate}");
    }
}

#[tokio::test(start_paused = true)]
async fn rate_over_the_resolution_of_the_clock_is_a_limit_too() {
    let bucket = Bucket::of(parse_rate("4294967295/s").expect("a rate"));
    assert_eq!(bucket.interval, Duration::from_nanos(1));
    let now = Instant::now();
    assert_eq!(bucket.take(Some(now + bucket.rest), now), Ok(now + bucket.rest + bucket.interval));
    assert!(bucket.take(Some(now + bucket.rest + bucket.interval), now).is_err());
}

#[tokio::test(start_paused = true)]
async fn each_client_has_a_bucket_and_takes_nothing_from_the_others_when_it_is_refused() {
    let limits = limits("5/m", "2/m");
    let (a, b) = (client("192.0.2.1"), client("192.0.2.2"));
    assert_eq!([limits.take(a), limits.take(a)], [Ok(()), Ok(())]);
    for _ in 0..10 {
        assert_eq!(refused(limits.take(a)), Some(("rate_per_client", 30)));
    }
    assert_eq!([limits.take(b), limits.take(b)], [Ok(()), Ok(())]);
    assert_eq!(limits.take(client("192.0.2.3")), Ok(()));
    // The bucket of all is empty. A refusal by it takes nothing from the client, and adds none.
    for _ in 0..10 {
        assert_eq!(refused(limits.take(client("192.0.2.4"))), Some(("rate", 12)));
    }
    assert_eq!(limits.state().clients.len(), 3);
    advance(Duration::from_secs(24)).await;
    assert_eq!([limits.take(client("192.0.2.4")), limits.take(client("192.0.2.4"))], [Ok(()), Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn addresses_of_one_ipv6_network_are_one_client() {
    let limits = limits("", "1/m");
    assert_eq!(limits.take(client("2001:db8:1:2::1")), Ok(()));
    assert_eq!(limits.take(client("2001:db8:1:3::1")), Ok(()));
    assert_eq!(refused(limits.take(client("2001:db8:1:2:ffff::9"))), Some(("rate_per_client", 60)));
    // Each IPv4 address is a client, and so are all unknown ones together.
    for client in [client("192.0.2.1"), client("192.0.2.2"), Client::Unknown] {
        assert_eq!(limits.take(client), Ok(()));
        assert_eq!(refused(limits.take(client)), Some(("rate_per_client", 60)));
    }
}

#[tokio::test(start_paused = true)]
async fn only_10_000_clients_are_counted_and_the_one_that_was_idle_longest_is_evicted() {
    let limits = limits("", "1/h");
    let nth = |n: u32| Client::Address(std::net::Ipv4Addr::from(n).into());
    for n in 0..10_000 {
        assert_eq!(limits.take(nth(n)), Ok(()));
    }
    assert_eq!(counts(&limits), (10_000, 0));
    // A refused request is a use, so its client is not evicted.
    assert_eq!(refused(limits.take(nth(0))), Some(("rate_per_client", 3600)));
    for n in 10_000..20_000 - 1 {
        assert_eq!(limits.take(nth(n)), Ok(()));
    }
    assert_eq!(counts(&limits), (10_000, 9_999));
    assert_eq!(refused(limits.take(nth(0))), Some(("rate_per_client", 3600)));
    // Client 1 was evicted, and begins with a full bucket.
    assert_eq!(limits.take(nth(1)), Ok(()));
    assert_eq!(counts(&limits), (10_000, 10_000));
}
