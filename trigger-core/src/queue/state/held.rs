//! Events that something else keeps: they come with a receipt, may be due later, and go back at the end.

use super::super::intake::Capacity;
use super::*;

impl State {
    /// Returns the number of events and of bytes that fit now.
    pub(in super::super) fn capacity_of(&self, port: usize) -> (usize, usize) {
        let port = &self.ports[port];
        if port.entry != Entry::Open {
            return (0, 0);
        }
        let Capacity { events, bytes } = port.free();
        (events, bytes)
    }

    /// Queues an event with or without capacity: what keeps it has asked for the capacity.
    pub(in super::super) fn push_held(
        &mut self,
        port: usize,
        lane: u64,
        mut item: Item,
    ) -> Result<(), PushError> {
        if !self.ports[port].is_open() || self.abandoned || !self.pending.add(&self.quiescence) {
            return Err(PushError::Closed(item));
        }
        // The events of a key are in order, so its lane schedules the event once it is next.
        let due = if self.lanes.is_none() { item.take_due() } else { None };
        match due {
            None => self.accept_one(port, lane, item),
            Some(due) => {
                self.ports[port].count_accepted(&item);
                self.schedule((port, lane, item), due);
            }
        }
        Ok(())
    }

    /// Schedules the next event of each lane that is due later.
    #[cold]
    pub(super) fn schedule_deferred(&mut self) {
        let deferred = self.lanes.as_mut().map(|lanes| lanes.take_deferred()).unwrap_or_default();
        for (taken, due) in deferred {
            self.schedule(taken, due);
        }
    }

    /// Abandons all events, and removes the queued ones that something else keeps.
    pub(in super::super) fn release_held(&mut self) -> Vec<Item> {
        self.abandon();
        let mut held = Vec::new();
        for (number, port) in self.ports.iter_mut().enumerate() {
            let queued = port.again.drain(..).chain(port.events.drain(..));
            let (gone, stay): (Vec<_>, Vec<_>) = queued.partition(Item::is_held);
            port.events = stay.into();
            held.extend(gone.into_iter().map(|item| (number, item)));
        }
        held.extend(self.lanes.iter_mut().flat_map(|lanes| lanes.take_held()));
        let expired = std::mem::take(&mut self.expired);
        let (gone, stay): (Vec<_>, Vec<_>) = expired.into_iter().partition(|(_, item)| item.is_held());
        self.expired = stay;
        for (port, item) in self.schedule.take_held().chain(gone) {
            self.ports[port].count_due(&item);
            held.push((port, item));
        }
        for (port, item) in &held {
            let queue = &mut self.ports[*port];
            queue.count_out(item);
            queue.ledger.released += 1;
        }
        held.into_iter().map(|(_, item)| item).collect()
    }
}
