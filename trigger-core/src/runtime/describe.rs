//! The check and the description of the wiring of a builder or a runtime, without a start.

use std::collections::BTreeMap;

use super::plan::PlannedProcess;
use super::process_handle::ProcessHandle;
use super::{Builder, Runtime, StartError};
use crate::observe::description::{ArgumentDescription, Description, ProcessDescription, TriggerDescription};
use crate::registry::{Declaration, unique_ids};

/// # Errors
///
/// [`StartError`] with every problem that would keep the handlers from starting.
pub fn check() -> Result<(), StartError> {
    Runtime::builder().linked().check()
}

impl Builder {
    /// Checks everything that [`start`](Self::start) checks before it binds the first port. Nothing is bound or
    /// subscribed, and no hook or handler runs. It needs no async runtime.
    ///
    /// ```
    /// # use trigger_core::{ProcessConfig, Runtime, State, TriggerConfig};
    /// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
    /// let builder = Runtime::builder().process("mail", config, |_: State<String>| async {});
    /// let error = builder.check().unwrap_err();
    /// assert!(error.problems()[0].message().contains("`.state(..)`"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartError`] with every problem, except ports that are taken, and the errors of hooks and of sources that bind or
    /// open.
    pub fn check(mut self) -> Result<(), StartError> {
        let mut plan = self.plan();
        plan.check_sources(&self.secrets);
        let problems = plan.problems;
        if problems.is_empty() { Ok(()) } else { Err(StartError::of(problems)) }
    }

    /// Describes the wiring that a start would make, even if a [check](Self::check) finds problems. Nothing is bound,
    /// subscribed or run.
    pub fn describe(mut self) -> Description {
        description(&self.plan().processes)
    }
}

impl Runtime {
    /// Describes the wiring of the present processes as it was declared: their triggers, arguments and settings, and where
    /// they overlap. Values that exist only at run time are in [`status`](Self::status) and
    /// [`local_addr`](Self::local_addr), such as the port that the system picked.
    ///
    /// ```
    /// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
    /// # async fn example() -> trigger_core::Result {
    /// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*"));
    /// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
    /// let description = runtime.describe();
    /// assert_eq!(description.processes[0].arguments[0].type_name, "Text");
    /// println!("{description}");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn describe(&self) -> Description {
        self.handle.describe()
    }
}

impl ProcessHandle {
    pub(super) fn describe(&self) -> ProcessDescription {
        process(self.name(), &self.declaration)
    }
}

/// Describes the processes of a plan.
pub(super) fn description(processes: &[PlannedProcess]) -> Description {
    Description::of(processes.iter().map(|planned| process(&planned.name, &planned.declaration)).collect())
}

fn process(name: &str, declaration: &Declaration) -> ProcessDescription {
    let config = &declaration.config;
    let triggers = config.triggers.iter().zip(unique_ids(&config.triggers)).enumerate();
    let triggers = triggers
        .map(|(index, (trigger, id))| TriggerDescription::of(trigger, id, origins(declaration, Some(index))));
    let arguments = declaration.arguments.iter().map(|argument| ArgumentDescription {
        name: argument.name.to_owned(),
        type_name: argument.type_name(),
    });
    ProcessDescription {
        name: name.to_owned(),
        handler: declaration.path(),
        location: declaration.location.to_string(),
        triggers: triggers.collect(),
        arguments: arguments.collect(),
        concurrency: config.concurrency,
        timeout: config.timeout,
        retry: config.retry,
        backoff: (config.retry > 0).then_some(config.backoff),
        key: config.key.as_ref().map(ToString::to_string),
        origins: origins(declaration, None),
    }
}

/// Returns where the settings come from that an operator has changed.
fn origins(declaration: &Declaration, trigger: Option<usize>) -> BTreeMap<String, String> {
    let configured = declaration.configured.iter().filter(|one| one.trigger == trigger);
    configured.map(|one| (one.key.to_owned(), one.origin.to_string())).collect()
}
