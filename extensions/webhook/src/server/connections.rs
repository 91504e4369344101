//! The open connections of a server: their number, the number of each client, and the connections without a whole request in
//! the order in which they began to wait for the rest.
//!
//! At the limit the oldest one without a whole head makes way for a new connection. If every head has arrived, the oldest
//! one without a whole body does. So clients which send no whole request cannot keep others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::head_deadline::HeadDeadline;

/// The maximum number of evicted connections whose tasks have not ended. They are over the limit for that time.
const LEAVING: usize = 32;

/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Connections(Mutex<Slots>);

/// A connection that was let in.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Its slot.
    pub(crate) at: u32,
    /// `true` if another one makes way for it.
    pub(crate) evicted: bool,
}

/// The slots of the connections. Those without a whole head are a linked list, and those without a whole body another one, so
/// that every change takes constant time.
#[derive(Debug)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Those that wait for a head, and those that wait for a body.
    lists: [List; 2],
    /// The number of evicted connections that have not ended.
    leaving: usize,
    clients: HashMap<IpAddr, usize>,
}

/// The ends of a list.
#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    newest: u32,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    Head = 0,
    Body = 1,
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
    /// Without a whole head or body, and in the list of these.
    Waits(Awaits),
    /// With a request that is checked or answered.
    Busy,
    /// Evicted, and not ended.
    Leaves,
}

impl Default for Connections {
    fn default() -> Connections {
        let lists = [List { oldest: NONE, newest: NONE }; 2];
        let (slots, free, clients) = (Vec::new(), Vec::new(), HashMap::new());
        Connections(Mutex::new(Slots { slots, free, lists, leaving: 0, clients }))
    }
}

impl Connections {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, which begins to wait for a head. At the limit of all, another one makes way. `client` is the address whose connections are limited too, with that limit.
    ///
    /// # Errors
    ///
    /// The reason of a refusal: the client has too many connections, or all connections have requests.
    pub(crate) fn enter(
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

    /// Evicts the oldest connection without a whole head, or else without a whole body. Returns `false` if every connection has
    /// a request, or if too many already leave.
    pub(crate) fn evict(&self) -> bool {
        self.slots().evict()
    }

    /// Returns `true` if no connection can be evicted before one of those that leave has ended.
    pub(crate) fn are_leaving(&self) -> bool {
        self.slots().leaving >= LEAVING
    }

    /// Takes a connection whose head or body has arrived out of its list.
    pub(crate) fn busy(&self, at: u32) {
        self.slots().busy(at);
    }

    /// Moves a connection to the end of the list of those that wait for a head or for a body.
    pub(crate) fn wait(&self, at: u32, awaits: Awaits) {
        self.slots().wait(at, awaits);
    }

    /// Frees the slot of a connection that has ended.
    pub(crate) fn leave(&self, at: u32, client: Option<IpAddr>) {
        self.slots().leave(at, client);
    }
}

impl Slots {
    fn open(&self) -> usize {
        self.slots.len() - self.free.len() - self.leaving
    }

    fn evict(&mut self) -> bool {
        let [heads, bodies] = self.lists;
        let (at, awaits) =
            if heads.oldest == NONE { (bodies.oldest, Awaits::Body) } else { (heads.oldest, Awaits::Head) };
        if at == NONE || self.leaving >= LEAVING {
            return false;
        }
        self.unlink(at, awaits);
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
        self.wait(at, Awaits::Head);
        at
    }

    /// Moves a slot to the end of a list.
    fn wait(&mut self, at: u32, awaits: Awaits) {
        self.busy(at);
        let newest = self.lists[awaits as usize].newest;
        let slot = &mut self.slots[at as usize];
        if slot.state == State::Leaves {
            // Its request arrived at the moment of its eviction, and was answered.
            self.leaving -= 1;
        }
        (slot.state, slot.before, slot.after) = (State::Waits(awaits), newest, NONE);
        match newest {
            NONE => self.lists[awaits as usize].oldest = at,
            newest => self.slots[newest as usize].after = at,
        }
        self.lists[awaits as usize].newest = at;
    }

    fn unlink(&mut self, at: u32, awaits: Awaits) {
        let list = &mut self.lists[awaits as usize];
        let Slot { before, after, .. } = self.slots[at as usize];
        match before {
            NONE => list.oldest = after,
            before => self.slots[before as usize].after = after,
        }
        match after {
            NONE => list.newest = before,
            after => self.slots[after as usize].before = before,
        }
    }

    fn busy(&mut self, at: u32) {
        if let State::Waits(awaits) = self.slots[at as usize].state {
            self.unlink(at, awaits);
            self.slots[at as usize].state = State::Busy;
        }
    }

    fn leave(&mut self, at: u32, client: Option<IpAddr>) {
        match self.slots[at as usize].state {
            State::Waits(awaits) => self.unlink(at, awaits),
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
