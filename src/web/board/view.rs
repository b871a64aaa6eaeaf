//! The board: a column per status, a filter in the address, one column at a time on a phone.

use crate::domain::ticket::{Priority, Status};
use crate::web::board::card::Card;
use crate::web::board::filter::{Filter, address};
use crate::web::composer::view::{Composer, composer, plan_place};
use crate::web::ui::stream::{connect, gone, partial};
use crate::web::ui::{Ctx, form, icon, words};
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
    let current = current(b);
    let nothing = b.columns.iter().all(|c| c.count == 0);
    html! {
        h1.vh { "Board" }
        details.newticket #new {
            summary.vh tabindex="-1" { "New ticket" }
            (composer(&b.composer, cx))
            (plan_place())
        }
        (filters(b))
        @if nothing { (empty(&b.filter)) }
        nav.picker aria-label="Columns" { @for c in &b.columns { (pick(c.status, c.count, c.status == current, &b.filter)) } }
        div.board #board tabindex="0" role="region" aria-label="Columns of tickets" data-col=(current.as_str()) {
            @for c in &b.columns { (column(c, &b.filter, folded(c.status, &b.columns, &b.open), cx)) }
        }
        (connect(stream))
    }
}

/// The column a phone shows first.
fn current(b: &Board) -> Status {
    let find = |f: &dyn Fn(&Column) -> bool| b.columns.iter().find(|c| f(c)).map(|c| c.status);
    b.col
        .or_else(|| find(&|c| c.status.needs_person() && c.count > 0))
        .or_else(|| find(&|c| c.status == Status::InProgress && c.count > 0))
        .or_else(|| find(&|c| c.count > 0))
        .unwrap_or(Status::Inbox)
}

fn filters(b: &Board) -> Markup {
    let f = &b.filter;
    let chips: [(&str, Option<String>, Filter); 5] = [
        ("Words", (!f.q.is_empty()).then(|| f.q.clone()), Filter { q: String::new(), ..f.clone() }),
        ("Project", f.project.clone(), Filter { project: None, ..f.clone() }),
        ("Role", f.role.clone(), Filter { role: None, ..f.clone() }),
        ("Priority", f.priority.map(|p| words::priority(p).to_owned()), Filter { priority: None, ..f.clone() }),
        ("Status", f.status.map(|s| words::status(s).to_owned()), Filter { status: None, ..f.clone() }),
    ];
    html! {
        div.filters role="group" aria-label="Filters" {
            @for (name, value, without) in &chips {
                @if let Some(value) = value {
                    a.chip.on href=(without.href(&[])) {
                        span { (name) " " b dir="auto" { (value) } } (icon::icon("x")) span.vh { "remove" }
                    }
                }
            }
            details.filterbox #filter {
                summary.chip { (icon::icon("list-filter")) " Filter" }
                form method="get" action="/board" role="search" {
                    label.field { span { "Words" } input.input #q type="search" name="q" value=(f.q) dir="auto" data-search; }
                    label.field { span { "Project" } (form::select("project", &b.projects, f.project.as_deref().unwrap_or(""), Some("All"))) }
                    label.field { span { "Role" } (form::select("role", &b.roles, f.role.as_deref().unwrap_or(""), Some("All"))) }
                    label.field {
                        span { "Priority" }
                        select.input name="priority" {
                            option value="" { "All" }
                            @for p in Priority::ALL { option value=(p.as_str()) selected[f.priority == Some(*p)] { (words::priority(*p)) } }
                        }
                    }
                    label.field {
                        span { "Status" }
                        select.input name="status" {
                            option value="" { "All but cancelled" }
                            @for s in Status::ALL { option value=(s.as_str()) selected[f.status == Some(*s)] { (words::status(*s)) } }
                        }
                    }
                    div.btns { button.btn.primary type="submit" { "Show" } @if !f.is_empty() { a.btn.bare href="/board" { "Clear" } } }
                }
            }
            span.grow {}
            button.chip #held type="button" hidden { (icon::icon("refresh-cw")) " " span { "Show changes" } }
        }
    }
}

fn empty(filter: &Filter) -> Markup {
    html! {
        div.empty {
            (icon::art())
            @if filter.is_empty() {
                h2 { "No tickets yet" }
                p { "Say what should be done, in a sentence. The agent asks if something is missing." }
                a.btn.primary href="/#say" { "Write the first ticket" }
            } @else {
                h2 { "Nothing fits this filter" }
                p { "No ticket has all of it. Take a part away, or see everything." }
                a.btn href="/board" { "Show all tickets" }
            }
        }
    }
}

/// A column, `section#col-<status>`. `fold`: shown as a spine at a desk (see [`folded`]).
#[must_use]
pub fn column(c: &Column, filter: &Filter, fold: bool, cx: Ctx<'_>) -> Markup {
    // The hue depends on the cards that are there (`:has` in the style sheet), the spine on a class that the script
    // keeps right, so that a card that arrives live needs no new column around it.
    let wants = c.status.needs_person();
    let name = c.status.as_str();
    html! {
        section.col.wants[wants].fold[fold].full[c.count > 0] id=(format!("col-{name}")) data-st=(words::st(c.status)) data-status=(name)
            aria-label=(words::status(c.status)) {
            header {
                (icon::glyph(c.status))
                h2 {
                    (words::status(c.status))
                }
                (column_count(c.status, c.count))
                @if fold { a.unfold href=(filter.href(&[("open", name)])) data-unfold { span.vh { "Open " (words::status(c.status)) } } }
            }
            ul.cards id=(format!("cards-{name}")) {
                @for card in &c.cards { (crate::web::board::card::card(card, cx)) }
            }
            @if let Some(note) = &c.note { p.slot { (note) } }
            p.hush { (hush(c.status)) }
            (more_link(c, filter))
        }
    }
}

