//! The declarations of a program: one static record for each handler, from the linker or from a list, and tables of
//! configuration.
//!
//! The folder reads them, and checks them alone and together. It knows every layer but the runtime, which uses it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use linkme::distributed_slice;

use crate::declare::{ProcessConfig, TriggerConfig};
use crate::process::handler::{Argument, Handler, NewSlot, new_slot};

mod check;
mod clash;
#[cfg(feature = "main")]
mod configure;
pub mod const_checks;
mod kinds;
mod problem;
mod read;
mod record;
mod site;

pub(crate) use check::{check, check_sources, warnings};
pub use clash::{Claims, count};
#[cfg(feature = "main")]
pub(crate) use configure::{PROCESS_SETTINGS, trigger_settings};
pub(crate) use kinds::all_kinds;
pub use problem::{Problem, ProblemKind};
pub use record::{HandlerRecord, ProcessRecord, TriggerRecord, argument};
pub use site::Site;

/// The handlers of every crate that is linked into the program. Its name is unique, because all linked crates share the
/// sections of object files.
#[distributed_slice]
pub static TRIGGER_CORE_HANDLERS_V1: [HandlerRecord];

/// The declaration of a process, from attributes or from the builder.
pub(crate) struct Declaration {
    /// The given name. Without one the process has the name of its handler.
    pub(crate) name: Option<String>,
    /// The name of the fn. For a closure, the name of its process.
    pub(crate) handler: String,
    /// The module of the fn. Empty for a closure.
    pub(crate) module: &'static str,
    pub(crate) location: Location,
    pub(crate) config: ProcessConfig,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) call: Arc<NewSlot>,
    /// The settings that an operator has changed.
    pub(crate) configured: Vec<Configured>,
}

/// The place of a declaration in source code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl Location {
    #[track_caller]
    pub(crate) const fn caller() -> Location {
        let caller = std::panic::Location::caller();
        Location { file: caller.file(), line: caller.line() }
    }
}

/// A setting that an operator has changed.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    /// The trigger by its index, or `None` for the process.
    pub(crate) trigger: Option<usize>,
    pub(crate) key: &'static str,
    /// The file and line, or the variable.
    pub(crate) origin: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Declaration {
    pub(crate) fn of(record: &'static HandlerRecord) -> Declaration {
        Declaration {
            name: record.process.name.map(str::to_owned),
            handler: record.site.name.to_owned(),
            module: record.site.module,
            location: record.site.location,
            config: record.config(),
            arguments: record.arguments.to_vec(),
            call: Arc::new(record.call),
            configured: Vec::new(),
        }
    }

    /// Returns the declaration of a closure, with the name of its process.
    pub(crate) fn of_closure<H: Handler<Args>, Args>(
        name: String,
        location: Location,
        config: ProcessConfig,
        handler: H,
    ) -> Declaration {
        let arguments = H::arguments();
        let handler = Arc::new(handler);
        let call: Arc<NewSlot> = Arc::new(move || {
            let handler = Arc::clone(&handler);
            new_slot(move |cx| handler.call(cx))
        });
        let handler = name.clone();
        let configured = Vec::new();
        Declaration { handler, name: Some(name), module: "", location, config, arguments, call, configured }
    }

    /// Returns where an operator has changed a setting.
    pub(crate) fn origin(&self, trigger: Option<usize>, field: &str) -> Option<&str> {
        // The field of a choice has the key of the choice before a dot.
        let key = field.split('.').next().unwrap_or_default();
        self.configured.iter().find(|one| one.trigger == trigger && one.key == key).map(|one| &*one.origin)
    }

    fn site(&self) -> Site<'_> {
        Site { name: &self.handler, module: self.module, location: self.location }
    }

    /// Returns the full path of the handler.
    pub(crate) fn path(&self) -> String {
        self.site().path().to_string()
    }
}

/// Returns the ids of the triggers of one process. Ids that repeat end in `-2`, `-3`.
pub(crate) fn unique_ids(configs: &[TriggerConfig]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let ids = configs.iter().map(|config| {
        let wanted = config.trigger_id();
        let mut id = wanted.to_owned();
        let mut number = 2;
        while !taken.insert(id.clone()) {
            id = format!("{wanted}-{number}");
            number += 1;
        }
        id
    });
    ids.collect()
}
