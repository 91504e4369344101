//! A source that a program brings: the configuration keeps it, and does not know what it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::event::SourceKind;

/// A resource that only one trigger can have, such as a folder. The start of a runtime refuses two triggers that claim the
/// same one.
///
/// ```
/// # use trigger_core::Claim;
/// let claim = Claim::of_runtime("the folder /var/inbox");
/// assert_eq!(claim, Claim::of_runtime("the folder /var/inbox"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `true` if only one trigger of the runtime can have it, `false` if one of each process can.
    pub(crate) is_of_runtime: bool,
    pub(crate) resource: String,
}

impl Claim {
    /// Claims a resource for one trigger of the runtime. The text is for people, and two claims are the same if their texts
    /// are.
    pub fn of_runtime(resource: impl Into<String>) -> Claim {
        Claim { is_of_runtime: true, resource: resource.into() }
    }

    /// Claims a resource for one trigger of each process, such as a subscription that would deliver each event twice.
    pub fn of_process(resource: impl Into<String>) -> Claim {
        Claim { is_of_runtime: false, resource: resource.into() }
    }
}

/// A source of another kind than those of this crate.
#[derive(Clone)]
pub(crate) struct CustomSource {
    kind: &'static SourceKind,
    pattern: String,
    /// The default id of its trigger.
    id: String,
    claims: Vec<Claim>,
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
        CustomSource { kind, pattern, id, claims: Vec::new(), source }
    }

    /// Sets what the source claims.
    pub(crate) fn with_claims(self, claims: Vec<Claim>) -> CustomSource {
        CustomSource { claims, ..self }
    }

    pub(crate) fn claims(&self) -> &[Claim] {
        &self.claims
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
