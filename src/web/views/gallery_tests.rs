//! Renders every page with believable and with hard data into `target/gallery`, to be looked at:
//! `cargo test --lib gallery -- --ignored`, then serve that folder on loopback.

use super::*;
use crate::domain::actor::Scope;
use crate::domain::comment::{Comment, CommentKind, Source};
use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{CommentId, EventId, MessageId, RunId, TicketId};
use crate::domain::message::{Message, MessageState};
use crate::domain::next_action::{NextAction, NextKind};
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::{Failure, FailureCode, Run, RunState, StartReason, Tokens, Verdict};
use crate::domain::ticket::{Priority, Role, Status, Ticket, Title, WorkClass};
use crate::domain::time::Time;
use crate::error::{Error, FieldError};
use crate::web::assets;
use crate::web::ui::Ctx;
use crate::web::ui::filter::Filter;
use crate::web::ui::shell::{Nav, Shell, bare, page};
use crate::web::ui::toast::{Tone, toast};
use maud::{Markup, html};
use std::fs;
use std::path::Path;

pub(super) const NOW: Time = Time(1_795_265_580_000);
pub(super) const CX: Ctx<'static> = Ctx { now: NOW, seed: "seed" };
const MIN: i64 = 60_000;
pub(super) const RTL: &str = "إصلاح عرض التواريخ في صفحة الفواتير";
pub(super) const WORD: &str =
    "Rename Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft in all reports";

pub(super) fn ago(min: i64) -> Time {
    NOW.plus_ms(-min * MIN)
}

fn role(name: &str) -> Role {
    Role::stored(name.to_owned())
}

pub(super) fn shell(title: &str, here: Nav, needs: i64, crumbs: &[(&str, &str)]) -> Shell {
    Shell {
        title: title.to_owned(),
        here,
        needs,
        reports: 2,
        running: 2,
        slots: 2,
        luci: crate::web::ui::lamp::Standing::Works(NOW.plus_ms(-12_000)),
        now: NOW,
        user_name: "Mara".to_owned(),
        crumbs: crumbs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        q: String::new(),
    }
}

pub(super) fn composer() -> composer::Composer {
    composer::Composer {
        roles: Role::BUILT_IN.iter().map(|r| (*r).to_owned()).collect(),
        projects: ["tideline-api", "ledger", "site", "homelab"].map(str::to_owned).to_vec(),
        ..composer::Composer::default()
    }
}

fn pulse(seed: u32) -> Vec<u32> {
    (0..45)
        .map(|i| {
            let x = (i * 7919 + seed * 104_729) % 97;
            if x < 38 { 0 } else { x % 13 }
        })
        .collect()
}

fn row(n: i64, title: &str, project: &str, min: i64, tool: &str, context: &str) -> run_row::RunRow {
    run_row::RunRow {
        run: RunId(n),
        ticket: TicketId(n),
        title: title.to_owned(),
        project: project.to_owned(),
        role: role("luci"),
        state: RunState::Running,
        doing: Some(run_row::Doing { tool: tool.to_owned(), context: context.to_owned() }),
        last_output: Some(NOW.plus_ms(-4_000)),
        since: ago(min),
        pulse: pulse(u32::try_from(n).unwrap_or(1)),
    }
}

fn uploads() -> run_row::RunRow {
    row(423, "Resuming a broken upload must not send finished parts again", "tideline-api", 12, "Edit", "src/upload/parts.rs")
}

fn pricing() -> run_row::RunRow {
    row(
        420,
        "Pricing page: one column on phones, table headers stay in sight",
        "site",
        38,
        "Bash",
        "npx playwright test pricing.spec.ts",
    )
}

fn lit(n: i64, title: &str, project: &str, min: i64, ask: lit::Ask) -> lit::Lit {
    lit::Lit {
        ticket: TicketId(n),
        title: title.to_owned(),
        project: project.to_owned(),
        role: role("luci"),
        since: ago(min),
        version: 3,
        ask,
    }
}

fn question() -> lit::Lit {
    let text = "Which region should the export bucket live in? The database is in eu-central-1. A bucket in us-east-1 costs a third less but sends personal data out of the EU.\n- eu-central-1\n- us-east-1";
    lit(
        418,
        "Move nightly exports to object storage and keep the old ones readable for 90 days",
        "tideline-api",
        26,
        lit::read_question(text),
    )
}

