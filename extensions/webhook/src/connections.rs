//! The open connections of a server: their number, the number of each client, and the connections without a whole head in the
//! order in which they began to wait for one.
//!
//! At the limit the oldest of these makes way for a new connection, so that clients which send no request cannot keep
//! others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::head_deadline::HeadDeadline;

/// The maximum number of evicted connections whose tasks have not ended. They are over the limit for that time.
const LEAVING: usize = 32;

/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Connections(Mutex<Slots>);

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Entered {
    /// Its slot.
    pub(super) at: u32,
    /// `true` if another one makes way for it.
    pub(super) evicted: bool,
}

/// The slots of the connections. Those without a whole head are a linked list, so that every change takes constant time.
#[derive(Debug)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    /// The number of evicted connections that have not ended.
    leaving: usize,
    clients: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Slot {
    /// The deadline of the head of the connection; `None` for a free slot.
    head: Option<Arc<HeadDeadline>>,
    state: State,
    /// The neighbours of a slot that waits.
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Without a whole head, and in the list.
    Waits,
    /// With a request that is read or answered.
    Busy,
    /// Evicted, and not ended.
    Leaves,
}

impl Default for Connections {
    fn default() -> Connections {
        let (oldest, newest) = (NONE, NONE);
        let (slots, free, clients) = (Vec::new(), Vec::new(), HashMap::new());
        Connections(Mutex::new(Slots { slots, free, oldest, newest, leaving: 0, clients }))
    }
}

impl Connections {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, which begins to wait for a head. At the limit of all the oldest one without a whole head makes
    /// way. `client` is the address whose connections are limited too, with that limit.
    ///
    /// # Errors
    ///
    /// The reason of a refusal: the client has too many connections, or all connections have requests.
    pub(super) fn enter(
        &self,
        head: Arc<HeadDeadline>,
        limit: usize,
        client: Option<(IpAddr, usize)>,
    ) -> Result<Entered, &'static str> {
        let mut slots = self.slots();
        if let Some((client, limit)) = client
            && slots.clients.get(&client).is_some_and(|open| *open >= limit)
        {
            return Err("client_connections");
        }
        let evicted = slots.open() >= limit;
        if evicted && !slots.evict() {
            return Err("connections");
        }
        if let Some((client, _)) = client {
            *slots.clients.entry(client).or_default() += 1;
        }
        Ok(Entered { at: slots.insert(head), evicted })
    }

    /// Evicts the oldest connection without a whole head. Returns `false` if every connection has a request, or if too
    /// many already leave.
    pub(super) fn evict(&self) -> bool {
        self.slots().evict()
    }

    /// Takes a connection whose head has arrived out of the list.
    pub(super) fn busy(&self, at: u32) {
        self.slots().busy(at);
    }

    /// Appends a connection whose request was answered to the list.
    pub(super) fn wait(&self, at: u32) {
        self.slots().wait(at);
    }

    /// Frees the slot of a connection that has ended.
    pub(super) fn leave(&self, at: u32, client: Option<IpAddr>) {
        self.slots().leave(at, client);
    }
}

impl Slots {
    fn open(&self) -> usize {
        self.slots.len() - self.free.len() - self.leaving
    }

    fn evict(&mut self) -> bool {
        let at = self.oldest;
        if at == NONE || self.leaving >= LEAVING {
            return false;
        }
        self.unlink(at);
        self.leaving += 1;
        let slot = &mut self.slots[at as usize];
        slot.state = State::Leaves;
        if let Some(head) = &slot.head {
            head.evict();
        }
        true
    }

    fn insert(&mut self, head: Arc<HeadDeadline>) -> u32 {
        let slot = Slot { head: Some(head), state: State::Busy, before: NONE, after: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        self.wait(at);
        at
    }

    /// Appends a slot to the list of those that wait.
    fn wait(&mut self, at: u32) {
        let newest = self.newest;
        let slot = &mut self.slots[at as usize];
        if slot.state == State::Leaves {
            // Its head arrived at the moment of its eviction, and was answered.
            self.leaving -= 1;
        }
        (slot.state, slot.before, slot.after) = (State::Waits, newest, NONE);
        match newest {
            NONE => self.oldest = at,
            newest => self.slots[newest as usize].after = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Slot { before, after, .. } = self.slots[at as usize];
        match before {
            NONE => self.oldest = after,
            before => self.slots[before as usize].after = after,
        }
        match after {
            NONE => self.newest = before,
            after => self.slots[after as usize].before = before,
        }
    }

    fn busy(&mut self, at: u32) {
        if self.slots[at as usize].state == State::Waits {
            self.unlink(at);
            self.slots[at as usize].state = State::Busy;
        }
    }

    fn leave(&mut self, at: u32, client: Option<IpAddr>) {
        match self.slots[at as usize].state {
            State::Waits => self.unlink(at),
            State::Busy => {}
            State::Leaves => self.leaving -= 1,
        }
        self.slots[at as usize].head = None;
        self.slots[at as usize].state = State::Busy;
        self.free.push(at);
        let Some(client) = client else { return };
        if let Some(open) = self.clients.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                self.clients.remove(&client);
            }
        }
    }
}
