//! The doorbell: says that something may have changed, never what. Whoever listens reads rows after its cursor,
//! so a lost or doubled ring does no harm. Listen first, query second.

use crate::domain::ids::TicketId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One ticket: its row, events, comments, runs.
    Ticket(TicketId),
    /// Any ticket's row or run: the board and Home.
    Board,
    /// There may be work for pickup: a ticket became ready, a run ended, a slot is free.
    Pickup,
    /// A run was launched: ingest looks at once.
    Ingest,
    /// The conversation with Luci: a turn, a proposal, her session.
    Luci,
    /// Tasks: a file changed, a task run has news, something is due.
    Tasks,
    /// The orchestrator's inbox: an item, a digest.
    Inbox,
    /// A notice waits to be sent, or a sent one's buttons are to go.
    Outbox,
    /// A raw log grew: who follows it looks at once.
    Log(u64),
}

/// Each ring has its number, over all topics; a bell holds the number of its last one.
#[derive(Default)]
struct Bells {
    rings: u64,
    by_topic: HashMap<Topic, watch::Sender<u64>>,
}

/// Rings topics and lets others listen. Cheap to clone.
#[derive(Clone, Default)]
pub struct Doorbell {
    bells: Arc<Mutex<Bells>>,
}

impl Doorbell {
    /// Hears every ring of the topic from now on (rings in between two looks count as one).
    #[must_use]
    pub fn listen(&self, topic: Topic) -> Ear {
        let mut bells = self.lock();
        if bells.by_topic.len() > 256 {
            bells.by_topic.retain(|_, bell| bell.receiver_count() > 0);
        }
        // Rung meanwhile or not: nobody can have heard this number at this bell before.
        let rings = bells.rings;
        Ear { rx: bells.by_topic.entry(topic).or_insert_with(|| watch::channel(rings).0).subscribe() }
    }

    /// Wakes all who listen to the topic.
    pub fn ring(&self, topic: Topic) {
        let mut bells = self.lock();
        bells.rings += 1;
        if let Some(bell) = bells.by_topic.get(&topic) {
            bell.send_replace(bells.rings);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bells> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener's ear.
pub struct Ear {
    rx: watch::Receiver<u64>,
}

impl Ear {
    /// Waits for the next ring, or the time-out. True if it rang.
    pub async fn wait(&mut self, timeout: Duration) -> bool {
        matches!(tokio::time::timeout(timeout, self.rx.changed()).await, Ok(Ok(())))
    }

    /// Marks what has rung so far as heard: the number of the last ring. Numbers only grow.
    pub fn hush(&mut self) -> u64 {
        *self.rx.borrow_and_update()
    }
}
