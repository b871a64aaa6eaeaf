//! What was made from rows, kept for as long as nothing is committed to the database.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values by their keys, all read at one version of the database ([`crate::store::Store::version`]). A value is put in with
/// the version that was asked for *before* it was read, and is found only under the version that holds now: a commit in
/// between, whoever made it, leaves a value that nobody finds.
pub struct VersionCache<K, V> {
    kept: Mutex<Kept<K, V>>,
    most: usize,
}

struct Kept<K, V> {
    version: u64,
    values: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> VersionCache<K, V> {
    /// An empty one that keeps at most so many values.
    #[must_use]
    pub fn new(most: usize) -> VersionCache<K, V> {
        VersionCache { kept: Mutex::new(Kept { version: 0, values: HashMap::new() }), most }
    }

    /// The value that was read at this version.
    pub fn get(&self, version: u64, key: &K) -> Option<V> {
        let kept = self.lock();
        if kept.version == version { kept.values.get(key).cloned() } else { None }
    }

    /// Keeps a value that was read after `version` was asked for. What is older goes; where something newer is kept, this
    /// is not.
    pub fn put(&self, version: u64, key: K, value: V) {
        let mut kept = self.lock();
        if kept.version > version {
            return;
        }
        if kept.version < version || kept.values.len() >= self.most {
            kept.values.clear();
        }
        kept.version = version;
        kept.values.insert(key, value);
    }

    fn lock(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_at_its_own_version_alone() {
        let cache = VersionCache::new(10);
        cache.put(3, "a", 1);
        assert_eq!((cache.get(3, &"a"), cache.get(4, &"a"), cache.get(2, &"a"), cache.get(3, &"b")), (Some(1), None, None, None));
        cache.put(4, "b", 2);
        assert_eq!((cache.get(4, &"a"), cache.get(4, &"b")), (None, Some(2)), "what is older has gone");
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let cache = VersionCache::new(10);
        // One read begins at version 3, another one after a commit; the first is put in last.
        cache.put(4, "a", "after");
        cache.put(3, "a", "before");
        assert_eq!((cache.get(4, &"a"), cache.get(3, &"a")), (Some("after"), None));
    }

    #[test]
    fn no_more_than_some_are_kept() {
        let cache = VersionCache::new(10);
        for n in 0..1_000 {
            cache.put(1, n, n);
        }
        assert!(cache.lock().values.len() <= 10);
        assert_eq!(cache.get(1, &999), Some(999));
    }
}
