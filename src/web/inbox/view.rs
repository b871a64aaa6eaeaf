//! The inbox: what waits for Luci, what she has now, what she decided. Each part by itself, so that the stream can send it.

use crate::domain::ids::TicketId;
use crate::domain::inbox::digest::{Decision, DigestState};
use crate::domain::inbox::{InboxPriority, Item, Source};
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::outcome::Outcome;
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::text::{cut_bytes, shortened, strip_control};
use crate::domain::ticket::{Priority, Status};
use crate::domain::time::Time;
use crate::store::inbox::digests::Digest;
use crate::web::ui::stream::connect;
use crate::web::ui::{Ctx, icon, when, words};
use maud::{Markup, html};

/// Characters of an item's line.
const LINE: usize = 140;
/// Bytes of a message that are shown in full.
const FULL: usize = 8 * 1024;

/// When the next digest goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextDigest {
    /// Nothing waits.
    Nothing,
    /// After the one that is on its way.
    After(i64),
    /// Not before that.
    At(Time),
    /// With the next pickup.
    Soon,
    /// Luci takes none now.
    LuciCannot,
    /// The configuration says never.
    Off,
}

/// The open digest.
#[derive(Debug, Clone)]
pub struct Now {
    /// Which.
    pub digest: Digest,
    /// What is in it.
    pub items: Vec<Item>,
    /// Given back then, if there is no answer.
    pub expires_at: Option<Time>,
    /// Luci works on it, and it does not wait in her queue.
    pub in_hands: bool,
}

/// A digest that is over.
#[derive(Debug, Clone)]
pub struct Past {
    /// Which.
    pub digest: Digest,
    /// What was in it, and what became of that.
    pub items: Vec<(Item, Option<Decision>)>,
    /// The words of the answer, without what it suggests.
    pub answer: String,
    /// What was suggested in the answer.
    pub proposals: Vec<Proposal>,
}

/// The page.
#[derive(Debug, Clone)]
pub struct Inbox {
    /// The first of what waits, in the order in which it is read.
    pub waiting: Vec<Item>,
    /// How much waits, counted up to a bound.
    pub total: i64,
    /// When the next digest goes.
    pub next: NextDigest,
    /// The open digest.
    pub now: Option<Now>,
    /// Digests that are over, newest first.
    pub past: Vec<Past>,
    /// Where older ones begin.
    pub older: Option<i64>,
}

/// The page's main part.
#[must_use]
pub fn inbox(i: &Inbox, cx: Ctx<'_>) -> Markup {
    html! {
        (connect("/inbox/stream"))
        div.narrow.inbox {
            h1.vh { "Inbox" }
            p.measure.small.quiet { "What schedules, workers and the API report. Luci reads it in digests of at most 20 and decides what it means. You need not." }
            (waiting(i, cx))
            (now(i, cx))
            (past(i, cx))
        }
    }
}

/// The page with older digests alone.
#[must_use]
pub fn older(i: &Inbox, cx: Ctx<'_>) -> Markup {
    html! {
        div.narrow.inbox {
            h1.vh { "Older digests" }
            (past(i, cx))
            p.more { a.btn.bare.tight href="/inbox" { (icon::small("chevron-left")) " What waits now" } }
        }
    }
}

/// `#inbox-waiting`
#[must_use]
pub fn waiting(i: &Inbox, cx: Ctx<'_>) -> Markup {
    let shown = i64::try_from(i.waiting.len()).unwrap_or(0);
    html! {
        section #inbox-waiting {
            div.sect { h2 { "Waiting" } span.count { (words::short_count(i.total)) } span.end { (next(i.next, cx)) } }
            @if i.waiting.is_empty() { p.small.quiet { "Nothing waits." } }
            @else {
                ul.lines { @for item in &i.waiting { (line(item, Status::Todo, &html! {}, cx)) } }
                @if i.total > shown { p.small.quiet { "and " (words::short_count(i.total - shown)) " more" } }
            }
        }
    }
}

fn next(next: NextDigest, cx: Ctx<'_>) -> Markup {
    html! {
        @match next {
            NextDigest::Nothing => {},
            NextDigest::After(number) => { "after digest " (number) },
            NextDigest::At(at) => { "next digest " (when::ago(at, cx.now)) },
            NextDigest::Soon => { "next digest within a minute" },
            NextDigest::LuciCannot => { a href="/luci" { "Luci takes none now" } },
            NextDigest::Off => { "digests are off in the configuration" },
        }
    }
}

/// `#inbox-now`
#[must_use]
pub fn now(i: &Inbox, cx: Ctx<'_>) -> Markup {
    html! {
        section #inbox-now {
            @if let Some(now) = &i.now {
                div.sect {
                    h2 { "With Luci now" } span.count { (now.items.len()) }
                    span.end {
                        a href=(format!("/luci#turn-{}", now.digest.turn)) { "digest " (now.digest.number) }
                        @if now.in_hands { ", she reads it" }
                        @else if let Some(at) = now.expires_at { ", given back at " (when::clock(at, cx.now)) " if no answer" }
                    }
                }
                ul.lines { @for item in &now.items { (line(item, Status::InProgress, &html! {}, cx)) } }
            }
        }
    }
}

