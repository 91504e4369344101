//! What an operator sets without a new build: the settings of a file and of the environment, over those of the program.
//!
//! The layers, the weakest first: attributes and the builder, the file, the environment. The file and the environment are
//! read once, when the builder is [configured](Builder::configured). They are applied to the plan, before its checks.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Builder;
use crate::declare::{of_key, timeout};
use crate::registry::{Declaration, Problem, ProblemKind, unique_ids};

mod environment;
mod file;
mod target;

use target::{Settings, Target};

/// The keys of the runtime itself.
const RUNTIME_SETTINGS: &[&str] = &["drain_deadline"];

/// The settings outside of the program.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    /// Those of the file, then those of the environment.
    given: Vec<Given>,
    /// Why the file or a variable cannot be read.
    faults: Vec<String>,
}

/// A setting outside of the program.
#[derive(Debug)]
struct Given {
    place: Place,
    value: Value,
    origin: Origin,
}

/// What a setting belongs to, as its layer names it.
#[derive(Debug)]
enum Place {
    /// The keys of a file.
    Runtime {
        key: String,
    },
    Process {
        process: String,
        key: String,
    },
    Trigger {
        process: String,
        trigger: String,
        key: String,
    },
    /// The name of a variable.
    Variable(String),
}

/// The place of a setting outside of the program.
#[derive(Clone, Debug)]
enum Origin {
    /// A line of a file.
    File { path: Arc<str>, line: usize },
    /// The name of an environment variable.
    Variable(String),
}

impl Origin {
    fn is_variable(&self) -> bool {
        matches!(self, Origin::Variable(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{path}:{line}"),
            Origin::Variable(name) => f.write_str(name),
        }
    }
}

impl Builder {
    /// Applies what an operator has set outside of the program, as `#[triggers::main]` does: the
    /// settings of a file, and over them those of environment variables. Both are read here. A start, a check and a
    /// description apply them, and a start refuses every fault with its file and line.
    ///
    /// The file is that of the variable `TRIGGERS_CONFIG`, which must exist, or else `./triggers.toml` if there is one:
    ///
    /// ```toml
    /// drain_deadline = "1m"
    ///
    /// [processes.charge]             # the name of the process
    /// concurrency = 16               # also `timeout`, `retry`, `backoff`
    ///
    /// [processes.receive.triggers.webhook]
    /// port = 8080                    # also `queue`, `queue_bytes`, `overflow`, and the settings of its kind
    /// ```
    ///
    /// A trigger has its id, or its kind if it is the only one of it. What a trigger subscribes to, its id and the key of the
    /// process belong to the program. A changed port does not change a default id.
    ///
    /// A variable has the names joined by two underscores, in capitals, with `_` for every other character:
    /// `TRIGGERS__DRAIN_DEADLINE`, `TRIGGERS__CHARGE__CONCURRENCY`, `TRIGGERS__RECEIVE__WEBHOOK__PORT`. Every variable that
    /// begins with `TRIGGERS__` must name a setting. It needs the feature `main`.
    ///
    /// Processes that are added to a running runtime are not changed. A second call has no effect.
    pub fn configured(self) -> Builder {
        self.configured_by(None)
    }

    /// Applies the settings outside of the program. `file` is that of the command line.
    pub(super) fn configured_by(mut self, file: Option<PathBuf>) -> Builder {
        // The builder of `#[triggers::main]` knows the file of the command line.
        self.configuration.get_or_insert_with(|| Configuration::read(file));
        self
    }
}

impl Configuration {
    fn read(file: Option<PathBuf>) -> Configuration {
        let mut configuration = Configuration::default();
        file::read(file, &mut configuration);
        environment::read(&mut configuration);
        configuration
    }

    /// Returns the deadline of a drain. Its faults are those of [`apply`](Self::apply).
    pub(super) fn drain_deadline(&self) -> Option<Duration> {
        let settings = Settings::of(&[], &[]);
        let is_deadline = |given: &&Given| {
            matches!(settings.find(&given.place), Ok(Target { process: None, key: "drain_deadline", .. }))
        };
        // The last one is that of the strongest layer.
        let given = self.given.iter().rfind(is_deadline)?;
        timeout(&given.value).ok()
    }

    /// Changes the declarations. Returns every fault of the settings.
    pub(super) fn apply(&self, declarations: &mut [Declaration], names: &[String]) -> Vec<Problem> {
        let mut faults = self.faults.clone();
        if self.given.is_empty() {
            return problems(faults);
        }
        let ids: Vec<_> = declarations.iter().map(|one| unique_ids(&one.config.triggers)).collect();
        let settings = Settings::of(declarations, names);
        let found: Vec<_> = self.given.iter().map(|given| (given, settings.find(&given.place))).collect();
        drop(settings);
        // Each layer sets a setting once.
        let mut seen = HashMap::<(Target, bool), &Origin>::new();
        for (given, target) in found {
            let Given { value, origin, .. } = given;
            let target = match target {
                Ok(target) => target,
                Err(fault) => {
                    faults.push(format!("{origin}: {fault}"));
                    continue;
                }
            };
            if let Some(other) = seen.insert((target, origin.is_variable()), origin) {
                faults.push(format!("{origin}: `{}` is given a second time, after {other}", target.key));
                continue;
            }
            let set = match target.process {
                None => of_key(target.key, value, timeout).map(|_| ()),
                Some(process) => {
                    let trigger = target.trigger.map(|trigger| (trigger, &*ids[process][trigger]));
                    let value = (value, origin.is_variable());
                    declarations[process].configure(trigger, target.key, value, origin.to_string())
                }
            };
            faults.extend(set.err().map(|error| format!("{origin}: {error}")));
        }
        faults.extend(declarations.iter().filter_map(unused_backoff));
        problems(faults)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Returns where the settings come from, for the log.
    pub(super) fn origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = Vec::new();
        for given in &self.given {
            let origin = match &given.origin {
                Origin::File { path, .. } => path.to_string(),
                Origin::Variable(name) => name.clone(),
            };
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}

fn problems(faults: Vec<String>) -> Vec<Problem> {
    faults.into_iter().map(|fault| Problem::general(ProblemKind::Config, fault)).collect()
}

/// Returns the fault of a `backoff` that an operator has set for a process without retries.
fn unused_backoff(declaration: &Declaration) -> Option<String> {
    let origin = declaration.origin(None, "backoff")?;
    let error = declaration.config.unused_backoff(true).err()?;
    Some(format!("{origin}: {error}"))
}
