//! The declarations of a program: one static record for each handler, from the linker or from a list, and tables of
//! configuration.
//!
//! The folder reads them, and checks them alone and together. It knows every layer but the runtime, which uses it.

use std::fmt;
use std::sync::Arc;

use linkme::distributed_slice;

use crate::declare::ProcessConfig;
use crate::process::handler::{Argument, Handler, NewSlot, new_slot};

mod check;
mod clash;
pub mod const_checks;
mod kinds;
mod problem;
mod read;
mod record;
mod site;

pub(crate) use check::check;
pub use clash::{Claims, count};
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
        Declaration { handler: name.clone(), name: Some(name), module: "", location, config, arguments, call }
    }

    fn site(&self) -> Site<'_> {
        Site { name: &self.handler, module: self.module, location: self.location }
    }

    /// Returns the full path of the handler.
    pub(crate) fn path(&self) -> String {
        self.site().path().to_string()
    }
}
