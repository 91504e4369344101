//! The source of the fake engine: a pump that fetches deliveries while the queue has capacity, and their receipts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};
use triggers::{
    DeadLetter, HeldEvent, Receipt, RetryState, Sink, SourceContext, SourceKind, TriggerError, TriggerSource,
};

use super::server::{Call, Connection};
use super::{Engine, LATENCY, LEASE};
use crate::conformance::mutation::Mutation;

static ENGINE: SourceKind = SourceKind::new("engine", "a delivery of the engine");

/// The time between two fetches.
const TICK: Duration = Duration::from_millis(5);

/// The source of one route.
pub(super) struct Pump {
    engine: Engine,
    route: usize,
    connection: AtomicU64,
}

impl Pump {
    pub(super) fn new(engine: Engine, route: usize) -> Pump {
        Pump { engine, route, connection: AtomicU64::new(0) }
    }
}

impl TriggerSource for Pump {
    fn kind(&self) -> &'static SourceKind {
        &ENGINE
    }

    fn pattern(&self) -> Cow<'_, str> {
        format!("route {}", self.route).into()
    }

    async fn open(&self, _: &SourceContext) -> Result<(), TriggerError> {
        self.connection.store(self.engine.server().connect(), Ordering::SeqCst);
        Ok(())
    }

    fn accept(&self, cx: &SourceContext) {
        let connection = self.connection.load(Ordering::SeqCst);
        let client =
            Client { engine: self.engine.clone(), route: self.route, connection, held: Held::default() };
        cx.spawn(client.pump(cx.sink().clone()));
    }

    /// Sends what is on its way.
    async fn close(&self) {
        sleep(LATENCY * 4).await;
        self.engine.server().disconnect(self.connection.load(Ordering::SeqCst));
    }
}

/// The positions of the deliveries that the process holds.
type Held = Arc<Mutex<BTreeSet<u64>>>;

/// One connection to the server.
#[derive(Clone)]
struct Client {
    engine: Engine,
    route: usize,
    connection: Connection,
    held: Held,
}

impl Client {
    async fn pump(self, sink: Sink) {
        let mut extended = Instant::now();
        for round in 0.. {
            self.fetch(&sink, round);
            if extended.elapsed() >= LEASE / 3 && !self.engine.is(Mutation::LeaveLeases) {
                extended = Instant::now();
                let held: Vec<_> = self.held().iter().copied().collect();
                self.send(Call::Extend(self.connection, held));
            }
            sleep(TICK).await;
        }
    }

    fn fetch(&self, sink: &Sink, round: u64) {
        let most = match self.engine.is(Mutation::IgnoreRoom) {
            true => 100,
            false => sink.room_for().0,
        };
        let mut fetched = self.engine.server().fetch(self.route, self.connection, most);
        if self.engine.is(Mutation::SkipLast) && round == 0 {
            fetched.pop().into_iter().for_each(|last| self.engine.server().hide(last));
        }
        if self.engine.is(Mutation::FeedBackwards) {
            fetched.reverse();
        }
        // A delivery that is held already has its lease renewed by the fetch, and starts nothing.
        let held: Vec<_> = fetched.into_iter().filter_map(|position| self.held_event(position)).collect();
        sink.push_delayed(held);
    }

    /// Returns the event of a delivery, unless it is held already.
    fn held_event(&self, position: u64) -> Option<HeldEvent> {
        if !self.held().insert(position) && !self.engine.is(Mutation::PushDuplicates) {
            return None;
        }
        if self.engine.is(Mutation::AckEarly) {
            self.send(Call::Ack(position));
        }
        let server = self.engine.server();
        let delivery = server.delivery(position)?;
        let event =
            HeldEvent::new(delivery.frame.clone(), Slip { client: self.clone(), position, ended: false });
        let event = match self.attempts(delivery.retry.clone(), delivery.deliveries) {
            Some(state) => event.retry(state),
            None => event,
        };
        Some(match delivery.due {
            Some(due) if !self.engine.is(Mutation::IgnoreDue) => event.due(due),
            _ => event,
        })
    }

    /// Returns the attempts of a delivery as the server knows them.
    fn attempts(&self, retry: Option<RetryState>, deliveries: u32) -> Option<RetryState> {
        match self.engine.mutation {
            Some(Mutation::ForgetAttempts) => None,
            Some(Mutation::ForgetError) => retry.map(|state| RetryState { last_error: "".into(), ..state }),
            Some(Mutation::CountDeliveries) if deliveries > 1 => Some(RetryState {
                failed_attempts: deliveries - 1,
                last_error: retry.map_or_else(|| "".into(), |state| state.last_error),
                first_at: SystemTime::now(),
            }),
            _ => retry,
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<u64>> {
        self.held.lock().expect("the held deliveries")
    }

    /// Sends a call, unless the process has crashed.
    fn send(&self, call: Call) {
        let mut server = self.engine.server();
        if server.is_connected(self.connection) {
            server.send(call);
        }
    }

    fn send_late(&self, call: Call) {
        let mut server = self.engine.server();
        if server.is_connected(self.connection) {
            server.send_late(call);
        }
    }
}

/// The receipt of a delivery.
struct Slip {
    client: Client,
    position: u64,
    ended: bool,
}

impl Slip {
    /// Ends the hold. Returns the position to settle.
    fn end(&mut self) -> u64 {
        self.ended = true;
        if !self.client.engine.is(Mutation::ForgetLostSettlements) {
            self.client.held().remove(&self.position);
        }
        let other = || self.client.engine.server().beside(self.position);
        match self.client.engine.is(Mutation::MixTargets) {
            true => other().unwrap_or(self.position),
            false => self.position,
        }
    }
}

impl Receipt for Slip {
    fn retry(&self, state: &RetryState, due: SystemTime) {
        self.client.send(Call::Retry(self.position, state.clone(), due));
        if self.client.engine.is(Mutation::RetryTwice) {
            self.client.held().remove(&self.position);
            self.client.send(Call::Release(self.position));
        }
    }

    fn handled(mut self: Box<Self>) {
        let position = self.end();
        if !self.client.engine.is(Mutation::NeverAck) {
            self.client.send(Call::Ack(position));
        }
    }

    fn dead(mut self: Box<Self>, dead_letter: &DeadLetter) {
        let (position, letter) = (self.end(), Box::new(dead_letter.clone()));
        if self.client.engine.is(Mutation::AckBeforeLetter) {
            self.client.send(Call::Ack(position));
            self.client.send_late(Call::Keep(letter, None));
        } else {
            self.client.send(Call::Keep(letter, Some(position)));
        }
    }

    fn release(mut self: Box<Self>) {
        let position = self.end();
        self.client.send(match self.client.engine.is(Mutation::DropReleased) {
            true => Call::Ack(position),
            false => Call::Release(position),
        });
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        if !self.ended {
            let position = self.end();
            self.client.send(Call::Release(position));
        }
    }
}
