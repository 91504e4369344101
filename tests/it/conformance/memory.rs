//! Memory as a keeper: the queues of the runtime alone.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use triggers::testing::conformance::Keeper;
use triggers::{Builder, Clock, DeadLetter, PausedClock, Result, Runtime, TriggerConfig};

use super::mutation::Mutation;

/// Keeps nothing outside of the runtime.
pub(super) struct Memory {
    clock: PausedClock,
    mutation: Option<Mutation>,
}

impl Memory {
    pub(super) fn new() -> Memory {
        Memory { clock: PausedClock::at(SystemTime::now()), mutation: None }
    }

    pub(super) fn broken(mutation: Mutation) -> Memory {
        Memory { mutation: Some(mutation), ..Memory::new() }
    }
}

impl Keeper for Memory {
    fn survives_crash(&self) -> bool {
        self.mutation == Some(Mutation::ClaimSurvival)
    }

    fn bounds_publishers(&self) -> bool {
        self.mutation != Some(Mutation::ClaimBacklog)
    }

    fn redelivered_after(&self) -> Duration {
        Duration::ZERO
    }

    fn clock(&self) -> impl Clock + Clone {
        self.clock
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        sleep(time)
    }

    fn trigger(&self, _: &str, topic: &str) -> TriggerConfig {
        TriggerConfig::event(topic)
    }

    async fn start(&mut self, builder: Builder) -> Result<Runtime> {
        Ok(builder.start().await?)
    }

    async fn publish(&self, runtime: &Runtime, topic: &str, body: String) -> Result {
        runtime.bus().emit_raw(topic, body).await?;
        Ok(())
    }

    async fn crash(&mut self, runtime: Runtime) {
        drop(runtime);
    }

    async fn unsettled(&self, runtime: &Runtime) -> usize {
        let processes = runtime.status().processes;
        let queued = processes.iter().flat_map(|process| &process.triggers).map(|trigger| trigger.queue_size);
        queued.sum::<usize>() + processes.iter().map(|process| process.in_flight as usize).sum::<usize>()
    }

    async fn dead_letters(&self, runtime: &Runtime) -> Vec<DeadLetter> {
        runtime.dead_letters().list().await
    }
}
