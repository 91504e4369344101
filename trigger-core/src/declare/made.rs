//! A source that was made: the configuration keeps it, and does not know what it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

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

/// A [`TriggerSource`](crate::TriggerSource) behind a pointer.
///
/// ```
/// # use std::borrow::Cow;
/// # use trigger_core::{BoxSource, SourceContext, SourceKind, TriggerSource};
/// static SILENT: SourceKind = SourceKind::new("silent", "nothing");
///
/// struct Silent;
///
/// impl TriggerSource for Silent {
///     fn kind(&self) -> &'static SourceKind { &SILENT }
///     fn pattern(&self) -> Cow<'_, str> { "".into() }
///     fn accept(&self, _: &SourceContext) {}
/// }
///
/// let source = BoxSource::new(Silent);
/// # drop(source);
/// ```
#[derive(Clone)]
pub struct BoxSource {
    pub(crate) pattern: String,
    /// The default id of its trigger.
    pub(crate) id: String,
    /// What it listens to, for people.
    pub(crate) description: String,
    pub(crate) claims: Vec<Claim>,
    pub(crate) source: Arc<dyn Any + Send + Sync>,
}

/// Compares by identity: the same source, not an equal one.
impl PartialEq for BoxSource {
    fn eq(&self, other: &BoxSource) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }
}

impl fmt::Debug for BoxSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxSource").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}
