//! An event that is given up.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use crate::Result;

/// Ends a runtime after each number of milliseconds since the confirmation of an event that is rejected. The event is
/// kept as a dead letter, or delivered again: it is never in neither place.
pub(super) async fn dead_letter_is_kept_before_the_acknowledgement<K: Keeper>(
    keeper: &mut K,
    _: u64,
) -> Result {
    let mut rig = Rig::start(keeper, [Process { retry: 0, ..Process::new("p") }]).await?;
    for point in 1..24 {
        let plan = Plan::new(point).runs(Duration::from_millis(8));
        // Two events become dead letters for different reasons.
        let plan = if point % 2 == 0 { plan.rejected() } else { plan.fails(1, Duration::ZERO) };
        rig.publish(plan).await?;
        rig.pass(Duration::from_millis(point)).await?;
        rig.crash().await?;
        rig.settle().await?;
    }
    Ok(())
}
