//! The changes to a running runtime: a process is paused, resumed, added or removed.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use trigger_grammar::hint;

use super::plan::NO_TRIGGER;
use super::process_handle::ProcessHandle;
use super::report::ProcessReport;
use super::start::log_warnings;
use super::{Runtime, StartError};
use crate::clock;
use crate::declare::ProcessConfig;
use crate::process::handler::Handler;
use crate::registry::{Declaration, Location, Problem, ProblemKind, check, check_sources, warnings};

impl Runtime {
    /// Pauses a process until it is [resumed](Self::resume): its workers take no event. Handlers that run continue. Its
    /// triggers accept events until their queues are full, and then follow `overflow`: a webhook answers 503. A
    /// [shutdown](Self::shutdown) ends the pause.
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if no process has this name.
    pub fn pause(&self, process: &str) -> Result<(), UnknownProcess> {
        self.handle.pause(process)
    }

    /// Resumes a process that was [paused](Self::pause).
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if no process has this name.
    pub fn resume(&self, process: &str) -> Result<(), UnknownProcess> {
        self.handle.resume(process)
    }

    /// Adds a process to the running runtime, as [`Builder::process`](super::Builder::process) does before the start.
    ///
    /// # Errors
    ///
    /// [`StartError`] with every problem that keeps the process from starting, also in view of the other processes, and
    /// after the shutdown has begun. No part of the process is left running.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the process is not added.
    #[track_caller]
    pub fn add_process<H, Args>(
        &self,
        name: impl Into<String>,
        config: ProcessConfig,
        handler: H,
    ) -> impl Future<Output = Result<(), StartError>> + Send
    where
        H: Handler<Args>,
    {
        self.add(Declaration::of_closure(name.into(), Location::caller(), config, handler))
    }

    async fn add(&self, declaration: Declaration) -> Result<(), StartError> {
        // One caller at a time. Otherwise two of them could check one name or path, and both find it free.
        let _adding = self.adding.lock().await;
        if !self.phase.is_running() {
            return Err(StartError::of(vec![too_late(&declaration)]));
        }
        let existing = self.processes();
        let name = declaration.name.clone().unwrap_or_default();
        let names: Vec<&str> = existing.iter().map(|handle| handle.name()).chain([name.as_str()]).collect();
        let declarations: Vec<&Declaration> =
            existing.iter().map(|handle| &handle.declaration).chain([&declaration]).collect();
        let mut problems = check(&declarations, &names, &self.context.env.provided);
        problems.extend(check_sources(&declaration, &self.context.shared.secrets));
        if declaration.config.triggers.is_empty() {
            problems.push(Problem::of(&declaration, ProblemKind::Empty, NO_TRIGGER));
        }
        if !problems.is_empty() {
            return Err(StartError::of(problems));
        }
        log_warnings(&warnings([&declaration], self.drain_deadline));
        let handle = Arc::new(ProcessHandle::new(declaration, name, &self.context));
        let unfinished = Unfinished(Some(Arc::clone(&handle)));
        problems = handle.bind(true).await;
        // The lookup of a host name may take longer than a drain.
        if !self.phase.is_running() {
            problems.push(too_late(&handle.declaration));
        }
        if problems.is_empty() {
            problems = handle.open().await;
        }
        if problems.is_empty() {
            problems.extend(self.context.load_stored(std::slice::from_ref(&handle), false));
        }
        if !problems.is_empty() {
            handle.undo().await;
            return Err(StartError::of(problems));
        }
        handle.accept();
        handle.work();
        if !self.phase.admit(&handle) {
            // A drain has begun since the last check, and its deadline has passed, so it does not see this process.
            handle.drain(clock::instant()).await;
            return Err(StartError::of(vec![too_late(&handle.declaration)]));
        }
        unfinished.keep();
        tracing::info!(process = handle.name(), "added");
        Ok(())
    }

    /// Ends a process while the others go on: its triggers stop, its accepted events are handled, and then it is removed.
    /// At the deadline of the drain (30 s unless the builder sets another) its handlers are cancelled.
    ///
    /// # Errors
    ///
    /// [`RemoveError`] if no process has this name, or if a handler or a task of a source of the process awaits it. Then the
    /// process goes on.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the process accepts no more events, and handles those it has. A second
    /// call waits for its end.
    pub async fn remove_process(&self, process: &str) -> Result<ProcessReport, RemoveError> {
        let handle = self.handle.find(process)?;
        if let Some(part) = handle.current_part() {
            return Err(RemoveError::OwnProcess { process: process.to_owned(), part });
        }
        // If the runtime drains, its deadline holds. Otherwise the removal could last longer than the drain.
        let deadline = self.phase.deadline().unwrap_or_else(|| clock::after(self.drain_deadline));
        let report = handle.drain(deadline).await;
        self.phase.dismiss(&handle);
        tracing::info!(process, %report, "removed");
        Ok(report)
    }
}

fn too_late(declaration: &Declaration) -> Problem {
    let message = "the runtime is ending, so no process can be added";
    Problem::of(declaration, ProblemKind::Ending, message)
}

/// A process that is being added. If the future of its addition is dropped, it is aborted.
struct Unfinished(Option<Arc<ProcessHandle>>);

impl Unfinished {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

/// The reason why a process is not removed.
///
/// ```
/// # use trigger_core::{ProcessConfig, RemoveError, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*"));
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let error = runtime.remove_process("archiv").await.unwrap_err();
/// assert!(matches!(error, RemoveError::Unknown(_)));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoveError {
    /// No process has the name.
    Unknown(UnknownProcess),
    /// A part of the process awaits the removal, which would wait for that part: a handler, or a task of a source. A task
    /// that it spawns may await the removal.
    #[non_exhaustive]
    OwnProcess {
        /// The name of the process.
        process: String,
        /// The part, such as "a handler".
        part: &'static str,
    },
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoveError::Unknown(unknown) => unknown.fmt(f),
            RemoveError::OwnProcess { process, part } => write!(
                f,
                "{part} of `{process}` awaits the removal of its process, which waits for it: spawn a task that awaits the \
                 removal"
            ),
        }
    }
}

impl std::error::Error for RemoveError {}

impl From<UnknownProcess> for RemoveError {
    fn from(unknown: UnknownProcess) -> RemoveError {
        RemoveError::Unknown(unknown)
    }
}

/// The error of a name that no process has.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let error = runtime.pause("archiv").unwrap_err();
/// assert_eq!(error.to_string(), "there is no process `archiv`; did you mean `archive`? The processes are: archive");
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProcess {
    name: String,
    known: Vec<String>,
}

impl UnknownProcess {
    /// Returns the error of this name. `known` are the names of the processes.
    pub(super) fn new<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> UnknownProcess {
        UnknownProcess { name: name.to_owned(), known: known.map(str::to_owned).collect() }
    }
}

impl fmt::Display for UnknownProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownProcess { name, known } = self;
        write!(f, "there is no process `{name}`")?;
        if known.is_empty() {
            return write!(f, ": the runtime has no processes");
        }
        match hint::did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => write!(f, "; did you mean `{near}`? The processes are: {}", known.join(", ")),
            None => write!(f, "; the processes are: {}", known.join(", ")),
        }
    }
}

impl std::error::Error for UnknownProcess {}
