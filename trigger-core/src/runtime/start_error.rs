//! The error of a runtime that cannot start.

use std::fmt;

use serde::Serialize;

use crate::registry::Problem;

/// Every problem that keeps a runtime, or a process that is added to it, from starting.
///
/// It serializes as `{problems: [..]}`.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail")).concurrency(0);
/// let error = Runtime::builder().process("mail", config, |_: Text| async {}).check().unwrap_err();
/// assert_eq!(error.problems().len(), 1);
/// assert!(error.to_string().starts_with("the runtime cannot start"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct StartError {
    problems: Vec<Problem>,
}

impl StartError {
    pub(super) fn of(mut problems: Vec<Problem>) -> StartError {
        problems.sort_by_key(Problem::place);
        StartError { problems }
    }

    /// The problems, in the order of the declarations.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problems[..] {
            [problem] => write!(f, "the runtime cannot start: {problem}"),
            problems => {
                write!(f, "the runtime cannot start, there are {} problems:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

/// The same as `Display`, so that an `unwrap` in a test prints readable lines.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}
