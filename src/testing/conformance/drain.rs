//! The end of a runtime by a drain.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::{DeadLetterReason, Result};

/// Drains a runtime with an event in its handler, two events behind it, and one that waits for its retry. The next runtime
/// handles them, and the cancelled attempt does not count. A keeper that does not survive has them as dead letters.
pub(super) async fn drain_gives_back_what_the_next_start_handles<K: Keeper>(
    keeper: &mut K,
    _: u64,
) -> Result {
    let mut rig = Rig::start(keeper, [Process::new("p")]).await?;
    let long = Duration::from_secs(2);
    rig.publish(Plan::new(1).fails(1, long * 2)).await?;
    rig.until("failed attempt", |record| record.of("p", 1).iter().any(|one| one.end.is_some())).await?;
    for id in 2..5 {
        rig.publish(Plan::new(id).runs(long)).await?;
    }
    rig.until("attempt at event 2", |record| !record.of("p", 2).is_empty()).await?;
    rig.pass(Duration::from_millis(300)).await?;
    let status = rig.status()?;
    let held = status.triggers[0].queue_size + status.in_flight as usize;
    let survives = rig.keeper.survives_crash();
    let handle = rig.runtime()?.dead_letters();
    let report = rig.drain().await?;
    let letters = handle.list().await;
    let drained = letters.iter().filter(|letter| letter.reason == DeadLetterReason::Drained).count();
    let expected = if survives { (held, 0, 0) } else { (0, held, held) };
    ensure((report.released as usize, report.left, drained) == expected, || {
        format!("released, left and dead letters are not {expected:?}: {report}, {drained} dead letters")
    })?;
    rig.restart().await?;
    rig.settle().await?;
    if survives {
        let numbers: Vec<_> = rig.record.of("p", 2).iter().map(|one| one.number).collect();
        ensure(numbers == [1, 1], || format!("a cancelled attempt counts: {numbers:?}"))?;
        let numbers: Vec<_> = rig.record.of("p", 1).iter().map(|one| one.number).collect();
        ensure(numbers == [1, 2], || format!("a failed attempt does not count: {numbers:?}"))?;
    }
    Ok(())
}
