//! The server of the fake engine: its log of deliveries, their leases, and the calls on their way to it.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use triggers::{DeadLetter, EventId, Frame, RetryState};

use super::{LATENCY, LEASE};

/// The number of a connection. Each source has its own.
pub(super) type Connection = u64;

/// A call to the server.
pub(super) enum Call {
    /// Store the event of a topic.
    Publish(String, Frame),
    /// Remove the delivery.
    Ack(u64),
    /// Store the attempts and the due time of the delivery.
    Retry(u64, RetryState, SystemTime),
    /// Keep the dead letter once, and then remove the delivery at this position.
    Keep(Box<DeadLetter>, Option<u64>),
    /// End the lease of the delivery.
    Release(u64),
    /// Extend the leases of these deliveries.
    Extend(Connection, Vec<u64>),
}

/// A delivery of the log, until it is acknowledged.
pub(super) struct Delivery {
    route: usize,
    pub(super) frame: Frame,
    pub(super) retry: Option<RetryState>,
    pub(super) due: Option<SystemTime>,
    pub(super) deliveries: u32,
    lease: Option<(Connection, Instant)>,
}

#[derive(Default)]
pub(super) struct Server {
    /// The name of the process and the topic of each route.
    routes: Vec<(String, String)>,
    log: BTreeMap<u64, Delivery>,
    positions: u64,
    /// The ids of all events, so that a repetition is stored once.
    stored: HashSet<EventId>,
    letters: Vec<DeadLetter>,
    /// The calls on their way, by the time of their arrival and a number.
    calls: BTreeMap<(Instant, u64), Call>,
    /// The number of calls so far.
    sent: u64,
    connections: Connection,
    closed: HashSet<Connection>,
    /// When the connections are lost.
    cut: Option<(Instant, Instant)>,
    fail_at: Option<(u64, Duration)>,
}

impl Server {
    /// Returns the number of the route, which keeps the events of a topic for a process.
    pub(super) fn declare(&mut self, process: &str, topic: &str) -> usize {
        let wanted = (process.to_owned(), topic.to_owned());
        let known = self.routes.iter().position(|route| *route == wanted);
        known.unwrap_or_else(|| {
            self.routes.push(wanted);
            self.routes.len() - 1
        })
    }

    pub(super) fn connect(&mut self) -> Connection {
        self.connections += 1;
        self.connections
    }

    pub(super) fn disconnect(&mut self, connection: Connection) {
        self.closed.insert(connection);
    }

    /// Closes every connection. The calls on their way are lost.
    pub(super) fn disconnect_all(&mut self) {
        self.closed.extend(1..=self.connections);
        self.calls.clear();
    }

    pub(super) fn is_connected(&self, connection: Connection) -> bool {
        !self.closed.contains(&connection)
    }

    pub(super) fn fail_at(&mut self, call: u64, time: Duration) {
        self.fail_at = Some((call, time));
    }

    /// Loses the connections for this time, from now.
    pub(super) fn cut(&mut self, time: Duration) {
        let now = Instant::now();
        self.cut = Some((now, now + time));
    }

    fn is_cut(&self, at: Instant) -> bool {
        self.cut.is_some_and(|(from, until)| from <= at && at < until)
    }

    /// Counts a call. Returns `false` if the call is lost.
    fn arrives(&mut self) -> bool {
        let number = self.sent;
        self.sent += 1;
        match self.fail_at {
            Some((call, time)) if call == number => {
                self.cut(time);
                false
            }
            _ => !self.is_cut(Instant::now()),
        }
    }

    pub(super) fn send(&mut self, call: Call) {
        self.send_within(call, LATENCY);
    }

    /// Sends a call that arrives after other calls that are sent now.
    pub(super) fn send_late(&mut self, call: Call) {
        self.send_within(call, LATENCY * 3);
    }

    fn send_within(&mut self, call: Call, time: Duration) {
        if self.arrives() {
            self.calls.insert((Instant::now() + time, self.sent), call);
        }
    }

