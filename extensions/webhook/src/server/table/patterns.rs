//! The webhooks whose paths have captures, as a tree of segments.
//!
//! It is no router of another crate, because it compares whole segments by the grammar of the framework, and because its
//! insertion cannot fail.

use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;
use trigger_grammar::path;

use super::Endpoint;

/// A tree of path patterns. A node is the end of the segments on the way to it.
///
/// From left to right, a literal segment wins over a capture. The order of insertion has no effect.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// The webhook whose path ends here.
    endpoint: Option<Arc<Endpoint>>,
    literals: HashMap<SmolStr, Patterns, foldhash::fast::RandomState>,
    capture: Option<Box<Patterns>>,
}

impl Patterns {
    /// Adds a webhook. A webhook whose path matches the same requests is replaced.
    pub(crate) fn insert(&mut self, endpoint: &Arc<Endpoint>) {
        let mut node = self;
        for segment in path::segments(&endpoint.path) {
            node = if path::has_captures(segment) {
                node.capture.get_or_insert_default()
            } else {
                node.literals.entry(segment.into()).or_default()
            };
        }
        node.endpoint = Some(Arc::clone(endpoint));
    }

    /// Returns the webhook of a path. A capture matches one segment that is not empty.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Endpoint>> {
        self.find_rest(Some(path.strip_prefix('/')?))
    }

    /// Returns the webhook of the rest of a path: its segments, or `None` after the last one. Each node is visited at most once,
    /// because only one way leads to it.
    fn find_rest(&self, rest: Option<&str>) -> Option<&Arc<Endpoint>> {
        let Some(rest) = rest else { return self.endpoint.as_ref() };
        let (segment, rest) = rest.split_once('/').map_or((rest, None), |(first, rest)| (first, Some(rest)));
        let literal = self.literals.get(segment).and_then(|node| node.find_rest(rest));
        literal.or_else(|| self.capture.as_ref().filter(|_| !segment.is_empty())?.find_rest(rest))
    }
}
