//! The board: a column per status, a filter in the address, one column at a time on a phone.

use super::card::Card;
use super::composer::Composer;
use crate::domain::ticket::Status;
use crate::web::ui::Ctx;
use crate::web::ui::filter::Filter;
use maud::{Markup, html};

/// All that the board shows.
#[derive(Debug, Clone)]
pub struct Board {
    /// What is filtered.
    pub filter: Filter,
    /// The columns, in the order of the statuses; `cancelled` only when it is filtered for.
    pub columns: Vec<Column>,
    /// The column a phone shows first (`?col=`); none: the first that waits for a person, else the first with cards.
    pub col: Option<Status>,
    /// Columns that were opened by hand (`?open=`).
    pub open: Vec<Status>,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// Names of the projects.
    pub projects: Vec<String>,
    /// The composer, folded.
    pub composer: Composer,
}

/// A window of one column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its status.
    pub status: Status,
    /// Tickets in it in all, under the filter.
    pub count: i64,
    /// Those shown.
    pub cards: Vec<Card>,
    /// Cursor of those below them (`?after=` of `/board/column/<status>`).
    pub more: Option<String>,
    /// A line below the cards, e.g. "Both slots are taken. 4 wait."
    pub note: Option<String>,
}

/// The page's main part. `stream` is the address of its live stream.
#[must_use]
pub fn board(b: &Board, stream: &str, cx: Ctx<'_>) -> Markup {
    let _ = (b, stream, cx);
    html! {}
}

/// A column, `section#col-<status>`. `fold`: shown as a spine at a desk (see [`folded`]).
#[must_use]
pub fn column(c: &Column, filter: &Filter, fold: bool, cx: Ctx<'_>) -> Markup {
    let _ = (c, filter, fold, cx);
    html! {}
}

/// More cards of a column and the link to those after them: appended to `#cards-<status>`.
#[must_use]
pub fn more_cards(c: &Column, filter: &Filter, cx: Ctx<'_>) -> Markup {
    let _ = (c, filter, cx);
    html! {}
}

/// A column's count, `#count-<status>`, as the stream brings it up to date.
#[must_use]
pub fn column_count(status: Status, count: i64) -> Markup {
    let _ = (status, count);
    html! {}
}

/// The same count in the phone's picker, `#pick-<status>`.
#[must_use]
pub fn pick(status: Status, count: i64, current: bool, filter: &Filter) -> Markup {
    let _ = (status, count, current, filter);
    html! {}
}

/// Whether a column is a spine: it is empty, or it is Done and there are too many others; unless opened by hand.
#[must_use]
pub fn folded(status: Status, columns: &[Column], open: &[Status]) -> bool {
    let _ = (status, columns, open);
    false
}
