//! The events of a process that has a key: a lane for each key, in which they come one after the other.
//!
//! A lane exists while one of its events is queued, in flight or waiting for a retry, so there are never more lanes than
//! events. It is busy from the take of an event until its last settlement, also while that event waits for a retry.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};

use super::item::Item;

#[derive(Debug)]
pub(super) struct Lanes {
    /// By a hash of their keys, which a quick hash with a seed of the run spreads.
    lanes: HashMap<u64, Lane, foldhash::fast::RandomState>,
    /// For each queue, the lanes whose next event came through it and may be taken: each lane in one of them, or, busy
    /// or empty, in none.
    ready: Vec<VecDeque<u64>>,
    /// How many events have come, to tell which is older.
    count: u64,
}

#[derive(Debug, Default)]
struct Lane {
    busy: bool,
    /// Its first event is not waited for any more.
    stranded: bool,
    events: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    port: usize,
    number: u64,
    item: Item,
}

impl Lanes {
    pub(super) fn new(ports: usize) -> Lanes {
        Lanes { lanes: HashMap::default(), ready: vec![VecDeque::new(); ports], count: 0 }
    }

    /// Adds an event behind those of its key. Gives it back if they are not waited for any more.
    pub(super) fn push(&mut self, port: usize, key: u64, item: Item) -> Result<(), Item> {
        let lane = self.lanes.entry(key).or_default();
        if lane.stranded {
            return Err(item);
        }
        if !lane.busy && lane.events.is_empty() {
            self.ready[port].push_back(key);
        }
        self.count += 1;
        lane.events.push_back(Waiting { port, number: self.count, item });
        Ok(())
    }

    /// Takes the next event of this queue that follows none of its key.
    pub(super) fn take(&mut self, port: usize) -> Option<(u64, Item)> {
        let key = self.ready[port].pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        lane.busy = true;
        lane.events.pop_front().map(|waiting| (key, waiting.item))
    }

    pub(super) fn any_ready(&self) -> bool {
        self.ready.iter().any(|ready| !ready.is_empty())
    }

    pub(super) fn any_ready_of(&self, port: usize) -> bool {
        !self.ready[port].is_empty()
    }

    /// The event of this key that was taken is over. Says whether another one follows.
    pub(super) fn release(&mut self, key: u64) -> bool {
        let Place::Occupied(mut lane) = self.lanes.entry(key) else { return false };
        match lane.get().events.front() {
            Some(next) => {
                self.ready[next.port].push_back(key);
                lane.get_mut().busy = false;
                true
            }
            None => {
                lane.remove();
                false
            }
        }
    }

    /// Puts an event that was taken before the others of its key.
    pub(super) fn put_back(&mut self, port: usize, key: u64, item: Item) {
        let lane = self.lanes.entry(key).or_default();
        lane.busy = false;
        // Older than all that wait, as it was taken before them.
        lane.events.push_front(Waiting { port, number: 0, item });
        self.ready[port].push_front(key);
    }

    /// Takes out the oldest event of this queue. It looks at all of them: nothing is kept for the sake of a queue that
    /// is full, has a key, and drops its oldest.
    pub(super) fn evict(&mut self, port: usize) -> Option<Item> {
        let waiting = self.lanes.iter().flat_map(|(key, lane)| {
            lane.events
                .iter()
                .enumerate()
                .map(move |(index, waiting)| (waiting.port, waiting.number, *key, index))
        });
        let (_, _, key, index) =
            waiting.filter(|(of, ..)| *of == port).min_by_key(|(_, number, ..)| *number)?;
        let Place::Occupied(mut lane) = self.lanes.entry(key) else { return None };
        let evicted = lane.get_mut().events.remove(index)?;
        if index == 0 && !lane.get().busy {
            self.ready[port].retain(|ready| *ready != key);
            match lane.get().events.front() {
                Some(next) => self.ready[next.port].push_back(key),
                None => drop(lane.remove()),
            }
        }
        Some(evicted.item)
    }

    /// Gives up the lane of an event that is not waited for any more: hands out the events behind it.
    pub(super) fn strand(&mut self, key: u64) -> impl Iterator<Item = (usize, Item)> {
        let lane = self.lanes.entry(key).or_default();
        lane.stranded = true;
        std::mem::take(&mut lane.events).into_iter().map(|waiting| (waiting.port, waiting.item))
    }

    /// Every event that waits for the handler.
    pub(super) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.lanes.values().flat_map(|lane| lane.events.iter().map(|waiting| (waiting.port, &waiting.item)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::event::TriggerEvent;

    #[test]
    fn no_lane_outlives_its_events() {
        let mut lanes = Lanes::new(1);
        let item = || TriggerEvent::new("test", "1", Map::new()).into();
        for lane in [1, 1, 2, 3] {
            lanes.push(0, lane, item()).expect("a lane that is waited for");
        }
        assert!(lanes.take(0).is_some());
        for _ in 0..3 {
            assert!(lanes.evict(0).is_some());
        }
        assert_eq!(lanes.lanes.keys().collect::<Vec<_>>(), [&1], "its event is on its way");
        assert!(!lanes.release(1), "nothing follows");
        assert!(lanes.lanes.is_empty() && !lanes.any_ready());
    }
}
