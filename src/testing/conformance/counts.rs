//! The counts of the status, compared with the record.

use std::time::Duration;

use super::Keeper;
use super::dice::Dice;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::{Outcome, Result};

/// Publishes random events. The counts balance at every step, and at the end they are those of the record.
pub(super) async fn every_event_is_counted_at_every_step<K: Keeper>(keeper: &mut K, seed: u64) -> Result {
    let mut dice = Dice(seed);
    let (queue, concurrency) = (1 + dice.roll(6) as usize, 1 + dice.roll(3) as usize);
    let process = Process { queue, concurrency, retry: 2, keyed: dice.one_in(2), ..Process::new("p") };
    let mut rig = Rig::start(keeper, [process]).await?;
    for id in 0..30 {
        let plan = Plan::new(id).key(dice.roll(3)).runs(Duration::from_millis(dice.roll(12)));
        let plan = plan.fails(dice.roll(4) as u32, Duration::from_millis(dice.roll(40)));
        rig.publish(if dice.one_in(4) { plan.rejected() } else { plan }).await?;
        rig.pass(Duration::from_millis(dice.roll(10))).await?;
    }
    rig.settle().await?;
    let (status, attempts) = (rig.status()?, rig.record.all());
    let count = |of: fn(&Outcome) -> bool| {
        attempts.iter().filter_map(|one| one.end.as_ref()).filter(|end| of(&end.outcome)).count() as u64
    };
    let done = count(|outcome| *outcome == Outcome::Done);
    let failed = count(|outcome| matches!(outcome, Outcome::Retry(_)));
    let expected = (30, done, 30 - done, failed);
    let accepted = status.triggers[0].accepted;
    ensure((accepted, status.handled, status.dead_lettered, status.failed) == expected, || {
        format!("accepted, handled, dead-lettered and failed are not {expected:?}: {status:?}")
    })
}
