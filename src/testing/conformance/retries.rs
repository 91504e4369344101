//! What is known of earlier attempts, and when the next one is due.

use std::time::{Duration, SystemTime};

use super::Keeper;
use super::plan::{Attempted, Plan};
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::Result;

/// Ends the runtime while an event waits for each of its retries.
pub(super) async fn attempts_and_the_last_error_are_kept_over_a_crash<K: Keeper>(
    keeper: &mut K,
    _: u64,
) -> Result {
    let mut rig = Rig::start(keeper, [Process { retry: 2, ..Process::new("p") }]).await?;
    let after = rig.keeper.redelivered_after() + Duration::from_secs(5);
    // Event 1 is handled at its last attempt, and event 2 is a dead letter after it.
    rig.publish(Plan::new(1).fails(2, after)).await?;
    rig.publish(Plan::new(2).fails(3, after)).await?;
    let survives = rig.keeper.survives_crash();
    for number in 1..=(if survives { 2 } else { 1 }) {
        let ended = |one: &Attempted| one.end.is_some();
        rig.until("attempt at both events", |record| {
            [1, 2].iter().all(|id| record.of("p", *id).iter().filter(|one| ended(one)).count() == number)
        })
        .await?;
        rig.pass(Duration::from_secs(1)).await?;
        rig.crash().await?;
    }
    rig.settle().await?;
    if !survives {
        return Ok(());
    }
    for id in [1, 2] {
        for (attempted, number) in rig.record.of("p", id).iter().zip(1..) {
            let error = (number > 1).then(|| format!("{:?}", after * (number - 1)));
            let kept = match (&attempted.last_error, &error) {
                (Some(kept), Some(error)) => kept.contains(error),
                (kept, error) => kept.is_none() && error.is_none(),
            };
            ensure(attempted.number == number && kept, || {
                format!("attempt {number} after the error {error:?} was {attempted:?}")
            })?;
        }
    }
    let letters = rig.dead_letters().await?;
    ensure(letters.len() == 1 && letters[0].0.attempts == 3, || format!("not 3 attempts: {letters:?}"))
}

/// The delay of the retries is kept while the runtime runs.
pub(super) async fn retry_is_not_early<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process { concurrency: 2, ..Process::new("p") }]).await?;
    for id in 1..5 {
        rig.publish(Plan::new(id).fails(3, Duration::from_millis(70 * id))).await?;
    }
    rig.settle().await?;
    (1..5).try_for_each(|id| check_due(&rig.record.of("p", id)))
}

/// The delay is kept, although another runtime makes the retry. One is due while no runtime runs, and then at once.
pub(super) async fn retry_is_not_early_after_a_crash<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    let long = rig.keeper.redelivered_after() * 2 + Duration::from_secs(10);
    rig.publish(Plan::new(1).fails(1, long)).await?;
    rig.publish(Plan::new(2).fails(1, Duration::from_millis(1))).await?;
    rig.until("failed attempt at the first event", |record| {
        record.of("p", 1).iter().any(|one| one.end.is_some())
    })
    .await?;
    rig.pass(Duration::from_millis(500)).await?;
    rig.crash().await?;
    rig.settle().await?;
    [1, 2].into_iter().try_for_each(|id| check_due(&rig.record.of("p", id)))
}

/// Checks that each attempt began no earlier than the one before has asked for.
fn check_due(attempts: &[Attempted]) -> Result {
    let mut due = SystemTime::UNIX_EPOCH;
    for attempted in attempts {
        let early = due.duration_since(attempted.began).unwrap_or_default();
        ensure(early.is_zero(), || format!("an attempt began {early:?} early: {attempted:?}"))?;
        if let Some(end) = &attempted.end {
            due = end.at + attempted.plan.after * attempted.number;
        }
    }
    Ok(())
}
