//! Home and the board for the gallery: believable rows, blocks and cards.

use crate::domain::ids::{RunId, TicketId};
use crate::domain::run::{FailureCode, RunState};
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Priority, Status};
use crate::web::board::filter::Filter;
use crate::web::gallery::pages_tests::{NOW, RTL, WORD, ago, composer, role};

pub(crate) fn output_counts(seed: u32) -> Vec<u32> {
    (0..45)
        .map(|i| {
            let x = (i * 7919 + seed * 104_729) % 97;
            if x < 38 { 0 } else { x % 13 }
        })
        .collect()
}

pub(crate) fn row(
    n: i64,
    title: &str,
    project: &str,
    min: i64,
    tool: &str,
    context: &str,
) -> crate::web::ui::run_activity::RunRow {
    crate::web::ui::run_activity::RunRow {
        run: RunId(n),
        ticket: TicketId(n),
        title: title.to_owned(),
        project: project.to_owned(),
        role: role("luci"),
        state: RunState::Running,
        doing: Some(crate::web::ui::run_activity::Doing { tool: tool.to_owned(), context: context.to_owned() }),
        last_output: Some(NOW.plus_ms(-4_000)),
        since: ago(min),
        output_counts: output_counts(u32::try_from(n).unwrap_or(1)),
    }
}

pub(crate) fn uploads() -> crate::web::ui::run_activity::RunRow {
    row(423, "Resuming a broken upload must not send finished parts again", "tideline-api", 12, "Edit", "src/upload/parts.rs")
}

pub(crate) fn pricing() -> crate::web::ui::run_activity::RunRow {
    row(
        420,
        "Pricing page: one column on phones, table headers stay in sight",
        "site",
        38,
        "Bash",
        "npx playwright test pricing.spec.ts",
    )
}

pub(crate) fn lit(
    n: i64,
    title: &str,
    project: &str,
    min: i64,
    ask: crate::web::ui::attention_card::Ask,
) -> crate::web::ui::attention_card::AttentionCard {
    crate::web::ui::attention_card::AttentionCard {
        ticket: TicketId(n),
        title: title.to_owned(),
        project: project.to_owned(),
        role: role("luci"),
        since: ago(min),
        version: 3,
        ask,
    }
}

pub(crate) fn question() -> crate::web::ui::attention_card::AttentionCard {
    let text = "Which region should the export bucket live in? The database is in eu-central-1. A bucket in us-east-1 costs a third less but sends personal data out of the EU.\n- eu-central-1\n- us-east-1";
    lit(
        418,
        "Move nightly exports to object storage and keep the old ones readable for 90 days",
        "tideline-api",
        26,
        crate::web::ui::attention_card::question(crate::domain::run::question::read(text)),
    )
}

pub(crate) fn review() -> crate::web::ui::attention_card::AttentionCard {
    let summary = "Totals are now rounded once, after the sum. 6 files changed, 214 tests pass, and the three invoices from the report come out right.".to_owned();
    lit(
        411,
        "Invoice totals differ by one cent after currency rounding",
        "ledger",
        41,
        crate::web::ui::attention_card::Ask::Review { summary },
    )
}

pub(crate) fn blocked() -> crate::web::ui::attention_card::AttentionCard {
    let reason = "Claude is logged out".to_owned();
    lit(
        405,
        "Renew the wildcard certificate before Friday",
        "homelab",
        120,
        crate::web::ui::attention_card::Ask::Blocked { reason, advice: FailureCode::AuthFailure.advice().to_owned() },
    )
}

pub(crate) fn home() -> crate::web::home::view::Home {
    let change = |n, title: &str, status, min| crate::web::home::view::Change {
        ticket: TicketId(n),
        title: title.to_owned(),
        status,
        at: ago(min),
    };
    crate::web::home::view::Home {
        composer: composer(),
        luci: crate::web::gallery::orchestrator_tests::side(crate::web::ui::status_indicator::OrchestratorStatus::Working(
            NOW.plus_ms(-12_000),
        )),
        needs: vec![question(), review(), blocked()],
        more: Vec::new(),
        needs_total: 3,
        paused_profiles: Vec::new(),
        running: vec![uploads(), pricing()],
        slots: 2,
        next: Some(TicketId(426)),
        queued: 4,
        since: Some(ago(250)),
        changes: vec![
            change(409, "Role contracts: one source, injected everywhere", Status::Done, 51),
            change(402, "Drop the unused session table", Status::Done, 77),
            change(425, "Nightly mirror check failed a third time", Status::Blocked, 580),
            change(424, RTL, Status::Todo, 590),
        ],
        changes_total: 14,
        first_day: false,
    }
}

