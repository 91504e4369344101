//! The order of a process with a key. Each key has a lane, whose events are handled one after the other.
//!
//! A lane exists while one of its events is queued, in flight or waiting for a retry. So there are at most as many
//! lanes as events. A lane is busy from the take of an event until its final settlement, also while the event waits for
//! a retry.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::SystemTime;

use super::item::{Item, Taken};
use crate::clock::Instant;

#[derive(Debug)]
pub(super) struct Lanes {
    /// By the hash of the key. A fast hash with a random seed spreads it over the map.
    lanes: HashMap<u64, Lane, foldhash::fast::RandomState>,
    ports: Box<[Ready]>,
    /// The number of the newest event. A newer event has a greater number.
    last_number: i64,
    /// The number of the event that was put back last. It is the smallest number.
    first_number: i64,
    last_ticket: u64,
    /// The next event of a lane, if it is due later. The lane is busy until then.
    deferred: Vec<(Taken, Instant)>,
}

/// The lanes of one queue whose next event can be taken.
#[derive(Debug, Default)]
struct Ready {
    /// The key and the ticket of each lane, in order. An entry is stale unless the lane still has this ticket.
    lanes: VecDeque<(u64, u64)>,
    /// The number of entries that are not stale.
    count: usize,
    /// The key of each event by its number, if the queue evicts its oldest event.
    by_age: Option<BTreeMap<i64, u64>>,
}

/// The number of stale entries, beyond the number of valid ones, that a queue keeps before it removes them.
const STALE_ENTRIES: usize = 64;

/// The number of lanes that a search for the oldest event reads at most, so that the status holds the lock briefly.
const SEARCHED_LANES: usize = 1000;

#[derive(Debug, Default)]
struct Lane {
    busy: bool,
    /// The retry of its first event is due after the deadline of the drain, so no event of the lane is handled.
    expired: bool,
    /// The ticket of the valid entry among the ready lanes; 0 without one.
    ticket: u64,
    events: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    port: usize,
    number: i64,
    item: Item,
}

impl Lanes {
    /// Returns a value without lanes; `evicts` is `true` for each queue that evicts its oldest event.
    pub(super) fn new(evicts: impl Iterator<Item = bool>) -> Lanes {
        let ready = |evicts: bool| Ready { by_age: evicts.then(BTreeMap::new), ..Ready::default() };
        Lanes {
            lanes: HashMap::default(),
            ports: evicts.map(ready).collect(),
            last_number: 0,
            first_number: 0,
            last_ticket: 0,
            deferred: Vec::new(),
        }
    }

    /// Appends an event to the lane of its key.
    ///
    /// # Errors
    ///
    /// The event, if the lane has expired.
    pub(super) fn push(&mut self, port: usize, key: u64, item: Item) -> Result<(), Item> {
        let lane = self.lanes.entry(key).or_default();
        if lane.expired {
            return Err(item);
        }
        self.last_number += 1;
        let number = self.last_number;
        let is_next = !lane.busy && lane.events.is_empty();
        lane.events.push_back(Waiting { port, number, item });
        self.ports[port].add_event(number, key);
        if is_next {
            self.make_ready(key);
        }
        Ok(())
    }

    /// Takes the next event of this queue, from the lane that has been ready the longest.
    pub(super) fn take(&mut self, port: usize) -> Option<(u64, Item)> {
        let ready = &mut self.ports[port];
        while let Some((key, ticket)) = ready.lanes.pop_front() {
            let Some(lane) = self.lanes.get_mut(&key).filter(|lane| lane.ticket == ticket) else { continue };
            ready.count -= 1;
            (lane.busy, lane.ticket) = (true, 0);
            let Waiting { number, item, .. } = lane.events.pop_front()?;
            ready.remove_event(number);
            return Some((key, item));
        }
        None
    }

    pub(super) fn any_ready(&self) -> bool {
        self.ports.iter().any(|ready| ready.count > 0)
    }

    pub(super) fn any_ready_of(&self, port: usize) -> bool {
        self.ports[port].count > 0
    }

