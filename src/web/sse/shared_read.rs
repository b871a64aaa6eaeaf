//! One read for all streams that stand at the same place: a thousand pages woken by one ring ask the database once, and
//! are handed the same bytes.

use crate::base::doorbell::Topic;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Reads kept at once; beyond them all are forgotten, which costs a read and nothing else.
const KEPT: usize = 64;
/// A longer answer is not kept for those who come late: together they hold a megabyte at most.
pub const KEPT_BYTES: usize = 16 * 1024;

/// What a read found.
pub type Found = Arc<dyn Any + Send + Sync>;
/// A read that is done by the first who needs it, while the others wait.
pub type Read = Arc<OnceCell<Found>>;

/// The reads that were begun last, each with the ring it was begun after.
#[derive(Default)]
pub struct SharedReads(Mutex<HashMap<(Topic, String), (u64, Read)>>);

impl SharedReads {
    /// The read of all who stand at this place and heard this ring. One that was begun after a later ring will do as
    /// well; one begun after an earlier ring may have missed what this one was rung for.
    #[must_use]
    pub fn at(&self, topic: Topic, place: String, heard: u64) -> Read {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.len() >= KEPT {
            reads.clear();
        }
        let (begun, read) = reads.entry((topic, place)).or_default();
        if *begun < heard {
            (*begun, *read) = (heard, Read::default());
        }
        read.clone()
    }

    /// Keeps a read no longer.
    pub fn forget(&self, topic: Topic, place: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(topic, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_heard_the_same_ring_at_the_same_place_share_a_read_and_a_later_ring_begins_a_new_one() {
        let reads = SharedReads::default();
        let first = reads.at(Topic::Board, "7".to_owned(), 1);
        assert!(Arc::ptr_eq(&first, &reads.at(Topic::Board, "7".to_owned(), 1)));
        assert!(!Arc::ptr_eq(&first, &reads.at(Topic::Board, "8".to_owned(), 1)));
        assert!(!Arc::ptr_eq(&first, &reads.at(Topic::Luci, "7".to_owned(), 1)));
        let second = reads.at(Topic::Board, "7".to_owned(), 2);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &reads.at(Topic::Board, "7".to_owned(), 1)), "a later read has all that an earlier one has");
    }

    #[test]
    fn no_more_than_some_reads_are_kept() {
        let reads = SharedReads::default();
        for place in 0..10 * KEPT {
            let _ = reads.at(Topic::Board, place.to_string(), 1);
        }
        assert!(reads.0.lock().unwrap().len() <= KEPT);
    }
}