pub(crate) fn card(n: i64, title: &str, status: Status, project: &str, min: i64, next: &str) -> crate::web::board::card::Card {
    crate::web::board::card::Card {
        id: TicketId(n),
        title: title.to_owned(),
        status,
        role: role(["luci", "tessa", "scott", "atlas", "larry"][usize::try_from(n).unwrap_or(0) % 5]),
        project: project.to_owned(),
        priority: Priority::ALL[usize::try_from(n).unwrap_or(0) % 4],
        next: NextAction { kind: NextKind::Queued, text: next.to_owned(), at: None },
        since: ago(min),
        version: 2,
        run: None,
    }
}

pub(crate) fn nth(status: Status) -> i64 {
    Status::ALL.iter().position(|s| *s == status).and_then(|n| i64::try_from(n).ok()).unwrap_or(0)
}

pub(crate) fn board(columns: Vec<crate::web::board::view::Column>) -> crate::web::board::view::Board {
    crate::web::board::view::Board {
        filter: Filter::default(),
        columns,
        col: None,
        open: Vec::new(),
        roles: composer().roles,
        projects: composer().projects,
        composer: composer(),
    }
}

pub(crate) fn column(status: Status, count: i64, cards: Vec<crate::web::board::card::Card>) -> crate::web::board::view::Column {
    let more = (count > i64::try_from(cards.len()).unwrap_or(0)).then(|| "412".to_owned());
    crate::web::board::view::Column { status, count, cards, more, note: None }
}

pub(crate) fn full_board() -> crate::web::board::view::Board {
    use Status::{Blocked, Done, InProgress, InReview, Inbox, NeedsInput, Todo};
    let mut running: Vec<crate::web::board::card::Card> = Vec::new();
    for r in [uploads(), pricing()] {
        let mut c = card(r.ticket.0, &r.title, InProgress, &r.project, 12, "");
        c.run = Some(r);
        running.push(c);
    }
    let mut progress = column(InProgress, 2, running);
    progress.note = Some("Both slots are taken. 4 wait.".to_owned());
    board(vec![
        column(
            Inbox,
            2,
            vec![
                card(427, "Ask the printer about duplex again", Inbox, "life", 3, "Sort it: start, plan or drop"),
                card(421, "Try the new map tiles", Inbox, "site", 400, "Sort it: start, plan or drop"),
            ],
        ),
        column(
            Todo,
            9,
            vec![
                card(
                    426,
                    "Webhook deliveries: keep the signature stable over retries",
                    Todo,
                    "tideline-api",
                    60,
                    "Starts when a slot is free",
                ),
                card(424, RTL, Todo, "site", 61, "Starts when a slot is free"),
                card(
                    422,
                    "Search: ignore accents, and find “Zürich” when someone types “zurich”",
                    Todo,
                    "site",
                    180,
                    "Waits for MC-423",
                ),
                card(417, WORD, Todo, "ledger", 300, "Starts when a slot is free"),
                card(
                    414,
                    "Weekly report: cost per project beside tickets done",
                    Todo,
                    "life",
                    1500,
                    "Limit reached, goes on at 21:00",
                ),
            ],
        ),
        progress,
        column(
            NeedsInput,
            1,
            vec![card(
                418,
                "Move nightly exports to object storage and keep the old ones readable for 90 days",
                NeedsInput,
                "tideline-api",
                26,
                "Which region should the export bucket live in?",
            )],
        ),
        column(
            InReview,
            1,
            vec![card(
                411,
                "Invoice totals differ by one cent after currency rounding",
                InReview,
                "ledger",
                41,
                "Waits for your look at the result",
            )],
        ),
        column(
            Blocked,
            1,
            vec![card(
                405,
                "Renew the wildcard certificate before Friday",
                Blocked,
                "homelab",
                120,
                "Claude is logged out. Log in, then resume.",
            )],
        ),
        column(Done, 1204, vec![card(409, "Role contracts: one source, injected everywhere", Done, "mission-control", 51, "")]),
    ])
}
