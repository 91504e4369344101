//! A crash at any point between the publication and the settlement.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::Result;

/// Ends a runtime after each number of milliseconds since the confirmation of an event.
pub(super) async fn confirmed_event_survives_a_crash_at_any_point<K: Keeper>(
    keeper: &mut K,
    _: u64,
) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    for point in 0..16 {
        rig.publish(Plan::new(point).runs(Duration::from_millis(6))).await?;
        // At the point 0 not even a task runs between the confirmation and the crash.
        if point > 0 {
            rig.pass(Duration::from_millis(point)).await?;
        }
        rig.crash().await?;
        rig.settle().await?;
    }
    Ok(())
}

/// The number of events of a large backlog. A start loads up to 1000 events of a store at a time.
const BACKLOG: u64 = 1100;

/// Publishes more events than a start loads at a time, behind one that is in its handler when the runtime ends.
pub(super) async fn large_backlog_survives_a_crash<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let queue = 2 * BACKLOG as usize;
    let mut rig = Rig::start(keeper, [Process { queue, ..Process::new("p") }]).await?;
    rig.publish(Plan::new(0).runs(Duration::from_secs(1))).await?;
    let plans: Vec<_> = (1..BACKLOG).map(Plan::new).collect();
    rig.publish_together(&plans, Duration::from_millis(500)).await?;
    let confirmed = rig.confirmed.len() as u64;
    ensure(confirmed == BACKLOG, || format!("{confirmed} of {BACKLOG} publications have a confirmation"))?;
    rig.pass(Duration::from_millis(200)).await?;
    rig.crash().await?;
    rig.settle().await
}

/// Waits until the end of two events is safe. Neither is delivered after a crash.
pub(super) async fn settled_event_is_not_delivered_again<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    rig.publish(Plan::new(1)).await?;
    rig.publish(Plan::new(2).rejected()).await?;
    rig.until("end of both events", |record| {
        record.all().iter().filter(|one| one.end.is_some()).count() == 2
    })
    .await?;
    rig.pass(Duration::from_secs(1)).await?;
    for _ in 0..2 {
        rig.crash().await?;
        rig.pass(rig.keeper.redelivered_after() * 2 + Duration::from_secs(1)).await?;
    }
    for id in [1, 2] {
        let attempts = rig.record.of("p", id);
        ensure(attempts.len() == 1, || format!("event {id} was settled, and delivered again: {attempts:?}"))?;
    }
    let (letters, kept) = (rig.dead_letters().await?.len(), usize::from(rig.keeper.survives_crash()));
    ensure(letters == kept, || format!("{letters} dead letters instead of {kept}"))?;
    rig.settle().await
}