/// What an empty column is for.
fn hush(status: Status) -> &'static str {
    match status {
        Status::Inbox => "New tickets land here. Move one to To do, or start it.",
        Status::Todo => "What stands here starts by itself when a slot is free.",
        Status::InProgress => "Nobody works at the moment.",
        Status::NeedsInput => "When an agent asks you something, it stands here.",
        Status::InReview => "Results that want your look stand here.",
        Status::Blocked => "Nothing is stuck.",
        Status::Done => "Nothing is done yet.",
        Status::Cancelled => "Nothing was given up.",
    }
}

fn more_link(c: &Column, filter: &Filter) -> Markup {
    let name = c.status.as_str();
    let shown = i64::try_from(c.cards.len()).unwrap_or(i64::MAX);
    html! {
        @if let Some(cursor) = &c.more {
            // Without script the link leads to the same column by itself, at that cursor.
            a.more id=(format!("more-{name}")) href=(filter.href(&[("col", name), ("open", name), ("after", cursor)]))
                hx-get=(address(&format!("/board/column/{name}"), filter.pairs_and(&[("after", cursor)]))) hx-swap="none" {
                @if c.count > shown { (words::short_count(c.count - shown)) " more" } @else { "More" }
            }
        }
    }
}

/// More cards of a column and the link to those after them: appended to `#cards-<status>`. `c.count` counts what is
/// left from the first of these on.
#[must_use]
pub fn more_cards(c: &Column, filter: &Filter, cx: Ctx<'_>) -> Markup {
    let name = c.status.as_str();
    html! {
        (partial(&format!("#cards-{name}"), "beforeend", &html! { @for card in &c.cards { (crate::web::board::card::card(card, cx)) } }))
        (partial(&format!("#more-{name}"), "outerHTML", &more_link(c, filter)))
    }
}

fn column_count(status: Status, count: i64) -> Markup {
    html! { span.count id=(format!("count-{status}")) { (words::short_count(count)) } }
}

/// The phone's way to a column, with its count.
fn pick(status: Status, count: i64, current: bool, filter: &Filter) -> Markup {
    let name = status.as_str();
    html! {
        a href=(format!("{}#col-{name}", filter.href(&[("col", name)]))) data-col=(name) data-st=(words::st(status))
            aria-current=[current.then_some("true")] {
            (icon::glyph(status)) span.vh { (words::status(status)) } " " (pick_count(status, count))
        }
    }
}

fn pick_count(status: Status, count: i64) -> Markup {
    html! { span.count id=(format!("pick-{status}")) { (words::short_count(count)) } }
}

/// The fragments that bring a column's count up to date, in its head and in the phone's picker.
#[must_use]
pub fn count_partials(status: Status, count: i64) -> Markup {
    html! {
        (partial(&format!("#count-{status}"), "outerHTML", &column_count(status, count)))
        (partial(&format!("#pick-{status}"), "outerHTML", &pick_count(status, count)))
    }
}

/// A card that changed where it stands.
#[must_use]
pub fn changed(c: &Card, cx: Ctx<'_>) -> Markup {
    partial(&format!("#card-{}", c.id.0), "outerMorph", &crate::web::board::card::card(c, cx))
}

/// A card that is new or stands in another column now: off the page wherever it was, and on top of its column.
#[must_use]
pub fn moved(c: &Card, cx: Ctx<'_>) -> Markup {
    html! {
        (gone(&format!("#card-{}", c.id.0)))
        (partial(&format!("#cards-{}", c.status), "afterbegin", &crate::web::board::card::card(c, cx)))
    }
}

/// Whether a column is a spine: it is empty, or it is Done and five others are open; unless opened by hand.
#[must_use]
pub fn folded(status: Status, columns: &[Column], open: &[Status]) -> bool {
    if open.contains(&status) || columns.iter().all(|c| c.count == 0) {
        return false;
    }
    let full = |c: &&Column| c.count > 0 && c.status != Status::Done;
    match columns.iter().find(|c| c.status == status) {
        Some(c) if c.count == 0 => true,
        Some(_) => status == Status::Done && columns.iter().filter(full).count() >= 5,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(counts: [i64; 7]) -> Vec<Column> {
        let of = |(status, count): (&Status, i64)| Column { status: *status, count, cards: Vec::new(), more: None, note: None };
        Status::ALL.iter().zip(counts).map(of).collect()
    }

    #[test]
    fn empty_columns_fold_and_done_gives_way_when_it_is_crowded() {
        let crowded = columns([6, 9, 2, 1, 3, 1, 1204]);
        assert!(folded(Status::Done, &crowded, &[]));
        assert!(!folded(Status::Done, &crowded, &[Status::Done]));
        let calm = columns([0, 1, 0, 0, 0, 0, 3]);
        assert!(folded(Status::Inbox, &calm, &[]) && !folded(Status::Done, &calm, &[]));
        assert!(!folded(Status::Inbox, &columns([0; 7]), &[]), "an empty board shows its columns");
    }
}
