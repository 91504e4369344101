//! The dedupe in memory: its bounds, its counts, and its claims over many tasks.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use triggers::{Claimed, Dedupe, DedupeError, DedupeId, EventId, MemoryDedupe, Result};

/// Returns the time this many seconds after the begin of a test.
fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn event(number: u64) -> EventId {
    format!("01990000-0000-7000-8000-{number:012x}").parse().expect("an id")
}

/// Accepts an id with this window if it is new. Returns the first event otherwise.
async fn deliver(dedupe: &MemoryDedupe, id: &str, window: u64, seconds: u64) -> Option<EventId> {
    let id = DedupeId::new("scope", id.as_bytes()).expect("an id").window(Duration::from_secs(window));
    match dedupe.claim(id, at(seconds)).await.expect("an answer") {
        Claimed::Duplicate(event) => Some(event),
        Claimed::New(claim) => {
            claim.commit(event(seconds));
            None
        }
    }
}

#[tokio::test]
async fn id_that_was_accepted_first_is_evicted_at_the_bound_of_entries() {
    let dedupe = MemoryDedupe::new().entries(3);
    for (seconds, id) in ["a", "b", "c"].into_iter().enumerate() {
        assert_eq!(deliver(&dedupe, id, 600, seconds as u64).await, None);
    }
    // A duplicate does not make an id younger.
    assert_eq!(deliver(&dedupe, "a", 600, 10).await, Some(event(0)));
    assert_eq!(deliver(&dedupe, "d", 600, 11).await, None);
    let counts = dedupe.counts();
    assert_eq!((counts.entries, counts.evicted, counts.duplicates), (3, 1, 1));
    assert_eq!(deliver(&dedupe, "b", 600, 12).await, Some(event(1)));
    assert_eq!(deliver(&dedupe, "d", 600, 12).await, Some(event(11)));
    assert_eq!(deliver(&dedupe, "a", 600, 13).await, None);
    assert_eq!(deliver(&dedupe, "b", 600, 14).await, None);
    assert_eq!((dedupe.counts().entries, dedupe.counts().evicted), (3, 3));
}

#[tokio::test]
async fn bytes_of_the_ids_are_bounded() {
    let dedupe = MemoryDedupe::new().bytes(64 * 1024);
    for number in 0..1000 {
        let id = format!("{number:0>1000}");
        assert_eq!(deliver(&dedupe, &id, 600, number).await, None);
        assert!(dedupe.counts().bytes <= 64 * 1024);
    }
    let counts = dedupe.counts();
    assert!((40..66).contains(&counts.entries), "{counts:?}");
    assert_eq!(counts.entries + counts.evicted, 1000);
    assert_eq!(deliver(&dedupe, &format!("{:0>1000}", 999), 600, 1000).await, Some(event(999)));
}

#[tokio::test]
async fn ids_are_removed_after_their_window_however_long_that_of_other_ids_is() {
    let dedupe = MemoryDedupe::new().entries(100);
    assert_eq!(deliver(&dedupe, "long", 86_400, 0).await, None);
    for number in 0..1000 {
        assert_eq!(deliver(&dedupe, &number.to_string(), 10, number).await, None);
    }
    let counts = dedupe.counts();
    assert_eq!((counts.entries, counts.evicted), (11, 0), "the long one, and those of 10 seconds");
    assert_eq!(deliver(&dedupe, "long", 86_400, 1001).await, Some(event(0)));
    assert_eq!(deliver(&dedupe, "last", 10, 90_000).await, None);
    for seconds in 90_001..90_020 {
        assert_eq!(deliver(&dedupe, "last", 3600, seconds).await.is_some(), seconds != 90_010);
    }
}

#[tokio::test]
async fn ids_whose_windows_end_at_once_are_all_new() {
    let dedupe = MemoryDedupe::new();
    for second in [0, 10, 20] {
        for number in 0..100 {
            assert_eq!(deliver(&dedupe, &number.to_string(), 10, second).await, None);
        }
    }
    // In the reverse order, the first call finds an id that no call has removed yet.
    for number in (0..100).rev() {
        assert_eq!(deliver(&dedupe, &number.to_string(), 10, 30).await, None);
    }
    assert_eq!((dedupe.counts().entries, dedupe.counts().duplicates), (100, 0));
}

#[tokio::test]
async fn id_that_is_empty_or_too_long_is_refused() {
    assert_eq!(DedupeId::new("scope", b""), Err(DedupeError::Empty));
    assert!(DedupeId::new("scope", &[0; 1024]).is_ok());
    assert_eq!(DedupeId::new("scope", &[0; 1025]), Err(DedupeError::TooLong { length: 1025 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_that_claim_one_id_get_one_event() -> Result {
    for round in 0..50 {
        let dedupe = MemoryDedupe::new();
        let mut tasks = JoinSet::new();
        for number in 0..64 {
            let dedupe = dedupe.clone();
            tasks.spawn(async move {
                let id = DedupeId::new("scope", b"delivery").expect("an id");
                match dedupe.claim(id, at(round)).await.expect("an answer") {
                    Claimed::Duplicate(event) => (event, false),
                    Claimed::New(claim) => {
                        tokio::task::yield_now().await;
                        claim.commit(event(number));
                        (event(number), true)
                    }
                }
            });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|(_, is_new)| *is_new).count(), 1);
        assert_eq!(answers.iter().map(|(event, _)| *event).collect::<HashSet<_>>().len(), 1);
        let counts = dedupe.counts();
        assert_eq!((counts.entries, counts.in_progress, counts.duplicates), (1, 0, 63));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_are_aborted_at_any_point_leave_no_claim() -> Result {
    let dedupe = MemoryDedupe::new();
    for round in 0..200 {
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let dedupe = dedupe.clone();
            tasks.spawn(async move {
                let id = DedupeId::new("scope", b"delivery").expect("an id");
                let claimed = dedupe.claim(id, at(round)).await;
                tokio::task::yield_now().await;
                drop(claimed);
            });
        }
        tokio::task::yield_now().await;
        tasks.shutdown().await;
        let counts = dedupe.counts();
        assert_eq!((counts.entries, counts.in_progress), (0, 0), "round {round}");
    }
    assert_eq!(deliver(&dedupe, "delivery", 600, 1000).await, None);
    Ok(())
}
