//! A believable board to look around in: `serve --demo`, and the fixtures of tests that need one.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::run::closing::{Closing, Next};
use crate::domain::run::conclude::Conclusion;
use crate::domain::run::event::{EventKind, NewEvent};
use crate::domain::run::{Failure, FailureCode, RunState, Verdict};
use crate::domain::ticket::{Priority, Role, Status, Title, WorkClass};
use crate::store::run::conclude;
use crate::store::run::{events, runs};
use crate::store::ticket::lifecycle;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::NewTicket;
use crate::store::{Store, Tx};

/// One ticket of the board, told in a line or two.
struct Story {
    title: &'static str,
    text: &'static str,
    project: &'static str,
    role: &'static str,
    priority: Priority,
    minutes_ago: i64,
    end: End,
}

/// How its story ends, for now.
enum End {
    /// Only written down.
    Inbox,
    /// Waits for the story before it.
    AfterTheLast,
    /// Its run ended with these words.
    Said(Verdict, &'static str, (i64, i64, i64)),
    /// Its run failed.
    Failed(FailureCode, &'static str),
    /// Given up.
    Dropped,
}

/// Seeds the board, once: a folder with tickets is left as it is.
///
/// # Errors
/// The store failed.
pub fn seed(store: &Store, config: &std::sync::Arc<Config>) -> Result<()> {
    let config = config.clone();
    store.write(move |tx| {
        if tickets::exists(tx.conn, TicketId(1)).is_ok() {
            return Ok(());
        }
        let mut last = None;
        for story in STORIES {
            last = Some(tell(tx, story, last, config.as_ref())?);
        }
        Ok(())
    })
}

fn tell(tx: &Tx<'_>, s: &Story, last: Option<TicketId>, config: &Config) -> Result<TicketId> {
    let then = |minutes: i64| Tx::alone(tx.conn, tx.now.plus_ms(-minutes * 60_000));
    let mara = Actor::Person { name: "Mara".to_owned(), by_token: false };
    let title: Title = s.title.parse().map_err(|e| Error::Internal(format!("demo title: {e}")))?;
    let mut new = NewTicket {
        description: s.text.to_owned(),
        project: s.project.to_owned(),
        role: Role::stored(s.role.to_owned()),
        priority: s.priority,
        work_class: if s.project == "site" { WorkClass::Ui } else { WorkClass::Code },
        ..NewTicket::titled(title)
    };
    match &s.end {
        End::Inbox => tickets::create(&then(s.minutes_ago), &new, &mara).map(|t| t.id),
        End::AfterTheLast => {
            new.status = Status::Todo;
            new.blocked_by = last.into_iter().collect();
            tickets::create(&then(s.minutes_ago), &new, &mara).map(|t| t.id)
        }
        End::Dropped => {
            let id = tickets::create(&then(s.minutes_ago), &new, &mara)?.id;
            lifecycle::move_to(&then(s.minutes_ago - 20), id, Status::Cancelled, &mara, None, config)?;
            Ok(id)
        }
        End::Said(verdict, words, change) => {
            let to = match verdict {
                Verdict::Done => Status::Done,
                Verdict::Review => Status::InReview,
                Verdict::Question => Status::NeedsInput,
            };
            let conclusion = Conclusion {
                state: RunState::Finished,
                verdict: Some(*verdict),
                payload: format!("{verdict}: {words}"),
                failure: None,
                notes: Vec::new(),
            };
            let (files, added, removed) = *change;
            let label = format!("{files} files, +{added} −{removed}");
            let evidence = if files > 0 { vec![("change".to_owned(), label, String::new())] } else { Vec::new() };
            run(tx, s, &new, closing(s, conclusion, Next::Status(to), evidence), config)
        }
        End::Failed(code, words) => {
            let failure = Failure { code: *code, text: (*words).to_owned(), retry_at: None };
            let conclusion = Conclusion {
                state: RunState::Failed,
                verdict: None,
                payload: String::new(),
                failure: Some(failure),
                notes: Vec::new(),
            };
            run(tx, s, &new, closing(s, conclusion, Next::Status(Status::Blocked), Vec::new()), config)
        }
    }
}

fn closing(s: &Story, conclusion: Conclusion, next: Next, evidence: Vec<(String, String, String)>) -> Closing {
    Closing {
        conclusion,
        next,
        exit: (Some(0), None),
        session_id: None,
        began: true,
        terminal: None,
        author: Role::stored(s.role.to_owned()).label(),
        pause: None,
        evidence,
    }
}

fn run(tx: &Tx<'_>, s: &Story, new: &NewTicket, closing: Closing, config: &Config) -> Result<TicketId> {
    let then = |minutes: i64| Tx::alone(tx.conn, tx.now.plus_ms(-minutes.max(0) * 60_000));
    let mara = Actor::Person { name: "Mara".to_owned(), by_token: false };
    let ticket = lifecycle::create_started(&then(s.minutes_ago), new, &mara, config)?;
    let run = runs::live_of(tx.conn, ticket.id)?.ok_or_else(|| Error::Internal("a started ticket has a run".to_owned()))?;
    for (i, event) in doings(s).into_iter().enumerate() {
        let at = s.minutes_ago - 1 - i64::try_from(i).unwrap_or(0);
        events::note(&then(at), &run, &[event])?;
    }
    conclude::conclude(&then((s.minutes_ago / 2).max(1)), &run, &closing)?;
    Ok(ticket.id)
}

/// What the agent did, in a few steps.
fn doings(s: &Story) -> Vec<NewEvent> {
    let tool = |tool: &str, context: &str| NewEvent {
        context: Some(context.to_owned()),
        ..NewEvent::plain(0, EventKind::ToolUse, tool, "")
    };
    let result = |tool: &str, text: &str| NewEvent::plain(0, EventKind::ToolResult, tool, text);
    vec![
        NewEvent {
            tool: None,
            ..NewEvent::plain(0, EventKind::Text, "", "I look at how it works today before I change anything.")
        },
        tool("Read", "README.md"),
        tool("Grep", s.title.split(' ').next().unwrap_or("todo")),
        result("Grep", "14 matches in 6 files"),
        tool("Edit", "src/lib.rs +38 −9"),
        tool("Bash", "make test"),
        result("Bash", "214 passed; 0 failed; finished in 8.4 s"),
    ]
}

const STORIES: &[Story] = &[
    Story {
        title: "Drop the unused session table",
        text: "Nothing reads `sessions_old` since March.",
        project: "tideline-api",
        role: "luci",
        priority: Priority::Low,
        minutes_ago: 1500,
        end: End::Said(
            Verdict::Done,
            "the table and its two indexes are gone; the migration is reversible. 214 tests pass.",
            (3, 12, 148),
        ),
    },
    Story {
        title: "Retry webhooks with a growing pause",
        text: "Today a failed webhook is tried three times within a second and then forgotten.\n\n- pauses of 1, 5, 30 minutes, then 2 hours\n- `Retry-After` is honoured\n- the page shows the next try",
        project: "tideline-api",
        role: "luci",
        priority: Priority::Normal,
        minutes_ago: 900,
        end: End::Said(
            Verdict::Done,
            "webhooks are retried after 1, 5, 30 and 120 minutes, `Retry-After` wins, and the delivery page shows the next try.",
            (7, 211, 34),
        ),
    },
    Story {
        title: "Which fonts does the site still load?",
        text: "",
        project: "site",
        role: "scott",
        priority: Priority::Normal,
        minutes_ago: 700,
        end: End::Said(
            Verdict::Done,
            "two: Inter (latin subset, 38 KB) and one icon font that only the footer uses. Replacing the latter by five inline icons would save 74 KB.",
            (0, 0, 0),
        ),
    },
    Story {
        title: "Try a graph database for the catalogue",
        text: "An idea from last year. Is it still worth it?",
        project: "ledger",
        role: "atlas",
        priority: Priority::Low,
        minutes_ago: 640,
        end: End::Dropped,
    },
    Story {
        title: "Certificate renewal on the home server stopped at step 3",
        text: "The timer runs, the renewal does not finish. Find out why and let it go on.",
        project: "homelab",
        role: "luci",
        priority: Priority::High,
        minutes_ago: 240,
        end: End::Failed(FailureCode::AuthFailure, "the agent's login is refused: OAuth token has expired"),
    },
    Story {
        title: "Invoice totals differ by one cent after currency rounding",
        text: "Invoice 2026-1187 shows 113.05, the sum of its lines is 113.04. Round once, at the end, half to even.",
        project: "ledger",
        role: "luci",
        priority: Priority::High,
        minutes_ago: 130,
        end: End::Said(
            Verdict::Review,
            "sums are kept in tenths of a cent and rounded once, half to even. 41 old invoices would change by one cent: I left them alone and listed them in `docs/rounding.md`. Please say whether they are to be corrected.",
            (6, 128, 41),
        ),
    },
    Story {
        title: "Move the export bucket",
        text: "Exports are to go to a bucket of their own, with a lifecycle of 30 days.",
        project: "tideline-api",
        role: "luci",
        priority: Priority::Normal,
        minutes_ago: 52,
        end: End::Said(
            Verdict::Question,
            "Which region should the export bucket live in? The database is in eu-central-1. A bucket in us-east-1 costs a third less but sends personal data out of the EU.\n\n- eu-central-1\n- us-east-1",
            (0, 0, 0),
        ),
    },
    Story {
        title: "Point the nightly export at the new bucket",
        text: "As soon as it exists.",
        project: "tideline-api",
        role: "luci",
        priority: Priority::Normal,
        minutes_ago: 50,
        end: End::AfterTheLast,
    },
    Story {
        title: "Pricing page: one column on phones, table headers stay in sight",
        text: "At 390 px the third plan is cut off.",
        project: "site",
        role: "tessa",
        priority: Priority::Normal,
        minutes_ago: 33,
        end: End::Said(
            Verdict::Review,
            "one column below 640 px, sticky headers, no sideways scroll from 320 to 1440 px. Screenshots of both widths are in `docs/shots`.",
            (4, 66, 23),
        ),
    },
    Story {
        title: "Say on the upload page how many MB were saved",
        text: "After a resumed upload.",
        project: "tideline-api",
        role: "luci",
        priority: Priority::Normal,
        minutes_ago: 18,
        end: End::Inbox,
    },
    Story {
        title: "Read the bank's new CSV format",
        text: "Semicolons, decimal commas, and a header in line 4. Three samples are in `samples/bank`.",
        project: "ledger",
        role: "luci",
        priority: Priority::High,
        minutes_ago: 12,
        end: End::Inbox,
    },
    Story {
        title: "قائمة المهام: دعم الكتابة من اليمين إلى اليسار",
        text: "The task list must read well from right to left.",
        project: "site",
        role: "tessa",
        priority: Priority::Normal,
        minutes_ago: 6,
        end: End::Inbox,
    },
];
