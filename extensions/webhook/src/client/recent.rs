//! A map of bounded size that evicts the entry which was not used for the longest time.

use std::collections::HashMap;
use std::hash::Hash;

/// The index of no entry: the end of the list of uses.
const END: usize = usize::MAX;

/// A map of at most `capacity` entries. Each operation takes constant time.
///
/// The map has std's hasher, because clients choose the keys.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    capacity: usize,
    /// The index of each key in `entries`.
    indexes: HashMap<K, usize>,
    /// The entries, each linked to those that were used next before and after it. An entry keeps its index for ever.
    entries: Vec<Entry<K, V>>,
    /// The entry that was used last.
    newest: usize,
    /// The entry that was not used for the longest time.
    oldest: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    newer: usize,
    older: usize,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Returns an empty map. A map of capacity 0 has one entry.
    pub(crate) fn new(capacity: usize) -> Recent<K, V> {
        let (indexes, entries) = (HashMap::new(), Vec::new());
        Recent { capacity, indexes, entries, newest: END, oldest: END, evicted: 0 }
    }

    /// Returns the number of entries that were evicted.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Uses the entry of this key, and returns its value. Without an entry, inserts one with the value of `new`, and evicts
    /// the oldest entry if the map is full.
    pub(crate) fn get_or_insert(&mut self, key: K, new: V) -> &mut V {
        let index = match self.indexes.get(&key) {
            Some(index) => {
                let index = *index;
                self.unlink(index);
                index
            }
            None => self.insert(key, new),
        };
        self.link_as_newest(index);
        &mut self.entries[index].value
    }

    /// Inserts an entry that is not linked yet, and returns its index.
    fn insert(&mut self, key: K, value: V) -> usize {
        let entry = Entry { key, value, newer: END, older: END };
        let index = if self.entries.len() < self.capacity.max(1) {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let oldest = self.oldest;
            self.unlink(oldest);
            self.indexes.remove(&self.entries[oldest].key);
            self.entries[oldest] = entry;
            self.evicted += 1;
            oldest
        };
        self.indexes.insert(key, index);
        index
    }

    fn unlink(&mut self, index: usize) {
        let Entry { newer, older, .. } = self.entries[index];
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link_as_newest(&mut self, index: usize) {
        let older = std::mem::replace(&mut self.newest, index);
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = index,
            None => self.oldest = index,
        }
        let entry = &mut self.entries[index];
        (entry.newer, entry.older) = (END, older);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl<K: Copy, V> Recent<K, V> {
        /// Returns the number of entries.
        pub(crate) fn len(&self) -> usize {
            assert_eq!(self.indexes.len(), self.entries.len());
            self.entries.len()
        }

        /// Returns the keys, the one that was used last first.
        fn keys(&self) -> Vec<K> {
            let (mut at, mut keys) = (self.newest, Vec::new());
            while let Some(entry) = self.entries.get(at) {
                keys.push(entry.key);
                at = entry.older;
            }
            keys
        }
    }

    #[test]
    fn full_map_evicts_the_key_that_was_not_used_for_the_longest_time() {
        let mut map = Recent::new(3);
        for key in ["a", "b", "c"] {
            *map.get_or_insert(key, 0) += 1;
        }
        assert_eq!((map.keys(), map.evicted()), (vec!["c", "b", "a"], 0));
        assert_eq!(*map.get_or_insert("a", 0), 1);
        assert_eq!(*map.get_or_insert("d", 0), 0);
        assert_eq!((map.keys(), map.evicted()), (vec!["d", "a", "c"], 1));
        // The key begins with a new value.
        assert_eq!(*map.get_or_insert("b", 7), 7);
        assert_eq!((map.keys(), map.evicted()), (vec!["b", "d", "a"], 2));
    }

    proptest! {
        /// Compares it with a list in the order of the uses.
        #[test]
        fn map_keeps_the_keys_that_were_used_last(
            capacity in 0_usize..6,
            uses in proptest::collection::vec(0_u8..10, 0..200),
        ) {
            let (mut map, mut list, mut evicted) = (Recent::new(capacity), Vec::<(u8, usize)>::new(), 0);
            for (time, key) in uses.into_iter().enumerate() {
                let known = list.iter().position(|(other, _)| *other == key);
                let value = known.map_or(time, |at| list.remove(at).1);
                list.insert(0, (key, value));
                evicted += u64::from(list.len() > capacity.max(1));
                list.truncate(capacity.max(1));
                prop_assert_eq!(*map.get_or_insert(key, time), value);
                prop_assert_eq!(map.keys(), list.iter().map(|(key, _)| *key).collect::<Vec<_>>());
                prop_assert_eq!((map.len(), map.evicted()), (list.len(), evicted));
            }
        }
    }
}
