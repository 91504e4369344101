//! What must be true of a run: of its counts, and of its record.

use std::collections::HashMap;

use super::Keeper;
use super::plan::Attempted;
use super::rig::Rig;
use crate::{Result, TriggerStatus};

impl<K: Keeper> Rig<'_, K> {
    /// Checks that every accepted event of this runtime is counted exactly once.
    pub(super) fn check_balance(&self) -> Result {
        for status in self.runtime()?.status().processes {
            let sum = |of: fn(&TriggerStatus) -> u64| status.triggers.iter().map(of).sum::<u64>();
            let accepted = sum(|trigger| trigger.accepted);
            let ended = sum(|trigger| trigger.evicted + trigger.released);
            let queued = sum(|trigger| trigger.queue_size as u64);
            if accepted != queued + status.in_flight + status.handled + status.dead_lettered + ended {
                return Err(format!("the counts do not balance: {status:?}").into());
            }
        }
        Ok(())
    }

    /// Checks that what a crash has lost was not handled later.
    pub(super) fn check_lost(&self) -> Result {
        for ((process, id), life) in &self.lost {
            let attempts = self.record.of(process, *id);
            if let Some(later) = attempts.iter().find(|attempted| attempted.life > *life) {
                return Err(format!("event {id} was lost, and handled nevertheless: {later:?}").into());
            }
        }
        Ok(())
    }

    /// Checks that no process made more attempts than it may, or two at once at one event.
    pub(super) fn check_attempts(&self) -> Result {
        for process in &self.processes {
            let attempts = self.record.all();
            let of = |one: &&Attempted| &*one.process == process.name;
            let mut running: HashMap<(usize, u64), usize> = HashMap::new();
            for one in attempts.iter().filter(of) {
                ensure(one.number <= process.retry + 1, || format!("one attempt too many: {one:?}"))?;
                let end = one.end.as_ref().map_or(usize::MAX, |end| end.position);
                let before = running.insert((one.life, one.plan.id), end);
                ensure(before.is_none_or(|before| before < one.begin), || {
                    format!("two attempts at once: {one:?}")
                })?;
            }
        }
        Ok(())
    }

    /// Checks that the events of a key began in the order of their publication, each after the end of the one before, and
    /// never two at once. A later handling of an event that had ended is no disorder.
    pub(super) fn check_order(&self, process: &'static str) -> Result {
        let attempts = self.record.all();
        let of = |id| move |attempted: &&Attempted| &*attempted.process == process && attempted.plan.id == id;
        for (index, plan) in self.confirmed.iter().enumerate() {
            let first = attempts.iter().filter(of(plan.id)).map(|attempted| attempted.begin).min();
            let before = self.confirmed[..index].iter().rev().find(|before| before.key == plan.key);
            let (Some(first), Some(before)) = (first, before) else { continue };
            let last = attempts.iter().filter(of(before.id)).find_map(|attempted| match &attempted.end {
                Some(end) if end.is_last => Some(end.position),
                _ => None,
            });
            // It was lost, or is a dead letter of a drain.
            let gone = last.is_none() && self.over.contains(&(process, before.id));
            if last.is_none_or(|last| last > first) && !gone {
                return Err(format!("event {} began before event {} had ended", plan.id, before.id).into());
            }
        }
        for (index, one) in attempts.iter().enumerate() {
            let Some(end) = &one.end else { continue };
            let beside = attempts[index + 1..].iter().find(|other| {
                let same = other.process == one.process && other.plan.key == one.plan.key;
                same && other.begin < end.position
            });
            if let Some(beside) = beside.filter(|_| &*one.process == process) {
                let ids = (one.plan.id, beside.plan.id);
                return Err(format!("events {ids:?} of one key were handled at once").into());
            }
        }
        Ok(())
    }
}

/// Fails a check unless a condition is true.
pub(super) fn ensure(condition: bool, problem: impl FnOnce() -> String) -> Result {
    if condition { Ok(()) } else { Err(problem().into()) }
}
