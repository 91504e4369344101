//! The handle to a runtime. It does not keep the runtime alive.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use super::process_handle::ProcessHandle;
use super::runtime_phase::RuntimePhase;
use super::{Runtime, UnknownProcess};
use crate::dedupe::LazyDedupe;
use crate::observe::description::Description;
use crate::observe::status::{RuntimeState, RuntimeStatus};
use crate::process::dead_letter::DeadLetters;
use crate::process::handler::{Context, FromTrigger, Rejection};
use crate::source::broker::MessageBroker;
use crate::source::bus::EventBus;
use crate::source::{SharedByRuntime, WeakValues};

/// A handle to a running [`Runtime`]. It reads the runtime, and pauses and resumes its processes. A clone is a handle to
/// the same runtime.
///
/// A handler takes it as an argument; a program gets it from [`Runtime::handle`]. It neither keeps the runtime alive nor
/// ends it. After a [`shutdown`](Runtime::shutdown) it still shows the processes, as stopped. After the runtime is dropped
/// it shows no process, and every name is an [`UnknownProcess`]. The bus, the broker and the dead letters stay usable.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, RuntimeHandle, RuntimeState, Text, TriggerConfig, UnknownProcess};
/// # async fn example() -> trigger_core::Result {
/// async fn hold(runtime: RuntimeHandle) -> Result<(), UnknownProcess> {
///     runtime.pause("mail")
/// }
///
/// let on = |name| ProcessConfig::new().trigger(TriggerConfig::event(name));
/// let runtime = Runtime::builder()
///     .process("mail", on("mail"), |text: Text| async move { println!("{text}") })
///     .process("hold", on("hold"), hold)
///     .start()
///     .await?;
/// let handle = runtime.handle();
/// assert_eq!(handle.state(), RuntimeState::Running);
/// runtime.shutdown().await;
/// assert_eq!(handle.state(), RuntimeState::Stopped);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct RuntimeHandle {
    bus: EventBus,
    broker: MessageBroker,
    dead_letters: DeadLetters,
    dedupe: LazyDedupe,
    values: WeakValues,
    /// Owned by the runtime. The processes provide this handle to their handlers, so a strong reference would be a cycle,
    /// and nothing of a dropped runtime would be freed.
    phase: Weak<RuntimePhase>,
}

impl RuntimeHandle {
    pub(super) fn new(shared: &SharedByRuntime, phase: &Arc<RuntimePhase>) -> RuntimeHandle {
        RuntimeHandle {
            bus: shared.bus.clone(),
            broker: shared.broker.clone(),
            dead_letters: shared.dead_letters.clone(),
            dedupe: shared.dedupe.clone(),
            values: shared.values.downgrade(),
            phase: Arc::downgrade(phase),
        }
    }

    /// Returns the processes of the runtime. A dropped runtime has no processes.
    fn processes(&self) -> Vec<Arc<ProcessHandle>> {
        self.phase.upgrade().map(|phase| phase.processes()).unwrap_or_default()
    }

    /// Returns the process of this name.
    pub(super) fn find(&self, name: &str) -> Result<Arc<ProcessHandle>, UnknownProcess> {
        let processes = self.processes();
        let found = processes.iter().find(|process| process.name() == name);
        found
            .cloned()
            .ok_or_else(|| UnknownProcess::new(name, processes.iter().map(|process| process.name())))
    }

    /// Returns the state of the runtime. A dropped runtime is stopped.
    pub fn state(&self) -> RuntimeState {
        self.phase.upgrade().map_or(RuntimeState::Stopped, |phase| phase.state())
    }

    /// Returns the bus of the runtime.
    pub fn bus(&self) -> EventBus {
        self.bus.clone()
    }

    /// Returns the broker of the runtime.
    pub fn broker(&self) -> MessageBroker {
        self.broker.clone()
    }

    /// Returns the dead letters of the runtime.
    pub fn dead_letters(&self) -> DeadLetters {
        self.dead_letters.clone()
    }

    /// Returns the address of a webhook trigger, as [`Runtime::local_addr`] does. Returns `None` after the runtime is
    /// dropped.
    pub fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        self.processes().iter().find_map(|process| process.local_addr(trigger_id))
    }

    /// Returns the value of this type that the sources of the runtime share: see [`Builder::shared`](crate::Builder::shared).
    /// Returns `None` after the runtime is dropped.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.values.upgrade().map(|values| values.get())
    }

    /// Returns the state of every process and trigger at this moment. After the runtime is dropped it shows no process.
    pub fn status(&self) -> RuntimeStatus {
        RuntimeStatus {
            processes: self.processes().iter().map(|process| process.status()).collect(),
            dead_letters: self.dead_letters.status(),
            dedupe: self.dedupe.counts(),
        }
    }

    /// Returns the wiring of the present processes, as [`Runtime::describe`] does. It is empty after the runtime is
    /// dropped.
    pub fn describe(&self) -> Description {
        Description::of(self.processes().iter().map(|process| process.describe()).collect())
    }

    /// Pauses a process, as [`Runtime::pause`] does. A handler may pause its own process, and then runs to its end. A
    /// pause has no effect once a drain has begun.
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if no process has this name, or the runtime is dropped.
    pub fn pause(&self, process: &str) -> Result<(), UnknownProcess> {
        self.find(process)?.process.inbox.pause(true);
        Ok(())
    }

    /// Resumes a process that was [paused](Self::pause).
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if no process has this name, or the runtime is dropped.
    pub fn resume(&self, process: &str) -> Result<(), UnknownProcess> {
        self.find(process)?.process.inbox.pause(false);
        Ok(())
    }
}

impl Runtime {
    /// Returns a handle to the runtime, for other tasks. It does not keep the runtime alive.
    pub fn handle(&self) -> RuntimeHandle {
        self.handle.clone()
    }
}

/// The runtime of the handler. A [`Context`] that a test creates has none, unless [`Context::state`] sets a handle.
impl FromTrigger for RuntimeHandle {
    fn from_trigger(cx: &Context<'_>) -> Result<RuntimeHandle, Rejection> {
        cx.env.provided.get().ok_or_else(|| Rejection::absent("no runtime"))
    }
}

impl fmt::Debug for RuntimeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeHandle").field("state", &self.state()).finish_non_exhaustive()
    }
}
