//! What can be changed while a runtime runs: a process is paused, resumed, added or removed.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError};

use trigger_grammar::hint;

use super::plan::{NO_TRIGGER, with_unique_ids};
use super::process_handle::ProcessHandle;
use super::report::ProcessReport;
use super::{Runtime, StartError};
use crate::clock;
use crate::config::ProcessConfig;
use crate::handler::Handler;
use crate::registry::{Declaration, Location, Problem, ProblemKind, check};

impl Runtime {
    /// Has a process handle nothing more until it is [resumed](Self::resume). Handlers that run go on. Its triggers
    /// accept events until their queues are full, and then do what `overflow` says: a webhook answers 503. A
    /// [shutdown](Self::shutdown) ends the pause.
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if there is none of this name.
    pub fn pause(&self, process: &str) -> Result<(), UnknownProcess> {
        self.find(process)?.process.inbox.pause(true);
        Ok(())
    }

    /// Has a process go on that was [paused](Self::pause).
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if there is none of this name.
    pub fn resume(&self, process: &str) -> Result<(), UnknownProcess> {
        let handle = self.find(process)?;
        if !handle.is_ending() {
            handle.process.inbox.pause(false);
        }
        Ok(())
    }

    /// Adds a process while the runtime runs, as [`Builder::process`](super::Builder::process) does before.
    ///
    /// # Errors
    ///
    /// [`StartError`] with everything that keeps it from starting, also in view of the processes there are; and once
    /// the shutdown has begun. Nothing of it is left running then.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, the process was not added.
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
        let _changing = self.changing.lock().await;
        let too_late = |declaration: &Declaration| {
            let ending = self.context.env.shutdown.is_cancelled();
            ending.then(|| {
                Problem::of(
                    declaration,
                    ProblemKind::Ending,
                    "the runtime is ending, so no process can be added",
                )
            })
        };
        if let Some(problem) = too_late(&declaration) {
            return Err(StartError::of(vec![problem]));
        }
        let existing = self.processes();
        let name = declaration.name.clone().unwrap_or_default();
        let names: Vec<&str> = existing.iter().map(|handle| handle.name()).chain([name.as_str()]).collect();
        let declarations: Vec<&Declaration> =
            existing.iter().map(|handle| &handle.declaration).chain([&declaration]).collect();
        let mut problems = check(&declarations, &names, &self.context.env.provided);
        if declaration.config.triggers.is_empty() {
            problems.push(Problem::of(&declaration, ProblemKind::Empty, NO_TRIGGER));
        }
        if !problems.is_empty() {
            return Err(StartError::of(problems));
        }
        let configs = with_unique_ids(declaration.config.triggers.clone());
        let handle = Arc::new(ProcessHandle::new(declaration, name, Vec::new(), configs, &self.context));
        let started = Unfinished(Some(Arc::clone(&handle)));
        problems = handle.bind().await;
        // To look up the name of a host may take longer than a drain.
        problems.extend(too_late(&handle.declaration));
        if problems.is_empty() {
            problems = handle.start().await;
        }
        if !problems.is_empty() {
            handle.undo().await;
            return Err(StartError::of(problems));
        }
        handle.accept();
        handle.work();
        tracing::info!(process = handle.name(), "added");
        self.processes.write().unwrap_or_else(PoisonError::into_inner).push(handle);
        started.keep();
        Ok(())
    }

    /// Ends a process while the others go on: its triggers are left, what it has accepted is handled, and then it is
    /// gone. At the deadline of the drain (30 s unless the builder says otherwise) its handlers are cancelled.
    ///
    /// # Errors
    ///
    /// [`UnknownProcess`] if there is none of this name.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, the process takes no more events, and goes on with those it has. Called again, this waits for
    /// its end.
    pub async fn remove_process(&self, process: &str) -> Result<ProcessReport, UnknownProcess> {
        let handle = self.find(process)?;
        // A drain that has begun has one deadline for everything.
        let deadline = self.drain_deadline_at.get().copied();
        let deadline = deadline.unwrap_or_else(|| clock::after(self.drain_deadline));
        handle.begin_to_end(deadline);
        // Requests to its paths are from now on to paths that do not exist.
        let stopped = tokio::time::timeout_at(deadline, handle.stop_custom()).await;
        let report = handle.end(if stopped.is_ok() { deadline } else { clock::instant() }).await;
        handle.leave_ports().await;
        let mut processes = self.processes.write().unwrap_or_else(PoisonError::into_inner);
        processes.retain(|other| !Arc::ptr_eq(other, &handle));
        drop(processes);
        tracing::info!(process, %report, "removed");
        Ok(report)
    }

    fn find(&self, name: &str) -> Result<Arc<ProcessHandle>, UnknownProcess> {
        let processes = self.processes();
        if let Some(handle) = processes.iter().find(|handle| handle.name() == name) {
            return Ok(Arc::clone(handle));
        }
        let known = processes.iter().map(|handle| handle.name().to_owned()).collect();
        Err(UnknownProcess { name: name.to_owned(), known })
    }
}

/// A process that is being added. Given up, it is closed.
struct Unfinished(Option<Arc<ProcessHandle>>);

impl Unfinished {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.drop_everything();
        }
    }
}

/// There is no process of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProcess {
    name: String,
    known: Vec<String>,
}

impl fmt::Display for UnknownProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownProcess { name, known } = self;
        write!(f, "there is no process `{name}`")?;
        if let Some(near) = hint::did_you_mean(name, known.iter().map(String::as_str)) {
            write!(f, "; did you mean `{near}`?")?;
        }
        write!(f, " The processes are: {}", known.join(", "))
    }
}

impl std::error::Error for UnknownProcess {}
