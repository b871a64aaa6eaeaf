//! From rows to the inbox.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::inbox::digest::DigestState;
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::TurnState;
use crate::domain::time::Time;
use crate::store::inbox::digests::Digest;
use crate::store::inbox::{digests, items};
use crate::store::orchestrator::{proposals, turns};
use crate::web::inbox::view::{Inbox, NextDigest, Now, Past};
use crate::web::shared::waiting::REPORTS_COUNTED;
use rusqlite::Connection;

/// Waiting items shown.
const SHOWN: i64 = 20;

/// Digests that are over, on one page.
const DIGESTS: usize = 5;

/// All that the page shows; `before`: older digests.
///
/// # Errors
/// The store failed.
pub fn load(c: &Connection, config: &Config, now: Time, before: Option<i64>) -> Result<Inbox> {
    let open = digests::open(c)?;
    let total = items::waiting_count(c, REPORTS_COUNTED)?;
    let next = match &open {
        _ if total == 0 => NextDigest::Nothing,
        _ if !config.orchestrator.digests => NextDigest::Off,
        Some(digest) => NextDigest::After(digest.number),
        None if !digests::luci_can(c, now)? => NextDigest::LuciCannot,
        None => {
            let every = i64::try_from(config.pickup_every_s.saturating_mul(1_000)).unwrap_or(60_000);
            digests::next_at(c, now, every)?.map_or(NextDigest::Soon, NextDigest::At)
        }
    };
    let mut over = digests::list(c, before, i64::try_from(DIGESTS + 2).unwrap_or(7))?;
    over.retain(|d| d.state != DigestState::Open);
    let more = over.len() > DIGESTS;
    over.truncate(DIGESTS);
    let older = if more { over.last().map(|d| d.number) } else { None };
    let past = over.into_iter().map(|digest| past(c, digest));
    let now = match open {
        None => None,
        Some(digest) => {
            let in_hands = turns::get(c, digest.turn)?.state != TurnState::Pending;
            let items = digests::items(c, digest.turn)?.into_iter().map(|(item, _)| item).collect();
            Some(Now { items, expires_at: digests::expires_at(c, digest.turn)?, in_hands, digest })
        }
    };
    Ok(Inbox { waiting: items::waiting(c, SHOWN)?, total, next, now, past: past.collect::<Result<_>>()?, older })
}

fn past(c: &Connection, digest: Digest) -> Result<Past> {
    let turn = turns::get(c, digest.turn)?;
    let answer = proposal_block::words(turn.response.as_deref().unwrap_or_default()).to_owned();
    Ok(Past { items: digests::items(c, digest.turn)?, answer, proposals: proposals::of_turn(c, digest.turn)?, digest })
}
