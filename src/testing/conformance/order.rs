//! The order of the events of a key.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use crate::Result;

/// The number of events of a check.
const EVENTS: u64 = 24;

/// The number of keys.
const KEYS: u64 = 3;

/// Returns a process with a small queue, so that events also wait outside of it.
fn keyed() -> Process {
    Process { keyed: true, concurrency: 4, queue: 6, ..Process::new("p") }
}

/// Returns the plan of an event: a third of them fails first.
fn plan(id: u64) -> Plan {
    let plan = Plan::new(id).key(id % KEYS).runs(Duration::from_millis(id % 4 * 5));
    if id % 5 < 2 { plan.fails(1 + id as u32 % 2, Duration::from_millis(30)) } else { plan }
}

/// An event of a key waits while the one before waits for its retry.
pub(super) async fn order_of_a_key_is_kept_over_retries<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [keyed()]).await?;
    for id in 0..EVENTS {
        rig.publish(plan(id)).await?;
    }
    rig.settle().await?;
    rig.check_order("p")
}

/// The next runtime continues each key where the one before has stopped.
pub(super) async fn order_of_a_key_is_kept_over_crashes<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [keyed()]).await?;
    for id in 0..EVENTS {
        rig.publish(plan(id)).await?;
        if id % 8 == 7 {
            rig.pass(Duration::from_millis(40)).await?;
            rig.crash().await?;
        }
    }
    rig.settle().await?;
    rig.check_order("p")
}
