//! A source that a program brings: the configuration keeps it, and does not know what it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::event::SourceKind;

/// A source of another kind than those of this crate.
#[derive(Clone)]
pub(crate) struct CustomSource {
    kind: &'static SourceKind,
    pattern: String,
    /// The default id of its trigger.
    id: String,
    source: Arc<dyn Any + Send + Sync>,
}

impl CustomSource {
    pub(crate) fn new(
        kind: &'static SourceKind,
        pattern: String,
        source: Arc<dyn Any + Send + Sync>,
    ) -> CustomSource {
        let id =
            if pattern.is_empty() { kind.kind().to_string() } else { format!("{}-{pattern}", kind.kind()) };
        CustomSource { kind, pattern, id, source }
    }

    /// Sets the default id of the trigger, which is `KIND-PATTERN`, or the kind alone if there is no pattern.
    pub(crate) fn with_id(self, id: String) -> CustomSource {
        CustomSource { id, ..self }
    }

    pub(crate) fn kind(&self) -> &'static SourceKind {
        self.kind
    }

    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(crate) fn source(&self) -> &(dyn Any + Send + Sync) {
        &*self.source
    }

    pub(super) fn trigger_id(&self) -> &str {
        &self.id
    }
}

/// The same source, not an equal one.
impl PartialEq for CustomSource {
    fn eq(&self, other: &CustomSource) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }
}

impl fmt::Debug for CustomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomSource")
            .field("kind", &self.kind.kind())
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}