    /// Frees the lane after the final settlement of its event. Returns `true` if another event of the lane is ready
    /// now.
    pub(super) fn release(&mut self, key: u64) -> bool {
        let Entry::Occupied(mut lane) = self.lanes.entry(key) else { return false };
        lane.get_mut().busy = false;
        if lane.get().events.is_empty() {
            lane.remove();
            return false;
        }
        self.make_ready(key)
    }

    pub(super) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Returns the next event of each lane that is due later, with its time.
    pub(super) fn take_deferred(&mut self) -> Vec<(Taken, Instant)> {
        std::mem::take(&mut self.deferred)
    }

    /// Removes and returns the events that something else keeps, with the numbers of their queues. No event may be taken
    /// afterwards.
    pub(super) fn take_held(&mut self) -> Vec<(usize, Item)> {
        let mut held = Vec::new();
        for lane in self.lanes.values_mut() {
            let (gone, stay): (Vec<_>, Vec<_>) =
                lane.events.drain(..).partition(|waiting| waiting.item.is_held());
            lane.events = stay.into();
            for Waiting { port, number, item } in gone {
                self.ports[port].remove_event(number);
                held.push((port, item));
            }
        }
        held
    }

    /// Puts a taken event back to the front of its lane, and makes the lane the first ready one of the queue.
    pub(super) fn put_back(&mut self, port: usize, key: u64, item: Item) {
        self.first_number -= 1;
        let number = self.first_number;
        let lane = self.lanes.entry(key).or_default();
        lane.busy = false;
        lane.events.push_front(Waiting { port, number, item });
        self.last_ticket += 1;
        lane.ticket = self.last_ticket;
        let ready = &mut self.ports[port];
        ready.count += 1;
        ready.lanes.push_front((key, self.last_ticket));
        ready.add_event(number, key);
    }

    /// Appends a lane that is not busy to the ready lanes of the queue that its next event is in. Returns `false` if that
    /// event is due later.
    #[inline]
    fn make_ready(&mut self, key: u64) -> bool {
        let Some(lane) = self.lanes.get_mut(&key) else { return false };
        let Some(next) = lane.events.front_mut() else { return false };
        if let Some(due) = next.item.take_due() {
            lane.busy = true;
            if let Some(Waiting { port, number, item }) = lane.events.pop_front() {
                self.ports[port].remove_event(number);
                self.deferred.push(((port, key, item), due));
            }
            return false;
        }
        self.last_ticket += 1;
        lane.ticket = self.last_ticket;
        let ready = &mut self.ports[next.port];
        ready.count += 1;
        ready.lanes.push_back((key, self.last_ticket));
        true
    }

    /// Removes the oldest event of a queue that evicts.
    #[inline]
    pub(super) fn evict(&mut self, port: usize) -> Option<Item> {
        let (number, key) = self.ports[port].by_age.as_mut()?.pop_first()?;
        let Entry::Occupied(mut entry) = self.lanes.entry(key) else { return None };
        let lane = entry.get_mut();
        let index = lane.events.binary_search_by_key(&number, |waiting| waiting.number).ok()?;
        let evicted = lane.events.remove(index)?;
        if index == 0 && !lane.busy {
            // The ready entry of the lane becomes stale.
            lane.ticket = 0;
            self.ports[port].count -= 1;
            if lane.events.is_empty() {
                entry.remove();
            } else {
                self.make_ready(key);
            }
            self.remove_stale(port);
        }
        Some(evicted.item)
    }

    /// Removes stale entries once they are the majority, so that their number is bounded.
    fn remove_stale(&mut self, port: usize) {
        let (ready, lanes) = (&mut self.ports[port], &self.lanes);
        if ready.lanes.len() > 2 * ready.count + STALE_ENTRIES {
            ready.lanes.retain(|(key, ticket)| lanes.get(key).is_some_and(|lane| lane.ticket == *ticket));
        }
    }

    /// Expires the lane of an event whose retry is due after the deadline. Returns the events behind it.
    pub(super) fn expire(&mut self, key: u64) -> Vec<(usize, Item)> {
        let lane = self.lanes.entry(key).or_default();
        lane.expired = true;
        let events = std::mem::take(&mut lane.events);
        let ports = &mut self.ports;
        let leave = |Waiting { port, number, item }| {
            ports[port].remove_event(number);
            (port, item)
        };
        events.into_iter().map(leave).collect()
    }

