//! A persistent map from names to values. A clone copies one pointer, and a change copies only the path to the changed
//! entry.
//!
//! The map is a tree in which each branch examines one half of a byte. A look-up examines only the halves in which the
//! stored names differ, and then compares the whole name once. With a single entry, which is the common case below a
//! token, it only compares. It computes no hash.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A map of names.
#[derive(Clone, Default)]
pub(super) enum Names<K, V> {
    #[default]
    None,
    One(Arc<(K, V)>),
    Several(Arc<Branch<K, V>>),
}

/// A branch with at least two names.
#[derive(Clone)]
pub(super) struct Branch<K, V> {
    /// The index of the examined half byte, in which some of the names differ.
    at: usize,
    /// The names by the value of that half byte.
    children: [Names<K, V>; 16],
}

impl<K: AsRef<str> + Clone, V: Clone> Names<K, V> {
    pub(super) fn get(&self, name: &str) -> Option<&(K, V)> {
        let mut names = self;
        loop {
            match names {
                Names::None => return None,
                Names::One(entry) => return (entry.0.as_ref() == name).then_some(entry),
                Names::Several(branch) => names = &branch.children[half(name, branch.at)],
            }
        }
    }

    pub(super) fn insert(&mut self, name: K, value: V) {
        match self {
            Names::Several(branch) => {
                let branch = Arc::make_mut(branch);
                branch.children[half(name.as_ref(), branch.at)].insert(name, value);
            }
            Names::One(entry) if entry.0.as_ref() != name.as_ref() => {
                let at = first_difference(entry.0.as_ref(), name.as_ref());
                let other = half(entry.0.as_ref(), at);
                let mut children = <[Names<K, V>; 16]>::default();
                children[other] = mem::take(self);
                *self = Names::Several(Arc::new(Branch { at, children }));
                self.insert(name, value);
            }
            _ => *self = Names::One(Arc::new((name, value))),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        match self {
            Names::One(entry) if entry.0.as_ref() == name => *self = Names::None,
            Names::None | Names::One(_) => {}
            Names::Several(branch) => {
                let branch = Arc::make_mut(branch);
                branch.children[half(name, branch.at)].remove(name);
                let mut left = branch.children.iter().filter(|names| !names.is_empty());
                if let (Some(last), None) = (left.next(), left.next()) {
                    *self = last.clone();
                }
            }
        }
    }

    /// Calls `each` with the entries until it breaks. At each branch the names that agree with `name` in the examined half byte
    /// come first, so names that differ in few places tend to be early.
    pub(super) fn nearest_first<'a>(
        &'a self,
        name: &str,
        each: &mut impl FnMut(&'a (K, V)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Names::None => ControlFlow::Continue(()),
            Names::One(entry) => each(entry),
            Names::Several(branch) => {
                let near = half(name, branch.at);
                branch.children[near].nearest_first(name, each)?;
                let others = branch.children.iter().enumerate().filter(|(value, _)| *value != near);
                others.map(|(_, names)| names).try_for_each(|names| names.nearest_first(name, each))
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Names::None)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Names::None => 0,
            Names::One(_) => 1,
            Names::Several(branch) => branch.children.iter().map(Names::len).sum(),
        }
    }
}

/// Returns the half byte at this index; the lower half of a byte comes first. After the end of the name it is 0, which is
/// unambiguous because names contain no zero byte.
fn half(name: &str, at: usize) -> usize {
    let byte = name.as_bytes().get(at / 2).copied().unwrap_or(0);
    usize::from(byte >> (at % 2 * 4) & 0xf)
}

/// Returns the index of the first half byte in which two names differ.
fn first_difference(a: &str, b: &str) -> usize {
    (0..).find(|at| half(a, *at) != half(b, *at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Few letters, so that names share prefixes, are prefixes of each other, and differ in either half of a byte.
    const NAME: &str = "[abq]{1,3}";

    proptest! {
        #[test]
        fn names_are_a_map_whose_clones_do_not_change(
            changes in prop::collection::vec((NAME, prop::option::weighted(0.7, 0..9)), 1..60),
        ) {
            let known: BTreeSet<_> = changes.iter().map(|(name, _)| name.clone()).collect();
            let mut moments = vec![(Names::default(), BTreeMap::new())];
            for (name, value) in changes {
                let (mut names, mut map) = moments.last().cloned().expect("the first moment");
                match value {
                    Some(value) => {
                        names.insert(name.clone(), value);
                        map.insert(name, value);
                    }
                    None => {
                        names.remove(&name);
                        map.remove(&name);
                    }
                }
                moments.push((names, map));
            }
            for (names, map) in &moments {
                prop_assert_eq!(names.len(), map.len());
                prop_assert_eq!(names.is_empty(), map.is_empty());
                for name in &known {
                    let mut nearest = Vec::new();
                    let _ = names.nearest_first(name, &mut |(other, _)| {
                        nearest.push(other);
                        ControlFlow::Continue(())
                    });
                    if map.contains_key(name) {
                        prop_assert_eq!(nearest[0], name);
                    }
                    nearest.sort_unstable();
                    prop_assert!(nearest.into_iter().eq(map.keys()), "each entry once");
                    let value = names.get(name);
                    prop_assert_eq!(value.map(|(name, value)| (name, value)), map.get_key_value(name));
                }
            }
        }
    }
}
