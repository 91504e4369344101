//! Deliveries that arrive again.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::Result;

/// Redelivers events in their handlers, in the queue and before a retry. Each attempt is made once.
pub(super) async fn duplicate_of_a_held_event_starts_nothing<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process { concurrency: 2, ..Process::new("p") }]).await?;
    rig.publish(Plan::new(0).fails(1, Duration::from_secs(1))).await?;
    for id in 1..5 {
        rig.publish(Plan::new(id).runs(Duration::from_millis(300))).await?;
    }
    for _ in 0..4 {
        rig.pass(Duration::from_millis(100)).await?;
        rig.keeper.redeliver().await;
    }
    rig.settle().await?;
    for id in 0..5 {
        let (attempts, expected) = (rig.record.of("p", id), if id == 0 { 2 } else { 1 });
        ensure(attempts.len() == expected, || format!("not {expected} attempts: {attempts:?}"))?;
    }
    Ok(())
}

/// A handler runs longer than a crashed process would keep its event, and a queue waits behind it. A second runtime of the
/// same program, if there can be one, gets other events only.
pub(super) async fn held_event_is_not_delivered_to_another_runtime<K: Keeper>(
    keeper: &mut K,
    _: u64,
) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    let long = rig.keeper.redelivered_after() * 3 + Duration::from_millis(100);
    rig.publish(Plan::new(1).runs(long)).await?;
    rig.publish(Plan::new(2)).await?;
    rig.publish(Plan::new(3).fails(1, long)).await?;
    rig.until("attempt at event 1", |record| !record.of("p", 1).is_empty()).await?;
    rig.pass(Duration::from_millis(100)).await?;
    let builder = rig.builder();
    let another = rig.keeper.start_another(builder).await?;
    rig.publish(Plan::new(4)).await?;
    rig.settle().await?;
    if let Some(another) = another {
        another.shutdown().await;
    }
    for id in 1..5 {
        let (attempts, expected) = (rig.record.of("p", id), if id == 3 { 2 } else { 1 });
        ensure(attempts.len() == expected, || format!("not {expected} attempts: {attempts:?}"))?;
    }
    Ok(())
}

/// Settlements are made while the keeper does not take them. Nothing stays unsettled.
pub(super) async fn lost_settlement_is_delivered_again<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    rig.publish(Plan::new(1).runs(Duration::from_millis(50))).await?;
    rig.publish(Plan::new(2).rejected()).await?;
    rig.publish(Plan::new(3).fails(1, Duration::from_millis(1))).await?;
    rig.pass(Duration::from_millis(20)).await?;
    rig.keeper.disturb().await;
    rig.settle_all().await
}