fn review() -> lit::Lit {
    let summary = "Totals are now rounded once, after the sum. 6 files changed, 214 tests pass, and the three invoices from the report come out right.".to_owned();
    lit(411, "Invoice totals differ by one cent after currency rounding", "ledger", 41, lit::Ask::Review { summary })
}

fn blocked() -> lit::Lit {
    let reason = "Claude is logged out".to_owned();
    lit(
        405,
        "Renew the wildcard certificate before Friday",
        "homelab",
        120,
        lit::Ask::Blocked { reason, advice: FailureCode::AuthFailure.advice().to_owned() },
    )
}

pub(super) fn home() -> home::Home {
    let change =
        |n, title: &str, status, min| home::Change { ticket: TicketId(n), title: title.to_owned(), status, at: ago(min) };
    home::Home {
        composer: composer(),
        luci: luci_gallery_tests::side(crate::web::ui::lamp::Standing::Works(NOW.plus_ms(-12_000))),
        needs: vec![question(), review(), blocked()],
        needs_total: 3,
        resting: Vec::new(),
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

fn card(n: i64, title: &str, status: Status, project: &str, min: i64, next: &str) -> card::Card {
    card::Card {
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

fn nth(status: Status) -> i64 {
    Status::ALL.iter().position(|s| *s == status).and_then(|n| i64::try_from(n).ok()).unwrap_or(0)
}

fn board(columns: Vec<board::Column>) -> board::Board {
    board::Board {
        filter: Filter::default(),
        columns,
        col: None,
        open: Vec::new(),
        roles: composer().roles,
        projects: composer().projects,
        composer: composer(),
    }
}

fn column(status: Status, count: i64, cards: Vec<card::Card>) -> board::Column {
    let more = (count > i64::try_from(cards.len()).unwrap_or(0)).then(|| "412".to_owned());
    board::Column { status, count, cards, more, note: None }
}

fn full_board() -> board::Board {
    use Status::{Blocked, Done, InProgress, InReview, Inbox, NeedsInput, Todo};
    let mut running: Vec<card::Card> = Vec::new();
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

fn ticket(status: Status) -> Ticket {
    Ticket {
        id: TicketId(423),
        title: Title::stored("Resuming a broken upload must not send finished parts again".to_owned()),
        description: "A client that loses its connection at part 7 of 12 starts again at part 1. On a train that means the same 400 MB three times.\n\nKeep the list of finished parts, with their checksums, and begin at the first one that is missing. `PUT /uploads/{id}/parts/{n}` must answer 200 for a part we already have and not write it again.\n\n- No part is sent twice after a resume, whatever the moment of the cut.\n- A part with the wrong checksum is asked for again.\n- The phone page shows how much was saved.".to_owned(),
        status,
        status_since: ago(12),
        priority: Priority::High,
        role: role("luci"),
        project: "tideline-api".to_owned(),
        profile: Some("claude_opus_1m_high".to_owned()),
        work_class: WorkClass::Ui,
        parent: None,
        session_id: Some("0f3c2a7e-5d1b-4b7a-9a53-2f60d1f291ab".to_owned()),
        run: Some(RunId(77)),
        not_before: None,
        retries: 0,
        needs_approval: false,
        created_by: "Mara".to_owned(),
        created_at: ago(14),
        updated_at: ago(1),
        version: 7,
    }
}

fn run(state: RunState, attempt: i64) -> Run {
    Run {
        id: RunId(76 + attempt),
        ticket: TicketId(423),
        attempt,
        reason: if attempt == 1 { StartReason::New } else { StartReason::Resume },
        state,
        profile: "claude_opus_1m_high".to_owned(),
        host: "local".to_owned(),
        generation: 1,
        nonce: "n".to_owned(),
        session_id: Some("0f3c2a7e-5d1b-4b7a-9a53-2f60d1f291ab".to_owned()),
        resumed: attempt > 1,
        pid: Some(48_213),
        cwd: Some("/home/op/workspace/tideline-api/.claude/worktrees/mc-mc-423".to_owned()),
        worktree: None,
        branch: Some("worktree-mc-mc-423".to_owned()),
        base_commit: Some("fc5164d".to_owned()),
        run_dir: None,
        raw_log: None,
        log_offset: 0,
        log_lines: 0,
        stop_wanted: false,
        stop_to: None,
        created_at: ago(12),
        launched_at: Some(ago(12)),
        started_at: Some(ago(12)),
        last_output_at: Some(NOW.plus_ms(-4_000)),
        ended_at: (!state.is_live()).then(|| ago(2)),
        exit_code: None,
        signal: None,
        verdict: None,
        failure: None,
        tokens: Tokens::default(),
        cost_usd: 1.84,
        note: None,
    }
}

fn events() -> Vec<Event> {
    let mut out = Vec::new();
    let mut push = |kind: EventKind, tool: &str, context: &str, content: &str, bad: bool| {
        let n = i64::try_from(out.len()).unwrap_or(0) + 1;
        let mut what = NewEvent::plain(n, kind, tool, content);
        what.context = (!context.is_empty()).then(|| context.to_owned());
        what.is_error = bad;
        if tool == "Bash" && kind == EventKind::ToolUse {
            what.input = Some(format!("{{\"command\":\"{context}\",\"timeout\":120000}}"));
        }
        out.push(Event {
            id: EventId(9000 + n),
            ticket: TicketId(423),
            seq: n,
            run: RunId(77),
            attempt: 1,
            created_at: ago(13 - n.min(12)),
            what,
        });
    };
    use EventKind::{Status, Text, ToolResult, ToolUse};
    push(Status, "init", "", "Claude Code 2.1.330, opus, in its worktree", false);
    for f in ["parts", "resume", "store", "mod"] {
        push(ToolUse, "Read", &format!("src/upload/{f}.rs"), "", false);
        push(ToolResult, "Read", "", "1 use crate::store;\n2 …\n3", false);
    }
    push(ToolUse, "Grep", "finished_parts", "", false);
    push(ToolResult, "Grep", "", "Found 14 files", false);
    push(
        Text,
        "",
        "",
        "The list of finished parts lives only in memory, so a restart forgets it. I will keep it in the upload row and check the checksum before skipping a part.",
        false,
    );
    push(ToolUse, "Edit", "src/upload/parts.rs", "", false);
    push(ToolResult, "Edit", "", "The file has been updated.", false);
    push(ToolUse, "Bash", "cargo test -p tideline upload::", "", false);
    push(
        ToolResult,
        "Bash",
        "",
        "test resume_skips_finished_parts … FAILED\n\nfailures:\n  resume_skips_finished_parts\n\nexit 101",
        true,
    );
    push(Text, "", "", "The checksum is compared as hex against base64. One conversion is missing.", false);
    push(Status, "api_retry", "", "The service is overloaded, tries again in 4 s", false);
    push(ToolUse, "Edit", "src/upload/parts.rs", "", false);
    push(ToolUse, "Bash", "cargo test -p tideline upload::", "", false);
    push(ToolResult, "Bash", "", &format!("31 passed\n{}", "line\n".repeat(83)), false);
    push(ToolUse, "Edit", "src/upload/parts.rs", "", false);
    out
}

fn said(n: i64, author: &str, source: Source, kind: CommentKind, min: i64, body: &str) -> comment::Said {
    let run = None;
    let comment = Comment {
        id: CommentId(n),
        ticket: TicketId(423),
        run,
        author: author.to_owned(),
        source,
        kind,
        body: body.to_owned(),
        created_at: ago(min),
    };
    comment::Said { comment, evidence: Vec::new(), message: None }
}

fn evidence(n: i64, kind: &str, label: &str, detail: &str) -> Evidence {
    Evidence {
        id: n,
        ticket: TicketId(423),
        run: Some(RunId(77)),
        kind: kind.to_owned(),
        label: label.to_owned(),
        detail: detail.to_owned(),
        created_at: ago(3),
    }
}

fn working() -> ticket::TicketPage {
    let mut queued =
        said(4, "Mara", Source::Human, CommentKind::Comment, 3, "Please also say on the page how many MB were saved.");
    queued.message = Some(Message {
        id: MessageId(5),
        ticket: TicketId(423),
        comment: CommentId(4),
        body: String::new(),
        state: MessageState::Pending,
        run: None,
        reason: None,
        created_at: ago(3),
    });
    ticket::TicketPage {
        head: ticket_head::Head {
            ticket: ticket(Status::InProgress),
            next: NextAction { kind: NextKind::Working, text: "Luci works, last output 4 s ago".to_owned(), at: None },
            runtime: "Claude opus, max".to_owned(),
            run: Some(RunState::Running),
        },
        lit: None,
        talk: vec![
            said(1, "Mission Control", Source::System, CommentKind::Comment, 12, "Started by Luci, attempt 1, at once"),
            said(
                2,
                "Atlas",
                Source::Agent,
                CommentKind::Comment,
                8,
                "Keep the parts in the upload row, not in a new table: twelve parts are at most 1 kB, and one write is one truth. The order of checks matters: size, then checksum, then skip. See [the notes](https://example.org/upload-state).",
            ),
            queued,
        ],
        talk_total: 4,
        talk_older: None,
        live: live::Live {
            ticket: TicketId(423),
            status: Status::InProgress,
            run: Some(run(RunState::Running, 1)),
            events: events(),
            older: Some(EventId(9001)),
            total: 1842,
            attempts: 1,
            pulse: pulse(3),
            tokens: 142_000,
            cost_usd: 1.84,
        },
        attempts: vec![run(RunState::Running, 1)],
        evidence: Vec::new(),
        tab: ticket::Tab::Talk,
        reply: String::new(),
        errors: Vec::new(),
    }
}

fn asking() -> ticket::TicketPage {
    let mut t = working();
    t.head.ticket.status = Status::NeedsInput;
    t.head.next = NextAction { kind: NextKind::Answer, text: "Waits for you: which region?".to_owned(), at: Some(ago(26)) };
    t.head.run = Some(RunState::Finished);
    t.lit = Some(question());
    t.live.status = Status::NeedsInput;
    t.live.run = Some(run(RunState::Finished, 1));
    t.attempts = vec![Run { verdict: Some(Verdict::Question), ..run(RunState::Finished, 1) }];
    t
}

fn finished(status: Status) -> ticket::TicketPage {
    let mut t = asking();
    t.head.ticket.status = status;
    t.head.next = NextAction {
        kind: NextKind::Nothing,
        text: if status == Status::Done { "Nothing: it is done" } else { "Waits for you: look at the result" }.to_owned(),
        at: None,
    };
    t.lit = (status == Status::InReview).then(review);
    t.live.status = status;
    let mut result = said(
        9,
        "Luci",
        Source::Agent,
        CommentKind::Result,
        2,
        "Finished parts are kept in the upload row and skipped on resume.\n\n- `src/upload/parts.rs` checks size, then checksum, then skips.\n- The phone page shows how much was saved.\n\n| case | sent |\n|---|---|\n| cut at part 7 | 5 of 12 |\n| wrong checksum | 6 of 12 |\n\n```\ncargo test: 214 passed\n```",
    );
    result.evidence = vec![
        evidence(1, "test", "214 passed, 0 failed, 38 s", "`cargo test -p tideline`"),
        evidence(2, "commit", "fc5164d on worktree-mc-mc-423", ""),
    ];
    t.talk.push(said(5, "Mission Control", Source::System, CommentKind::TerminalState, 9, "**The run ended without a result** (exit code 1, attempt 1).\n\nIts work is kept on `worktree-mc-mc-423`. It is tried again by itself at 12:50."));
    t.talk.push(said(6, "Mara", Source::Human, CommentKind::Decision, 8, "Moved from To do to In progress"));
    t.talk.push(said(
        7,
        "Mission Control",
        Source::System,
        CommentKind::Comment,
        8,
        "Two events could not be read\n\nline 12 and line 14 of the raw log",
    ));
    t.talk.push(result);
    t.evidence = vec![
        evidence(1, "test", "214 passed, 0 failed, 38 s", "`cargo test -p tideline`"),
        evidence(2, "commit", "fc5164d on worktree-mc-mc-423", ""),
    ];
    let failure =
        Failure { code: FailureCode::ExitCode, text: "Ended with exit code 1 and no result".to_owned(), retry_at: None };
    t.attempts = vec![
        Run { verdict: Some(Verdict::Done), ..run(RunState::Finished, 2) },
        Run { failure: Some(failure), exit_code: Some(1), ..run(RunState::Failed, 1) },
    ];
    t.live.attempts = 2;
    t
}

fn stuck() -> ticket::TicketPage {
    let mut t = finished(Status::Blocked);
    t.lit = Some(blocked());
    t.head.ticket.title = Title::stored(WORD.to_owned());
    t.head.next.text = "Waits for you: log the agent in again".to_owned();
    t.talk.push(said(20, "سارة", Source::Telegram, CommentKind::Comment, 1, "نعم، تفضل. and some English `code` in one line"));
    t.talk.push(said(
        21,
        "Luci",
        Source::Agent,
        CommentKind::Comment,
        1,
        &format!("{} <script>alert(1)</script>", "wordwithoutend".repeat(12)),
    ));
    t
}

fn fresh() -> ticket::TicketPage {
    let mut t = working();
    t.head.ticket.status = Status::Todo;
    t.head.ticket.title = Title::stored(RTL.to_owned());
    t.head.ticket.description = String::new();
    t.head.next = NextAction { kind: NextKind::Queued, text: "Starts when a slot is free".to_owned(), at: None };
    t.head.run = None;
    t.talk = Vec::new();
    t.talk_total = 0;
    t.live = live::Live {
        ticket: TicketId(424),
        status: Status::Todo,
        run: None,
        events: Vec::new(),
        older: None,
        total: 0,
        attempts: 0,
        pulse: Vec::new(),
        tokens: 0,
        cost_usd: 0.0,
    };
    t.attempts = Vec::new();
    t
}

fn resting(name: &str) -> resting::Resting {
    resting::Resting { name: name.to_owned(), why: "The agent's login is refused".to_owned(), until: None }
}

fn settings() -> settings::Settings {
    let mut opus = Profile::new("claude_opus_1m_high", RuntimeKind::Claude);
    opus.model = Some("opus[1m]".to_owned());
    opus.effort = Some("max".to_owned());
    settings::Settings {
        user_name: "Mara".to_owned(),
        owner: true,
        profiles: vec![opus, Profile::new("demo", RuntimeKind::Demo)],
        default_profile: "claude_opus_1m_high".to_owned(),
        default_is_fixed: false,
        paused: vec![resting("claude_opus_1m_high")],
        telegram: super::telegram::Telegram {
            configured: Some(Ok(())),
            chats: 1,
            bot: "mission_mara_bot".to_owned(),
            error: Some(("Telegram does not answer in time".to_owned(), ago(40))),
            heard_at: Some(ago(60)),
            waiting: 1,
            last_sent: Some(ago(500)),
            last_failed: Some(("MC-7 asks: <b>Which?</b>".to_owned(), "the chat refuses it".to_owned(), ago(9000))),
            strangers: 2,
            last_stranger: Some((-1001, ago(700))),
            paused: None,
        },
        tokens: vec![
            settings::Token {
                name: "nightly-script".to_owned(),
                scope: Scope::Operator,
                created_at: ago(90_000),
                last_used_at: Some(ago(400)),
            },
            settings::Token {
                name: "run of MC-423".to_owned(),
                scope: Scope::Ticket(TicketId(423)),
                created_at: ago(12),
                last_used_at: None,
            },
        ],
        fresh_token: Some(("phone".to_owned(), "mct_demo_only_not_a_token".to_owned())),
        typed: settings::TypedToken::default(),
        sessions: vec![
            settings::Session {
                id: 1,
                browser: "Firefox on Linux".to_owned(),
                created_at: ago(9000),
                seen_at: NOW,
                current: true,
            },
            settings::Session {
                id: 2,
                browser: "Safari on iPhone".to_owned(),
                created_at: ago(90_000),
                seen_at: ago(30),
                current: false,
            },
        ],
        autonomy: crate::store::actions::GRANTABLE
            .iter()
            .map(|k| (*k, *k == crate::domain::proposal::ActionKind::Comment))
            .collect(),
        config: vec![
            ("server.listen".to_owned(), "127.0.0.1:8420".to_owned(), "default".to_owned()),
            ("workspace.root".to_owned(), "/home/op/workspace".to_owned(), "config.toml".to_owned()),
            ("pickup.max_workers".to_owned(), "2".to_owned(), "MC_MAX_WORKERS".to_owned()),
        ],
        errors: Vec::new(),
    }
}

fn edit(errors: Vec<FieldError>) -> edit::Edit {
    let t = ticket(Status::Todo);
    edit::Edit {
        id: t.id,
        title: if errors.is_empty() { t.title.as_str().to_owned() } else { String::new() },
        description: t.description,
        priority: t.priority,
        role: "luci".to_owned(),
        project: t.project,
        profile: String::new(),
        work_class: t.work_class,
        version: 7,
        changed: None,
        roles: composer().roles,
        projects: composer().projects,
        profiles: vec!["claude_opus_1m_high".to_owned(), "demo".to_owned()],
        errors,
    }
}

pub(super) fn wrong(field: &str, message: &str) -> Vec<FieldError> {
    match Error::field(field, message) {
        Error::Invalid(errors) => errors,
        other => panic!("{other} is no field error"),
    }
}

fn pages() -> Vec<(&'static str, Markup)> {
    let home_shell = |needs| shell("Home", Nav::Home, needs, &[]);
    let board_shell = || shell("Board", Nav::Board, 3, &[]);
    let ticket_shell = || shell("MC-423", Nav::Board, 3, &[("tideline-api", "/board?project=tideline-api"), ("MC-423", "")]);
    let quiet = home::Home { needs: Vec::new(), needs_total: 0, next: None, queued: 0, ..home() };
    let rests = home::Home { resting: vec![resting("claude_opus_1m_high")], needs_total: 1, ..quiet.clone() };
    let first = home::Home {
        running: Vec::new(),
        since: None,
        first_day: true,
        composer: composer::Composer { roles: composer().roles, ..Default::default() },
        ..quiet.clone()
    };
    let bad = home::Home {
        composer: composer::Composer {
            errors: wrong("message", "is empty"),
            mode: composer::Mode::Now,
            project: "ledger".into(),
            ..composer()
        },
        ..quiet.clone()
    };
    let many = |status: Status, n: i64| {
        column(
            status,
            n * 6,
            (0..n)
                .map(|i| {
                    card(
                        1000 + 100 * nth(status) + i,
                        if i % 7 == 0 {
                            WORD
                        } else if i % 5 == 0 {
                            RTL
                        } else {
                            "Believable work that takes two lines of a card or so, and then a bit more"
                        },
                        status,
                        "tideline-api",
                        i * 31,
                        "Starts when a slot is free",
                    )
                })
                .collect(),
        )
    };
    let hard = board(Status::ALL.iter().filter(|s| **s != Status::Cancelled).map(|s| many(*s, 29)).collect());
    let none = board(Status::ALL.iter().filter(|s| **s != Status::Cancelled).map(|s| column(*s, 0, Vec::new())).collect());
    let mut calm = full_board();
    for c in &mut calm.columns {
        if !matches!(c.status, Status::Todo | Status::NeedsInput | Status::Done) {
            *c = column(c.status, 0, Vec::new());
        }
    }
    let filtered = board::Board {
        filter: Filter {
            q: "upload".into(),
            project: Some("tideline-api".into()),
            priority: Some(Priority::High),
            ..Filter::default()
        },
        ..full_board()
    };
    let live_tab = ticket::TicketPage { tab: ticket::Tab::Live, ..working() };
    let facts_tab = ticket::TicketPage { tab: ticket::Tab::Facts, ..finished(Status::Done) };
    let toasts = html! {
        (home::home(&home(), "/stream", CX))
        div.demo-toasts { (toast(Tone::Good, "MC-427 is made. It starts when a slot is free.", Some(("/tickets/MC-427", "Open")))) (toast(Tone::Bad, "Somebody moved MC-418 meanwhile. Nothing was changed.", None)) }
    };
    let mut all = vec![
        ("home", page(&home_shell(3), &home::home(&home(), "/stream", CX))),
        ("home-quiet", page(&home_shell(0), &home::home(&quiet, "/stream", CX))),
        ("home-rests", page(&home_shell(1), &home::home(&rests, "/stream", CX))),
        ("home-first", page(&home_shell(0), &home::home(&first, "/stream", CX))),
        ("home-error", page(&home_shell(0), &home::home(&bad, "/stream", CX))),
        ("home-toasts", page(&home_shell(3), &toasts)),
        ("board", page(&board_shell(), &board::board(&full_board(), "/board/stream", CX))),
        ("board-calm", page(&board_shell(), &board::board(&calm, "/board/stream", CX))),
        ("board-hard", page(&board_shell(), &board::board(&hard, "/board/stream", CX))),
        ("board-empty", page(&board_shell(), &board::board(&none, "/board/stream", CX))),
        ("board-filter", page(&board_shell(), &board::board(&filtered, "/board/stream", CX))),
        ("ticket", page(&ticket_shell(), &ticket::ticket(&working(), "/s", CX))),
        ("ticket-live", page(&ticket_shell(), &ticket::ticket(&live_tab, "/s", CX))),
        ("ticket-facts", page(&ticket_shell(), &ticket::ticket(&facts_tab, "/s", CX))),
        ("ticket-question", page(&ticket_shell(), &ticket::ticket(&asking(), "/s", CX))),
        ("ticket-review", page(&ticket_shell(), &ticket::ticket(&finished(Status::InReview), "/s", CX))),
        ("ticket-done", page(&ticket_shell(), &ticket::ticket(&finished(Status::Done), "/s", CX))),
        ("ticket-blocked", page(&ticket_shell(), &ticket::ticket(&stuck(), "/s", CX))),
        ("ticket-fresh", page(&ticket_shell(), &ticket::ticket(&fresh(), "/s", CX))),
        ("edit", page(&ticket_shell(), &edit::edit(&edit(Vec::new()), CX))),
        (
            "edit-changed",
            page(&ticket_shell(), &edit::edit(&edit::Edit { changed: Some(Status::InProgress), ..edit(Vec::new()) }, CX)),
        ),
        ("edit-error", page(&ticket_shell(), &edit::edit(&edit(wrong("title", "is empty")), CX))),
        ("settings", page(&shell("Settings", Nav::Settings, 3, &[]), &settings::settings(&settings(), CX))),
        ("login", bare("Log in", &login::by_password("/", None, CX))),
        (
            "login-error",
            bare(
                "Log in",
                &login::by_password("/", Some("That password is not right. 4 more tries, then a pause of a minute."), CX),
            ),
        ),
        ("login-link", bare("Log in", &login::by_link("t", false, &[], CX))),
        ("login-none", bare("Log in", &login::no_way_in(Some("This link was used already, or is older than an hour.")))),
        (
            "error-404",
            page(
                &shell("Not found", Nav::Nowhere, 0, &[]),
                &error::error(&error::usual(404, "MC-9999 does not exist", Nav::Nowhere)),
            ),
        ),
        ("error-500", page(&shell("Error", Nav::Nowhere, 0, &[]), &error::error(&error::usual(500, "", Nav::Nowhere)))),
    ];
    all.extend(luci_gallery_tests::pages());
    all
}

#[test]
#[ignore = "writes files to be looked at"]
fn gallery() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    fs::create_dir_all(&root).expect("target can be written");
    for (name, _, body) in assets::each() {
        let path = root.join(assets::url(name).trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has a folder")).expect("target can be written");
        fs::write(path, body).expect("target can be written");
    }
    for (name, markup) in pages() {
        fs::write(root.join(format!("{name}.html")), markup.into_string()).expect("target can be written");
    }
}

/// Every page, whatever its data: no script, style or handler in the page itself, no id twice, and every form says
/// which request it is.
#[test]
fn no_page_needs_more_than_the_strict_policy_allows() {
    for (name, markup) in pages() {
        let text = markup.into_string();
        for bad in [" style=", "<style", " onclick", " hx-on", "javascript:", "js:"] {
            assert!(!text.contains(bad), "{name} holds {bad}");
        }
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{name} holds a script of its own");
        }
        let mut ids: Vec<&str> = text.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
        ids.sort_unstable();
        for pair in ids.windows(2) {
            assert_ne!(pair[0], pair[1], "{name} has an id twice");
        }
        for form in text.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or(form);
            if form.contains("method=\"post\"") {
                assert_eq!(form.matches("name=\"client_id\"").count(), 1, "{name}: {}", &form[..form.len().min(200)]);
            }
        }
    }
}

#[test]
fn every_icon_that_a_page_uses_is_in_the_sprite() {
    let (_, _, sprite) = assets::each().find(|(name, _, _)| *name == "icons.svg").expect("there is a sprite");
    let sprite = String::from_utf8_lossy(sprite);
    for (name, markup) in pages() {
        for used in markup.into_string().split("icons.svg#").skip(1).filter_map(|t| t.split('"').next()) {
            assert!(sprite.contains(&format!("<symbol id=\"{used}\"")), "{name} uses {used}");
        }
    }
}