    /// Carries out the calls that have arrived by now.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(first) = self.calls.first_entry().filter(|first| first.key().0 <= now) {
            let ((at, _), call) = first.remove_entry();
            if !self.is_cut(at) {
                self.carry_out(call, at);
            }
        }
    }

    fn carry_out(&mut self, call: Call, at: Instant) {
        match call {
            Call::Publish(topic, frame) => self.store(&topic, &frame),
            Call::Ack(position) => drop(self.log.remove(&position)),
            Call::Retry(position, retry, due) => {
                if let Some(delivery) = self.log.get_mut(&position) {
                    (delivery.retry, delivery.due) = (Some(retry), Some(due));
                }
            }
            Call::Keep(letter, position) => {
                self.keep(*letter);
                // The client acknowledges the event when it has the confirmation of the dead letter.
                position.into_iter().for_each(|position| self.send(Call::Ack(position)));
            }
            Call::Release(position) => {
                if let Some(delivery) = self.log.get_mut(&position) {
                    delivery.lease = None;
                }
            }
            Call::Extend(connection, positions) => {
                for position in positions {
                    if let Some(delivery) = self.log.get_mut(&position) {
                        delivery.lease = Some((connection, at + LEASE));
                    }
                }
            }
        }
    }

    fn keep(&mut self, letter: DeadLetter) {
        let of = |letter: &DeadLetter| (letter.event.id(), letter.process.clone());
        if self.letters.iter().all(|kept| of(kept) != of(&letter)) {
            self.letters.push(letter);
        }
    }

    fn store(&mut self, topic: &str, frame: &Frame) {
        if !self.stored.insert(frame.id()) {
            return;
        }
        for (route, (_, of)) in self.routes.iter().enumerate() {
            if of == topic {
                self.positions += 1;
                let (frame, retry, due) = (frame.clone(), None, None);
                let delivery = Delivery { route, frame, retry, due, deliveries: 0, lease: None };
                self.log.insert(self.positions, delivery);
            }
        }
    }

    pub(super) fn has_stored(&self, id: EventId) -> bool {
        self.stored.contains(&id)
    }

    /// Leases up to `most` deliveries of a route to a connection, in the order of the log.
    ///
    /// A delivery that a closed connection still leases blocks those behind it. So the next process begins with what the one
    /// before held, and the order of a key is kept.
    pub(super) fn fetch(&mut self, route: usize, connection: Connection, most: usize) -> Vec<u64> {
        if !self.arrives() || !self.is_connected(connection) {
            return Vec::new();
        }
        let (now, mut fetched) = (Instant::now(), Vec::new());
        for (position, delivery) in self.log.iter_mut().filter(|(_, delivery)| delivery.route == route) {
            match delivery.lease {
                _ if fetched.len() == most => break,
                Some((other, until)) if until > now => match self.closed.contains(&other) {
                    true => break,
                    false => continue,
                },
                // Another connection gets it first.
                Some((own, until)) if own == connection && until + LATENCY * 10 > now => continue,
                _ => {}
            }
            delivery.lease = Some((connection, now + LEASE));
            delivery.deliveries += 1;
            fetched.push(*position);
        }
        fetched
    }

    pub(super) fn delivery(&self, position: u64) -> Option<&Delivery> {
        self.log.get(&position)
    }

    /// Returns the delivery of the same event to another route, if there is one.
    pub(super) fn beside(&self, position: u64) -> Option<u64> {
        let id = self.log.get(&position)?.frame.id();
        let other = |(other, delivery): &(&u64, &Delivery)| **other != position && delivery.frame.id() == id;
        self.log.iter().find(other).map(|(other, _)| *other)
    }

    /// Leases a delivery for ever, so that it is not delivered.
    pub(super) fn hide(&mut self, position: u64) {
        if let Some(delivery) = self.log.get_mut(&position) {
            delivery.lease = Some((0, Instant::now() + Duration::from_secs(1 << 30)));
        }
    }

    /// Ends all leases of connections that are not closed.
    pub(super) fn expire_leases(&mut self) {
        for delivery in self.log.values_mut() {
            delivery.lease = delivery.lease.filter(|(connection, _)| self.closed.contains(connection));
        }
    }

    pub(super) fn unsettled(&self) -> usize {
        self.log.len()
    }

    pub(super) fn dead_letters(&self) -> &[DeadLetter] {
        &self.letters
    }
}
