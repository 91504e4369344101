//! What the attributes declare: one static record for each handler, found by the linker or listed by hand.

use std::fmt;
use std::sync::Arc;

use linkme::distributed_slice;
use trigger_grammar::{path, topic};

use crate::config::{ProcessConfig, TriggerConfig};
use crate::handler::{Context, HandlerFuture, Needs, Rejection};
use crate::policy::{self, Overflow};
use crate::process::Call;

mod check;

pub(crate) use check::check;

/// The handlers of every crate that is linked into the program. Its name is unique because sections of object files
/// are shared by all that is linked.
#[distributed_slice]
pub static TRIGGER_CORE_HANDLERS_V1: [HandlerRecord];

/// A handler as its attributes declare it: what `handlers![..]` lists. Only the attributes make one.
pub struct HandlerRecord {
    /// The name of the fn.
    #[doc(hidden)]
    pub name: &'static str,
    /// The module it is in.
    #[doc(hidden)]
    pub module: &'static str,
    /// The file of the declaration.
    #[doc(hidden)]
    pub file: &'static str,
    /// The line of the declaration.
    #[doc(hidden)]
    pub line: u32,
    /// How it runs.
    #[doc(hidden)]
    pub process: ProcessRecord,
    /// What starts it.
    #[doc(hidden)]
    pub triggers: &'static [TriggerRecord],
    /// What its arguments need at start.
    #[doc(hidden)]
    pub needs: fn(&mut Needs),
    /// Makes its arguments and runs it.
    #[doc(hidden)]
    pub call: fn(&Context<'_>) -> Result<HandlerFuture, Rejection>,
}

impl fmt::Debug for HandlerRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{} ({}:{})", self.module, self.name, self.file, self.line)
    }
}

/// Implemented by the type that has the name of a handler, for `handlers![..]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not declared with `#[on_event]`, `#[on_message]` or `#[on_webhook]`"
)]
pub trait Declared {
    /// The record of the handler.
    const RECORD: &'static HandlerRecord;
}

/// `#[process(..)]`, as data.
#[derive(Clone, Copy, Debug)]
pub struct ProcessRecord {
    name: Option<&'static str>,
    concurrency: usize,
}

impl ProcessRecord {
    /// The defaults.
    #[expect(clippy::new_without_default, reason = "made in statics, where `Default` cannot be called")]
    pub const fn new() -> ProcessRecord {
        ProcessRecord { name: None, concurrency: 1 }
    }

    /// Names the process.
    pub const fn name(mut self, name: &'static str) -> ProcessRecord {
        self.name = Some(name);
        self
    }

    /// How many events it handles at once.
    pub const fn concurrency(mut self, concurrency: usize) -> ProcessRecord {
        assert!(concurrency > 0, "`concurrency` is 1 or more, the number of events handled at once");
        self.concurrency = concurrency;
        self
    }
}

/// `#[on_event(..)]`, `#[on_message(..)]` or `#[on_webhook(..)]`, as data.
///
/// Its functions run in const evaluation, so that a name given as a `const` is checked there: a panic is a compile
/// error at the user's attribute.
#[derive(Clone, Copy, Debug)]
pub struct TriggerRecord {
    source: SourceRecord,
    id: Option<&'static str>,
    queue: Option<usize>,
    overflow: Option<Overflow>,
}

#[derive(Clone, Copy, Debug)]
enum SourceRecord {
    Event { event_type: &'static str, source: Option<&'static str> },
    Message { pattern: &'static str },
    Webhook { path: &'static str, port: u16, host: &'static str, body_limit: usize },
}

impl TriggerRecord {
    /// Events of this type.
    pub const fn event(event_type: &'static str) -> TriggerRecord {
        if let Err(fault) = topic::check_topic(event_type) {
            fault.panic();
        }
        TriggerRecord::new(SourceRecord::Event { event_type, source: None })
    }

    /// Messages whose topic matches this pattern.
    pub const fn message(pattern: &'static str) -> TriggerRecord {
        if let Err(fault) = topic::check_pattern(pattern) {
            fault.panic();
        }
        TriggerRecord::new(SourceRecord::Message { pattern })
    }

    /// HTTP requests to this path.
    pub const fn webhook(path: &'static str) -> TriggerRecord {
        if let Err(fault) = path::check_path(path) {
            fault.panic();
        }
        TriggerRecord::new(SourceRecord::Webhook {
            path,
            port: policy::WEBHOOK_PORT,
            host: policy::WEBHOOK_HOST,
            body_limit: policy::WEBHOOK_BODY,
        })
    }

    const fn new(source: SourceRecord) -> TriggerRecord {
        TriggerRecord { source, id: None, queue: None, overflow: None }
    }

