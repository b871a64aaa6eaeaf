//! The board as it was last rendered: served from memory until anything is committed, or until time changes what it shows.

use crate::base::error::Result;
use crate::domain::ticket::next_action::NextKind;
use crate::domain::time::Time;
use crate::store::ticket::changes;
use crate::web::board::card::Card;
use crate::web::board::filter::{Filter, address};
use crate::web::board::load::load_board;
use crate::web::board::query::Query;
use crate::web::board::view::{Board, board as view};
use crate::web::http::request::{Visit, seed};
use crate::web::ui::Ctx;
use crate::web::ui::template::Template;
use rusqlite::Connection;
use std::sync::Arc;

/// While a worker's output of the last minute and a half is drawn, or a time must come, the board is looked at anew after
/// so long, in milliseconds.
const MOVING_MS: i64 = 2_000;
/// And in any case after so long.
const STILL_MS: i64 = 10_000;

/// A board that was rendered.
pub struct KeptBoard {
    /// Its markup.
    pub main: Template,
    /// What stands in the search field.
    pub q: String,
    from: Time,
    until: Time,
}

impl KeptBoard {
    /// Keeps a board that was read and rendered now.
    #[must_use]
    pub fn new(board: &Board, main: Template, now: Time) -> KeptBoard {
        let moves = board.columns.iter().flat_map(|c| &c.cards).any(moves);
        let until = now.plus_ms(if moves { MOVING_MS } else { STILL_MS });
        KeptBoard { main, q: board.filter.q.clone(), from: now, until }
    }

    /// Whether time has changed nothing of it. A clock that was put back ends it.
    #[must_use]
    pub fn is_good_at(&self, now: Time) -> bool {
        now >= self.from && now < self.until
    }
}

/// The board under a query: the one that is kept, or read and rendered.
///
/// # Errors
/// The store failed.
pub async fn kept_board(visit: &Visit, query: Query) -> Result<Arc<KeptBoard>> {
    let (config, now, reads) = (visit.app.config.clone(), visit.now, &visit.app.reads);
    // What changes the board beside the database: who looks for what, and the default profile.
    let name = format!("board {} {query:?}", config.default_profile());
    let version = visit.app.store.version();
    if let Some(kept) = reads.made::<KeptBoard>(version, &name).filter(|kept| kept.is_good_at(now)) {
        return Ok(kept);
    }
    let is_narrow = !Filter { status: None, ..query.filter() }.is_empty();
    let read = move |c: &Connection| Ok((load_board(c, &config, &query, now)?, changes::newest(c)?));
    let store = &visit.app.store;
    let (board, cursor) = if is_narrow { store.query_long(read).await? } else { store.query(read).await? };
    let pairs = board.filter.pairs_and(&[]);
    let after = cursor.to_string();
    let pairs = pairs.into_iter().chain([("after", after.as_str())]);
    let stream = address("/board/stream", pairs);
    let seed = seed();
    let main = Template::of(&view(&board, &stream, Ctx { now, seed: &seed }), &seed);
    let kept = Arc::new(KeptBoard::new(&board, main, now));
    reads.keep(version, name, kept.clone());
    Ok(kept)
}

/// Whether a card changes with time, beside its relative times.
#[must_use]
pub fn moves(card: &Card) -> bool {
    card.next.kind == NextKind::Later || card.run.as_ref().is_some_and(|run| run.output_counts.iter().any(|n| *n > 0))
}