/// `#inbox-past`
#[must_use]
pub fn past(i: &Inbox, cx: Ctx<'_>) -> Markup {
    html! {
        section #inbox-past {
            @if i.past.is_empty() { div.sect { h2 { "Decided" } } p.small.quiet { "No digest was answered yet." } }
            @for (n, digest) in i.past.iter().enumerate() { (decided(digest, n == 0, cx)) }
            @if let Some(before) = i.older {
                p.more { a.btn.bare.tight href=(format!("/inbox?before={before}")) { (icon::small("history")) " Older, kept for 7 days" } }
            }
        }
    }
}

fn decided(p: &Past, first: bool, cx: Ctx<'_>) -> Markup {
    let d = &p.digest;
    let word = match d.state {
        DigestState::GivenBack => "Given back",
        DigestState::Decided | DigestState::Open => "Decided",
    };
    html! {
        div.sect {
            h2 { @if first || d.state == DigestState::GivenBack { (word) } @else { span.vh { (word) } } }
            span.count { (words::counted(d.items, "report", "reports")) " in " a href=(format!("/luci#turn-{}", d.turn)) { "digest " (d.number) } }
            span.end { (when::clock(d.ended_at.unwrap_or(d.created_at), cx.now)) }
        }
        @match d.state {
            DigestState::GivenBack => p.small.quiet dir="auto" {
                "There was no answer, and the reports waited again." @if let Some(why) = &d.note { " " (shortened(&strip_control(why), 300)) }
            },
            DigestState::Decided | DigestState::Open => {
                @if !p.answer.trim().is_empty() { p.small dir="auto" { "“" (shortened(&strip_control(&p.answer), 400)) "”" } }
                (came_of_it(&p.proposals))
                @if let Some(note) = &d.note { p.small.quiet dir="auto" { (shortened(&strip_control(note), 400)) } }
                ul.lines {
                    @for (item, decision) in &p.items {
                        @match decision {
                            Some(Decision::Ignored) => { (line(item, Status::Cancelled, &html! { " → routine, nothing to do" }, cx)) },
                            Some(Decision::Processed | Decision::GivenBack) | None => { (line(item, Status::Done, &html! { " → read" }, cx)) },
                        }
                    }
                }
                @let gone = d.items - i64::try_from(p.items.len()).unwrap_or(0);
                @if gone > 0 { p.small.quiet { (words::counted(gone, "report is", "reports are")) " no longer kept." } }
            },
        }
    }
}

/// What Luci did and suggests, beyond leaving things as they are.
fn came_of_it(list: &[Proposal]) -> Markup {
    let open = list.iter().filter(|p| p.state == ProposalState::Open).count();
    let done: Vec<(String, Option<TicketId>)> = list
        .iter()
        .filter(|p| p.state == ProposalState::Applied && p.kind != ActionKind::Ignore)
        .filter_map(|p| Some((headline(p)?, Outcome::of(p).ticket())))
        .collect();
    html! {
        @for (words, ticket) in &done {
            p.small.came {
                (icon::small("corner-down-right"))
                span dir="auto" {
                    @if let Some(id) = ticket { (words.strip_suffix(&id.to_string()).unwrap_or(words).trim_end()) " " a.id href=(format!("/tickets/{id}")) { (id) } }
                    @else { (words) }
                }
            }
        }
        @if open > 0 {
            @let turn = list[0].turn;
            p.small.came {
                (icon::small("hand"))
                a href=(format!("/luci#turn-{turn}")) { (words::counted(i64::try_from(open).unwrap_or(0), "suggestion waits for you", "suggestions wait for you")) }
            }
        }
    }
}

fn headline(p: &Proposal) -> Option<String> {
    let action = Action::read(&p.body).ok()?;
    let said = shortened(&strip_control(&action.headline()), LINE);
    Some(if p.kind == ActionKind::Notify { format!("Told you: {said}") } else { format!("Done: {said}") })
}

fn line(item: &Item, glyph: Status, came: &Markup, cx: Ctx<'_>) -> Markup {
    let full = strip_control(&item.message);
    let (full, cut) = cut_bytes(full.trim(), FULL);
    let head = item.headline(LINE);
    let about = shortened(&strip_control(item.source_id.as_deref().unwrap_or_default()), 80);
    // Of a scheduled task its name is what one looks for.
    let (task, about) = match about.rsplit_once('/').filter(|_| item.source == Source::Scheduler) {
        Some((task, run)) => (Some(task), format!("run {run}")),
        None => (None, about.clone()),
    };
    let title = html! { b dir="auto" { (task.unwrap_or(&head)) } @if task.is_some() { " " span dir="auto" { (head) } } };
    html! {
        li.line.tall id=(format!("item-{}", item.id)) data-st=(words::st(glyph)) {
            (icon::glyph(glyph))
            div {
                @if head == full && !cut { (title) }
                @else { details { summary { (title) } pre.report dir="auto" { (full) @if cut { "\n…" } } } }
                span.sub dir="auto" {
                    (item.source) @if !about.is_empty() { " · " @if let Ok(id) = about.parse::<TicketId>() { a.id href=(format!("/tickets/{id}")) { (id) } } @else { (about) } }
                    (came)
                }
            }
            span.end { (icon::priority(bars(item.priority))) " " (when::span(item.created_at, cx.now)) }
        }
    }
}

fn bars(priority: InboxPriority) -> Priority {
    match priority {
        InboxPriority::Critical => Priority::Critical,
        InboxPriority::Normal => Priority::Normal,
        InboxPriority::Low => Priority::Low,
    }
}
