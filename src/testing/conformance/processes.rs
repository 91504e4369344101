//! An event with several targets.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::Result;

/// One process has handled the event when the runtime ends, the other has not. Only the other one gets it again.
pub(super) async fn each_process_settles_its_own_delivery<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let slower = Duration::from_secs(1);
    let mut rig = Rig::start(keeper, [Process::new("p"), Process { slower, ..Process::new("q") }]).await?;
    rig.publish(Plan::new(1)).await?;
    rig.publish(Plan::new(2)).await?;
    rig.pass(Duration::from_millis(500)).await?;
    rig.crash().await?;
    rig.settle().await?;
    let attempts = |process, id| rig.record.of(process, id).len();
    let (fast, mut slow) = ([attempts("p", 1), attempts("p", 2)], [attempts("q", 1), attempts("q", 2)]);
    // The crash cancels one of the attempts of the slow process.
    slow.sort_unstable();
    let expected = if rig.keeper.survives_crash() { [1, 2] } else { [0, 1] };
    ensure(fast == [1, 1] && slow == expected, || {
        format!("the fast process made {fast:?} attempts, and the slow one {slow:?}")
    })
}
