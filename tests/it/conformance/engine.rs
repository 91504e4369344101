//! A fake engine: a server in the memory of the test, with leases, redeliveries, lost connections and lost calls, on the
//! paused clock.
//!
//! A call takes a millisecond to the server. A crash loses the calls that are on their way, and a lost connection loses
//! those that arrive meanwhile. The server leases each delivery to a connection, which extends its leases. What is neither
//! extended nor settled is delivered again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};
use triggers::testing::conformance::Keeper;
use triggers::{Builder, Clock, DeadLetter, PausedClock, Result, Runtime, TriggerConfig, TriggerEvent};

use super::mutation::Mutation;

mod server;
mod source;

use server::{Call, Server};
use source::Pump;

/// The time of a call to the server.
const LATENCY: Duration = Duration::from_millis(1);

/// How long the server waits for an extension or a settlement.
const LEASE: Duration = Duration::from_secs(1);

/// How long a lost connection is lost.
const CUT: Duration = Duration::from_millis(1500);

/// A handle to the server, which outlives the runtimes.
#[derive(Clone)]
pub(super) struct Engine {
    server: Arc<Mutex<Server>>,
    clock: PausedClock,
    mutation: Option<Mutation>,
}

impl Engine {
    pub(super) fn new() -> Engine {
        let clock = PausedClock::at(SystemTime::now());
        Engine { server: Arc::default(), clock, mutation: None }
    }

    pub(super) fn broken(mutation: Mutation) -> Engine {
        Engine { mutation: Some(mutation), ..Engine::new() }
    }

    /// Returns an engine that loses the connection at the call with this number, from 0, for this time. With no time only
    /// this call is lost.
    pub(super) fn failing_at(call: u64, time: Duration) -> Engine {
        let engine = Engine::new();
        engine.server().fail_at(call, time);
        engine
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Returns the server, on which every call that has arrived by now is carried out.
    fn server(&self) -> MutexGuard<'_, Server> {
        let mut server = self.server.lock().expect("the server");
        server.advance(Instant::now());
        server
    }
}

impl Keeper for Engine {
    fn survives_crash(&self) -> bool {
        true
    }

    fn bounds_publishers(&self) -> bool {
        false
    }

    fn redelivered_after(&self) -> Duration {
        LEASE + LATENCY * 20
    }

    fn clock(&self) -> impl Clock + Clone {
        self.clock
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        sleep(time)
    }

    fn trigger(&self, process: &str, topic: &str) -> TriggerConfig {
        let route = self.server().declare(process, topic);
        TriggerConfig::custom(Pump::new(self.clone(), route))
    }

    async fn start(&mut self, builder: Builder) -> Result<Runtime> {
        Ok(builder.start().await?)
    }

    async fn start_another(&mut self, builder: Builder) -> Result<Option<Runtime>> {
        Ok(Some(builder.start().await?))
    }

    /// Sends the event until the server has it. A repetition is stored once.
    async fn publish(&self, _: &Runtime, topic: &str, body: String) -> Result {
        let frame = TriggerEvent::new("engine", body, Default::default()).frame().clone();
        let id = frame.id();
        loop {
            let call = Call::Publish(topic.to_owned(), frame.clone());
            if self.is(Mutation::ConfirmEarly) {
                self.server().send_late(call);
                return Ok(());
            }
            self.server().send(call);
            sleep(LATENCY * 2).await;
            if self.server().has_stored(id) {
                return Ok(());
            }
        }
    }

    async fn crash(&mut self, runtime: Runtime) {
        self.server().disconnect_all();
        drop(runtime);
    }

    async fn redeliver(&self) {
        self.server().expire_leases();
    }

    async fn disturb(&self) {
        self.server().cut(CUT);
    }

    async fn unsettled(&self, _: &Runtime) -> usize {
        self.server().unsettled()
    }

    async fn dead_letters(&self, _: &Runtime) -> Vec<DeadLetter> {
        self.server().dead_letters().to_vec()
    }
}