    /// Events of this source only.
    pub const fn source(mut self, name: &'static str) -> TriggerRecord {
        if let SourceRecord::Event { source, .. } = &mut self.source {
            *source = Some(name);
        }
        self
    }

    /// The port to listen on.
    pub const fn port(mut self, number: u16) -> TriggerRecord {
        if let SourceRecord::Webhook { port, .. } = &mut self.source {
            *port = number;
        }
        self
    }

    /// The host to listen on.
    pub const fn host(mut self, name: &'static str) -> TriggerRecord {
        if let SourceRecord::Webhook { host, .. } = &mut self.source {
            *host = name;
        }
        self
    }

    /// The largest body, in bytes.
    pub const fn body_limit(mut self, bytes: usize) -> TriggerRecord {
        if let SourceRecord::Webhook { body_limit, .. } = &mut self.source {
            *body_limit = bytes;
        }
        self
    }

    /// The id of the trigger.
    pub const fn id(mut self, id: &'static str) -> TriggerRecord {
        self.id = Some(id);
        self
    }

    /// How many events may wait.
    pub const fn queue(mut self, capacity: usize) -> TriggerRecord {
        assert!(capacity > 0, "`queue` is 1 or more, the number of events that may wait");
        self.queue = Some(capacity);
        self
    }

    /// What happens when the queue is full.
    pub const fn overflow(mut self, overflow: Overflow) -> TriggerRecord {
        self.overflow = Some(overflow);
        self
    }

    fn config(&self) -> TriggerConfig {
        let mut config = match self.source {
            SourceRecord::Event { event_type, source: None } => TriggerConfig::event(event_type),
            SourceRecord::Event { event_type, source: Some(name) } => {
                TriggerConfig::event(event_type).source(name)
            }
            SourceRecord::Message { pattern } => TriggerConfig::message(pattern),
            SourceRecord::Webhook { path, port, host, body_limit } => {
                TriggerConfig::webhook(path, port).host(host).body_limit(body_limit)
            }
        };
        config.id = self.id.map(str::to_owned);
        config.queue = self.queue;
        config.overflow = self.overflow;
        config
    }
}

/// A process as a runtime is to run it, wherever it was declared.
pub(crate) struct Declaration {
    /// The name it was given. Without one it is called by the name of its handler.
    pub(crate) name: Option<String>,
    /// The fn, or for a closure the name of its process.
    pub(crate) handler: String,
    /// The module of the fn; empty for a closure.
    pub(crate) module: &'static str,
    pub(crate) location: Location,
    pub(crate) config: ProcessConfig,
    pub(crate) needs: Needs,
    pub(crate) call: Arc<Call>,
}

/// Where something was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Declaration {
    pub(crate) fn of(record: &'static HandlerRecord) -> Declaration {
        let mut needs = Needs::default();
        (record.needs)(&mut needs);
        Declaration {
            name: record.process.name.map(str::to_owned),
            handler: record.name.to_owned(),
            module: record.module,
            location: Location { file: record.file, line: record.line },
            config: ProcessConfig {
                triggers: record.triggers.iter().map(TriggerRecord::config).collect(),
                concurrency: record.process.concurrency,
            },
            needs,
            call: Arc::new(record.call),
        }
    }

    /// The handler by its full path.
    pub(crate) fn path(&self) -> String {
        if self.module.is_empty() {
            self.handler.clone()
        } else {
            format!("{}::{}", self.module, self.handler)
        }
    }
}

/// One thing that keeps a runtime from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    handler: Option<String>,
    location: Option<Location>,
    message: String,
}

impl Problem {
    /// A problem of the program as a whole.
    pub(crate) fn general(message: impl Into<String>) -> Problem {
        Problem { handler: None, location: None, message: message.into() }
    }

    pub(crate) fn of(declaration: &Declaration, message: impl Into<String>) -> Problem {
        Problem::at(declaration.path(), declaration.location, message)
    }

    pub(crate) fn at(handler: String, location: Location, message: impl Into<String>) -> Problem {
        Problem { handler: Some(handler), location: Some(location), message: message.into() }
    }

    /// The handler it is about.
    pub fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// Where that was declared, as `file:line`.
    pub fn location(&self) -> Option<String> {
        self.location.map(|location| location.to_string())
    }

    /// Where it belongs in a list; those of the whole program come last.
    pub(crate) fn place(&self) -> (bool, Option<Location>) {
        (self.location.is_none(), self.location)
    }

    /// What is wrong, and the right form.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(handler), Some(location)) = (&self.handler, &self.location) {
            write!(f, "`{handler}` at {location}: ")?;
        }
        f.write_str(&self.message)
    }
}
