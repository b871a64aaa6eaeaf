//! What keeps a step or a turn from going on, and for how long: in memory alone, and not missed after a restart.

use crate::domain::notice::Notice;
use crate::domain::orchestrator::turn::Turn;

/// Between two looks at an agent at most so many milliseconds count as waiting.
const LOOKED_MS: i64 = 1_000;

/// Why a step could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blockage {
    /// A dialog is open that only a person can answer: its words.
    Dialog(String),
    /// She works on nothing of ours while something waits for her.
    Busy,
    /// The step failed: why.
    Fault(String),
}

/// Steps in a row that could not go on, whatever the reason of each.
#[derive(Debug)]
pub(crate) struct Stuck {
    /// Since when (monotonic).
    pub(crate) since: i64,
    /// The owner was told.
    pub(crate) told: bool,
    /// What the session says of it on the page, where only we can tell.
    pub(crate) note: Option<String>,
}

impl Blockage {
    pub(crate) fn notice(&self, key: String) -> Notice {
        let (text, urgent) = match self {
            Blockage::Dialog(words) => (format!("Luci waits for you\n\n{words}\n\nAnswer in the console."), true),
            Blockage::Busy => (
                "Luci is busy with something that did not come from here\n\nWhat is there for her waits until she is through. \
                 Look at her screen in the console."
                    .to_owned(),
                false,
            ),
            Blockage::Fault(why) => {
                (format!("Luci cannot go on\n\n{why}\n\nIt is tried again by itself, and nothing is lost."), false)
            }
        };
        Notice { key, text, urgent, ..Notice::default() }
    }
}

/// The wait for a turn that was sent and is nowhere though its agent is ready.
#[derive(Debug, Default)]
pub(crate) struct Unheard {
    pub(crate) nonce: String,
    /// The last look (monotonic).
    pub(crate) looked: i64,
    /// For how long the agent was seen ready since it was last asked, in milliseconds. Neither a machine that slept nor a
    /// picture half painted adds to it, and the latter does not take away from it.
    pub(crate) waited: i64,
    /// How often the agent was asked to take it.
    pub(crate) asked: u32,
    /// It did not stand before the agent when that was asked last.
    pub(crate) gone: bool,
}

impl Unheard {
    /// The wait for this turn, after one more look.
    pub(crate) fn at(&mut self, turn: &Turn, now: i64, ready: bool) -> &mut Unheard {
        let nonce = turn.nonce.as_deref().unwrap_or_default();
        if self.nonce != nonce {
            *self = Unheard { nonce: nonce.to_owned(), looked: now, ..Unheard::default() };
        }
        if ready {
            self.waited += (now - self.looked).min(LOOKED_MS);
        }
        self.looked = now;
        self
    }
}
