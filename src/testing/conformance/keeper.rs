//! The trait of what a conformance suite runs on.

use std::future::{Future, ready};
use std::time::Duration;

use crate::{Builder, Clock, DeadLetter, Result, Runtime, TriggerConfig};

/// What keeps the events of a runtime: memory, a store, or an engine. The suite starts runtimes on it, publishes, and ends
/// them in every way.
///
/// A keeper outlives its runtimes, as a file or a server does. On the paused clock of tokio a suite runs in a moment. Waits
/// of the suite are then exact; on a clock that runs it waits as long as it says.
pub trait Keeper: Send + Sync + 'static {
    /// Returns `true` if an event that a publisher has a confirmation for is not lost in a crash. Otherwise the suite
    /// asserts that a crash loses everything, and that a drain makes dead letters of what it does not handle.
    fn survives_crash(&self) -> bool;

    /// Returns `true` if the queue of a process also bounds its publishers: one more event waits, or is refused. Otherwise
    /// the keeper confirms what has no capacity in the process, and delivers it later.
    fn bounds_publishers(&self) -> bool;

    /// Returns the longest time after a crash until what the process held is delivered to the next one.
    fn redelivered_after(&self) -> Duration;

    /// Returns the clock of every runtime. It does not begin again with a runtime.
    fn clock(&self) -> impl Clock + Clone;

    /// Waits, on the clock of the runtimes.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static;

    /// Returns a trigger for the events that are published to this topic. A later runtime that has a process of this name
    /// continues with its deliveries.
    fn trigger(&self, process: &str, topic: &str) -> TriggerConfig;

    /// Starts a runtime whose events this keeper keeps, and delivers to it what is not settled. There is no other runtime
    /// on the keeper.
    ///
    /// # Errors
    ///
    /// Returns why it does not start.
    fn start(&mut self, builder: Builder) -> impl Future<Output = Result<Runtime>> + Send;

    /// Starts a second runtime, which shares the deliveries with the first one. Returns `None` if a keeper has only one
    /// runtime, which is the default.
    ///
    /// # Errors
    ///
    /// Returns why it does not start.
    fn start_another(&mut self, builder: Builder) -> impl Future<Output = Result<Option<Runtime>>> + Send {
        drop(builder);
        ready(Ok(None))
    }

    /// Publishes an event to every process with a trigger of this topic. The handlers get the body byte for byte. It
    /// returns when the event is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the event may be delivered or not.
    ///
    /// # Errors
    ///
    /// Returns why the event was refused. No process gets it then.
    fn publish(&self, runtime: &Runtime, topic: &str, body: String) -> impl Future<Output = Result> + Send;

    /// Ends a runtime as SIGKILL does: without a drain. What its process had in memory is gone, with every call that has not
    /// reached the keeper. Nothing of it happens later: neither a handler nor the drop of a receipt.
    fn crash(&mut self, runtime: Runtime) -> impl Future<Output = ()> + Send;

    /// Delivers once more what the runtime holds at this moment, as an engine does after a lapse. By default nothing does.
    fn redeliver(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// Begins a failure from which the keeper recovers: a lost connection, a full disk. It may lose settlements, and refuse
    /// publications. By default nothing fails.
    fn disturb(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// Returns `true` if the keeper can do nothing more in this process, because a test has stopped its disk. Random programs
    /// then end the runtime by a crash, after which it goes on. By default this does not happen.
    fn must_crash(&self) -> bool {
        false
    }

    /// Returns the number of deliveries that are not settled, summed over the processes. A delivery that waits for a retry
    /// counts.
    fn unsettled(&self, runtime: &Runtime) -> impl Future<Output = usize> + Send;

    /// Returns the dead letters that are kept. Of memory these are the dead letters of the runtime.
    fn dead_letters(&self, runtime: &Runtime) -> impl Future<Output = Vec<DeadLetter>> + Send;
}