    /// Returns the timestamp of the oldest event of a queue among the next ones of each lane. With over
    /// [`SEARCHED_LANES`] lanes, returns that of the event that a worker takes next. An index of all events by age would
    /// cost time for each event; a queue that evicts has one.
    pub(super) fn oldest(&self, port: usize) -> Option<SystemTime> {
        let ready = &self.ports[port];
        let oldest = if let Some(by_age) = &ready.by_age {
            let (number, key) = by_age.first_key_value()?;
            let events = &self.lanes.get(key)?.events;
            events.get(events.binary_search_by_key(number, |waiting| waiting.number).ok()?)
        } else if self.lanes.len() <= SEARCHED_LANES {
            let next = self.lanes.values().filter_map(|lane| lane.events.front());
            next.filter(|waiting| waiting.port == port).min_by_key(|waiting| waiting.timestamp())
        } else {
            // No entry is stale: only an eviction leaves one.
            let (key, _) = ready.lanes.front()?;
            self.lanes.get(key)?.events.front()
        };
        oldest.map(Waiting::timestamp)
    }

    /// Returns every event that waits for a worker.
    pub(super) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.lanes.values().flat_map(|lane| lane.events.iter().map(|waiting| (waiting.port, &waiting.item)))
    }
}

impl Waiting {
    fn timestamp(&self) -> SystemTime {
        self.item.frame.timestamp
    }
}

impl Ready {
    fn add_event(&mut self, number: i64, key: u64) {
        if let Some(by_age) = &mut self.by_age {
            by_age.insert(number, key);
        }
    }

    fn remove_event(&mut self, number: i64) {
        if let Some(by_age) = &mut self.by_age {
            by_age.remove(&number);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::event::TriggerEvent;

    fn item() -> Item {
        TriggerEvent::new("test", "1", Map::new()).into()
    }

    fn push(lanes: &mut Lanes, port: usize, key: u64) {
        assert!(lanes.push(port, key, item()).is_ok(), "the lane has not expired");
    }

    #[test]
    fn no_lane_outlives_its_events() {
        let mut lanes = Lanes::new([true].into_iter());
        for key in [1, 1, 2, 3] {
            push(&mut lanes, 0, key);
        }
        assert!(lanes.take(0).is_some());
        for _ in 0..3 {
            assert!(lanes.evict(0).is_some());
        }
        assert_eq!(lanes.lanes.keys().collect::<Vec<_>>(), [&1], "its event is in flight");
        assert!(!lanes.release(1), "no event follows");
        assert!(lanes.lanes.is_empty() && !lanes.any_ready());
        assert_eq!(lanes.ports[0].by_age, Some(BTreeMap::new()));
    }

    #[test]
    fn evictions_leave_a_bounded_number_of_stale_entries() {
        let mut lanes = Lanes::new([true, false].into_iter());
        push(&mut lanes, 0, 1);
        for _ in 0..10 * STALE_ENTRIES {
            push(&mut lanes, 0, 1);
            assert!(lanes.evict(0).is_some());
            push(&mut lanes, 0, 2);
            assert!(lanes.evict(0).is_some());
        }
        assert_eq!(lanes.ports[0].count, 1);
        assert!(lanes.ports[0].lanes.len() <= 3 + STALE_ENTRIES, "{}", lanes.ports[0].lanes.len());
        assert!(lanes.take(0).is_some());
        assert!(!lanes.any_ready() && lanes.take(0).is_none());
    }

    #[test]
    fn eviction_hands_the_lane_to_the_queue_of_its_next_event() {
        let mut lanes = Lanes::new([true, false].into_iter());
        push(&mut lanes, 0, 7);
        push(&mut lanes, 1, 7);
        assert!(lanes.evict(0).is_some());
        assert!(!lanes.any_ready_of(0) && lanes.any_ready_of(1));
        assert!(lanes.take(0).is_none());
        assert_eq!(lanes.take(1).map(|(key, _)| key), Some(7));
    }
}
