//! Random programs: publications, pauses, failures of the keeper, drains and crashes, in any order.

use std::time::Duration;

use super::Keeper;
use super::dice::Dice;
use super::plan::Plan;
use super::rig::{Process, Rig};
use super::verify::ensure;
use crate::{Overflow, Result};

/// Runs the program of a seed. Every event with a confirmation is handled or a dead letter in each process, at every
/// moment no event is in no place, no attempt is made twice at once, and the events of a key keep their order.
pub(super) async fn every_confirmed_event_ends_in_any_program<K: Keeper>(
    keeper: &mut K,
    seed: u64,
) -> Result {
    let mut dice = Dice(seed);
    let processes: Vec<_> =
        ["p", "q"][..1 + dice.roll(2) as usize].iter().map(|name| process(&mut dice, name)).collect();
    let mut rig = Rig::start(keeper, processes).await?;
    for id in 0..10 + dice.roll(40) {
        step(&mut dice, &mut rig, id).await?;
        if rig.keeper.must_crash() {
            rig.crash().await?;
        }
        check_places(&rig).await?;
    }
    let settled = rig.settle_all().await;
    if rig.keeper.must_crash() {
        rig.crash().await?;
        rig.settle_all().await?;
    } else {
        settled?;
    }
    rig.check_attempts()?;
    for process in rig.processes.iter().filter(|process| process.keyed) {
        rig.check_order(process.name)?;
    }
    Ok(())
}

fn process(dice: &mut Dice, name: &'static str) -> Process {
    Process {
        queue: 1 + dice.roll(8) as usize,
        overflow: if dice.one_in(2) { Overflow::Wait } else { Overflow::Reject },
        concurrency: 1 + dice.roll(4) as usize,
        retry: dice.roll(4) as u32,
        keyed: dice.one_in(2),
        ..Process::new(name)
    }
}

async fn step<K: Keeper>(dice: &mut Dice, rig: &mut Rig<'_, K>, id: u64) -> Result {
    match dice.roll(18) {
        0 => rig.crash().await,
        1 => {
            rig.drain().await?;
            rig.restart().await
        }
        2 => {
            rig.keeper.disturb().await;
            Ok(())
        }
        3 => {
            rig.keeper.redeliver().await;
            Ok(())
        }
        4 => {
            let name = rig.processes[0].name;
            rig.runtime()?.pause(name)?;
            rig.pass(Duration::from_millis(dice.roll(60))).await?;
            Ok(rig.runtime()?.resume(name)?)
        }
        5..8 => rig.pass(Duration::from_millis(dice.roll(60))).await,
        // A refused or cancelled publication has no confirmation, so nothing is expected of it.
        8 => {
            // They have no order, so each has its own key.
            let plans: Vec<_> = (0..2 + dice.roll(5)).map(|n| plan(dice, 1000 + 10 * id + n)).collect();
            let plans: Vec<_> = plans.into_iter().map(|plan| plan.key(plan.id)).collect();
            rig.publish_together(&plans, Duration::from_millis(1 + dice.roll(60))).await
        }
        _ => {
            let plan = plan(dice, id);
            drop(rig.publish_within(plan, Duration::from_millis(1 + dice.roll(30))).await);
            Ok(())
        }
    }
}

fn plan(dice: &mut Dice, id: u64) -> Plan {
    let plan = Plan::new(id).key(dice.roll(3)).runs(Duration::from_millis(dice.roll(20)));
    let fails = if dice.one_in(3) { 1 + dice.roll(4) as u32 } else { 0 };
    let plan = plan.fails(fails, Duration::from_millis(dice.roll(200)));
    if dice.one_in(6) { plan.rejected() } else { plan }
}

/// Checks that each confirmed event that has not ended is kept.
async fn check_places<K: Keeper>(rig: &Rig<'_, K>) -> Result {
    // What ends between the two reads is in both.
    let unfinished = rig.unfinished().await?;
    let kept = rig.keeper.unsettled(rig.runtime()?).await;
    ensure(unfinished.len() <= kept, || format!("{unfinished:?} have not ended, and {kept} events are kept"))
}
