//! Why a runtime cannot start.

use std::fmt;

use crate::registry::Problem;

/// Why a runtime, or a process of it, cannot start: every problem there is.
#[derive(Clone, PartialEq, Eq)]
pub struct StartError {
    problems: Vec<Problem>,
}

impl StartError {
    pub(super) fn of(mut problems: Vec<Problem>) -> StartError {
        problems.sort_by_key(Problem::place);
        StartError { problems }
    }

    /// The problems, in the order of the declarations they are about.
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

/// As `Display`, so that an `unwrap` in a test shows something a person can read.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}
