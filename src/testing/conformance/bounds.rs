//! The bound of a queue, and what it means for a publisher.

use std::time::Duration;

use super::Keeper;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::{Overflow, Result};

/// The capacity of the queue.
const QUEUE: usize = 4;

/// Publishes more than the queue holds, also across a crash. The process never has more events than its queue and its
/// worker have places.
pub(super) async fn memory_holds_no_more_than_the_queue<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = Rig::start(keeper, [Process { queue: QUEUE, ..Process::new("p") }]).await?;
    for id in 0..20 {
        rig.publish(Plan::new(id).runs(Duration::from_millis(10))).await?;
        check_bound(&rig)?;
        if id == 12 {
            rig.crash().await?;
        }
    }
    while !rig.unfinished().await?.is_empty() {
        let before = rig.unfinished().await?.len();
        let end = rig.now() + rig.patience();
        while rig.unfinished().await?.len() == before {
            ensure(rig.now() < end, || format!("{before} events are not handled"))?;
            rig.pass(Duration::from_millis(1)).await?;
            check_bound(&rig)?;
        }
    }
    rig.settle().await
}

fn check_bound<K: Keeper>(rig: &Rig<'_, K>) -> Result {
    let status = rig.status()?;
    let held = status.triggers[0].queue_size + status.in_flight as usize;
    ensure(held <= QUEUE + 1, || format!("{held} events in memory, and the queue holds {QUEUE}"))
}

/// Starts a process of this policy with an event in its handler, and one in its queue, which is then full.
async fn full<K: Keeper>(keeper: &mut K, overflow: Overflow) -> Result<Rig<'_, K>> {
    let mut rig = Rig::start(keeper, [Process { queue: 1, overflow, ..Process::new("p") }]).await?;
    rig.publish(Plan::new(1).runs(Duration::from_secs(1))).await?;
    rig.until("attempt at event 1", |record| !record.of("p", 1).is_empty()).await?;
    rig.publish(Plan::new(2)).await?;
    Ok(rig)
}

/// The publisher waits until the worker takes an event from the full queue. If the keeper has the backlog, it does not wait.
pub(super) async fn publisher_of_wait_waits_for_capacity<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = full(keeper, Overflow::Wait).await?;
    rig.publish(Plan::new(3)).await?;
    let has_waited = rig.record.of("p", 1)[0].end.is_some();
    ensure(has_waited == rig.keeper.bounds_publishers(), || {
        format!("the publisher has waited: {has_waited}")
    })?;
    rig.settle().await
}

/// The publisher gets an error at a full queue, and the event is not handled. If the keeper has the backlog, it gets none.
pub(super) async fn publisher_of_reject_gets_an_error<K: Keeper>(keeper: &mut K, _: u64) -> Result {
    let mut rig = full(keeper, Overflow::Reject).await?;
    let refused = rig.publish(Plan::new(3)).await.is_err();
    let early = rig.record.of("p", 1)[0].end.is_none();
    ensure(early && refused == rig.keeper.bounds_publishers(), || {
        format!("the event was refused: {refused}")
    })?;
    rig.settle().await?;
    let attempts = rig.record.of("p", 3).len();
    ensure(attempts == usize::from(!refused), || {
        format!("{attempts} attempts at event 3, refused: {refused}")
    })
}
