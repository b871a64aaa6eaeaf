//! Every state of the conversation with Luci, for the gallery: believable, hard, and all that can go wrong.

use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::orchestrator::session::{Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use crate::domain::samples;
use crate::domain::ticket::Priority;
use crate::web::gallery::home_tests::home;
use crate::web::gallery::pages_tests::{CX, NOW, RTL, WORD, ago, composer, shell, wrong};
use crate::web::home::view as home_view;
use crate::web::orchestrator::view::{Luci, luci};
use crate::web::orchestrator::view_edit;
use crate::web::orchestrator::view_side::Side;
use crate::web::orchestrator::view_turn::Shown;
use crate::web::ui::shell::{Nav, page};
use crate::web::ui::status_indicator::OrchestratorStatus;
use maud::{Markup, html};

const DAY: i64 = 1_440;

pub(crate) fn session(state: SessionState, note: Option<&str>) -> Session {
    Session {
        state,
        profile: "claude_opus_1m_high".to_owned(),
        begun: "She started afresh at 702k tokens, with a summary of what was said".to_owned(),
        retry_at: (state == SessionState::Down).then(|| NOW.plus_ms(40_000)),
        context_tokens: 612_000,
        answered: 41,
        note: note.map(str::to_owned),
        created_at: ago(52 * 60),
        launched_at: Some(ago(52 * 60)),
        last_activity_at: Some(ago(1)),
        ..samples::session()
    }
}

pub(crate) fn side(orchestrator_status: OrchestratorStatus) -> Side {
    let (state, note) = match orchestrator_status {
        OrchestratorStatus::Starting => (SessionState::Starting, None),
        OrchestratorStatus::Dialog => (SessionState::Waiting, Some("“Do you trust the files in this folder?”")),
        OrchestratorStatus::Down => (SessionState::Down, Some("The terminal was closed.")),
        OrchestratorStatus::Broken => {
            (SessionState::Broken, Some("claude: command not found. Install it, or choose another profile here."))
        }
        OrchestratorStatus::Paused => (SessionState::Idle, Some("Claude’s limit is reached until 21:00")),
        OrchestratorStatus::Working(_) => (SessionState::Working, None),
        OrchestratorStatus::NotStarted
        | OrchestratorStatus::Idle
        | OrchestratorStatus::Keyboard
        | OrchestratorStatus::Stopped => (SessionState::Idle, None),
    };
    Side {
        orchestrator_status,
        rests_until: (orchestrator_status == OrchestratorStatus::Paused).then(|| NOW.plus_ms(2 * 3_600_000)),
        session: (!matches!(orchestrator_status, OrchestratorStatus::NotStarted | OrchestratorStatus::Stopped))
            .then(|| session(state, note)),
        wanted: Wanted { on: None, profile: None, keyboard: orchestrator_status == OrchestratorStatus::Keyboard },
        profiles: vec![("claude_opus_1m_high".into(), "Claude opus[1m], high".into()), ("demo".into(), "Demo agent".into())],
        chosen: "claude_opus_1m_high".into(),
        label: "Claude opus[1m], high".into(),
        soft: 700_000,
        hard: 900_000,
        waiting: 0,
        queue: Vec::new(),
        free: Vec::new(),
        proposals: 2,
    }
}

pub(crate) fn turn(n: i64, min: i64, message: &str, state: TurnState) -> Turn {
    let sent = matches!(state, TurnState::Sent | TurnState::Answered | TurnState::Failed);
    Turn {
        id: TurnId(n),
        message: message.to_owned(),
        state,
        created_at: ago(min),
        sent_at: sent.then(|| ago(min)),
        accepted_at: sent.then(|| NOW.plus_ms(-12_000)),
        answered_at: (!state.is_open()).then(|| ago(min.saturating_sub(1))),
        position: (state == TurnState::Pending).then_some(1),
        change: n,
        ..samples::turn()
    }
}

fn shown(turn: Turn) -> Shown {
    Shown {
        turn,
        proposals: Vec::new(),
        day: None,
        begun: None,
        orchestrator_status: OrchestratorStatus::Working(NOW),
        seen: 214,
    }
}

fn answered(n: i64, min: i64, message: &str, response: &str) -> Shown {
    let mut t = turn(n, min, message, TurnState::Answered);
    t.response = Some(response.to_owned());
    shown(t)
}

pub(crate) fn proposal(id: i64, state: ProposalState, body: &str) -> Proposal {
    let kind: ActionKind = crate::domain::orchestrator::action::Action::read(body).expect("an action").kind();
    let made = match (state, kind) {
        (ProposalState::Applied, ActionKind::CreateTicket) => Some(r#"{"ticket":"MC-427"}"#.to_owned()),
        (_, _) => None,
    };
    Proposal {
        id: ProposalId(id),
        turn: TurnId(3),
        position: id,
        kind,
        body: body.to_owned(),
        state,
        result: made,
        error: (state == ProposalState::Refused).then(|| "MC-398 does not exist".to_owned()),
        decided_by: None,
        decided_at: None,
        created_at: ago(40),
    }
}

const ANSWER: &str = "Thursday’s release added a count to the invoice list, and that count reads every line of every invoice: `ledger/src/list.rs:88`. With 41,000 lines it takes **1.9 s**, before it was 40 ms. Nothing else changed in that time.\n\nI would take the count out today, it is small and easy to undo, and put a stored total in its place next week.\n\n```sh\ngit log --oneline v4.2..v4.3 -- ledger/src/list.rs\n```";

fn believable() -> Vec<Shown> {
    let mut first = answered(
        1,
        2 * DAY,
        "Remember: nothing risky goes out before a weekend.",
        "Kept. I hold back whatever cannot be undone in a minute, from Thursday evening to Monday.",
    );
    first.day = Some(ago(2 * DAY));
    let mut plan = answered(
        3,
        45,
        "Ledger has been slow since Thursday. Find out why, and plan what to do about it.\nNothing risky before Monday.",
        ANSWER,
    );
    plan.day = Some(ago(45));
    plan.begun = Some(("She started afresh at 702k tokens, with a summary of what was said".to_owned(), ago(52)));
    plan.proposals = vec![
        proposal(
            1,
            ProposalState::Applied,
            r#"{"kind":"create_ticket","ref":"a","title":"Take the count out of the invoice list","project":"ledger","priority":"high","start":true}"#,
        ),
        proposal(
            2,
            ProposalState::Open,
            r#"{"kind":"create_ticket","title":"Keep a stored total per invoice","description":"Add a column, fill it in the background, read it in the list.\n\nQA: totals of the three invoices from the report.","project":"ledger","role":"tessa","blocked_by":["a"]}"#,
        ),
        proposal(
            3,
            ProposalState::Open,
            r#"{"kind":"comment","ticket":"MC-398","body":"Found it: the count in the invoice list. It goes out today."}"#,
        ),
    ];
    let mut digest = answered(
        4,
        30,
        "9 reports came in.",
        "9 reports: 7 routine, 1 ticket, 1 sent to Telegram\n\n- Backups, feeds, certificates: all well.\n- Nightly mirror check failed three times: MC-425.",
    );
    digest.turn.origin = TurnOrigin::Digest;
    let mut stopped = turn(5, 20, "Read all the logs of last year", TurnState::Cancelled);
    stopped.sent_at = Some(ago(20));
    stopped.response = Some("There are 4,112 files. The first hundred say nothing unusual, but".to_owned());
    let mut now = turn(6, 1, "Good. How long would the stored total take, and can it go out without a pause?", TurnState::Sent);
    now.activity = Some("Grep invoice_total in ledger/migrations".to_owned());
    let waits = turn(7, 0, "And check whether the phone app reads the same list.", TurnState::Pending);
    vec![first, plan, digest, shown(stopped), shown(now), shown(waits)]
}

fn hard() -> Vec<Shown> {
    let mut failed = turn(1, 300, RTL, TurnState::Failed);
    failed.error = Some("Claude’s limit is reached, it goes on at 21:00. Try again then, or switch the profile.".to_owned());
    let mut partial = turn(2, 200, WORD, TurnState::Failed);
    partial.response = Some("The reports are in three places. First".to_owned());
    partial.error = Some("Her agent was killed while it answered (signal 9).".to_owned());
    let withdrawn = turn(3, 190, "Never mind", TurnState::Cancelled);
    let long = answered(4, 180, &"A very long message that somebody pasted, line after line.\n".repeat(120), "Read.");
    let mut correction =
        answered(5, 170, "Your block of actions could not be read: action 2: title is empty.", "Here it is again.");
    correction.turn.origin = TurnOrigin::Correction;
    correction.proposals = vec![
        proposal(10, ProposalState::Dismissed, r#"{"kind":"move","ticket":"MC-7","status":"in_review"}"#),
        proposal(11, ProposalState::Refused, r#"{"kind":"comment","ticket":"MC-398","body":"Found it."}"#),
        proposal(12, ProposalState::Undone, r#"{"kind":"assign","ticket":"MC-9","role":"scott"}"#),
        proposal(13, ProposalState::Applied, r#"{"kind":"create_ticket","title":"إصلاح عرض التواريخ في صفحة الفواتير"}"#),
    ];
    let mut asks = answered(6, 100, "Set up the export", "Two things before I begin.");
    asks.proposals = vec![
        proposal(
            20,
            ProposalState::Open,
            r#"{"kind":"ask_owner","question":"Which region should the bucket live in? Personal data must stay in the EU.","options":["eu-central-1","us-east-1"]}"#,
        ),
        proposal(
            21,
            ProposalState::Open,
            r#"{"kind":"answer_question","ticket":"MC-418","answer":"Keep the old exports readable for 90 days."}"#,
        ),
        proposal(22, ProposalState::Open, r#"{"kind":"start","ticket":"MC-420"}"#),
    ];
    let mut sent = turn(7, 2, WORD, TurnState::Sent);
    sent.accepted_at = None;
    let mut all = vec![shown(failed), shown(partial), shown(withdrawn), long, correction, asks, shown(sent)];
    all[0].day = Some(ago(300));
    all
}

pub(crate) fn talk(turns: Vec<Shown>, side: Side) -> Luci {
    Luci {
        last: turns.last().map_or(TurnId(0), |s| s.turn.id),
        older: turns.first().map(|s| s.turn.id),
        turns,
        past: false,
        side,
        tail: None,
        message: String::new(),
        errors: Vec::new(),
    }
}

fn of(l: &Luci) -> Markup {
    page(&shell("Luci", Nav::Luci, 3, &[]), &luci(l, Some("/luci/stream"), CX))
}

pub(crate) fn pages() -> Vec<(&'static str, Markup)> {
    let works = || side(OrchestratorStatus::Working(NOW.plus_ms(-12_000)));
    let with = |orchestrator_status: OrchestratorStatus| {
        let mut turns = believable();
        turns.truncate(2);
        let mut waiting = turn(8, 1, "And what about the phone app?", TurnState::Pending);
        waiting.position = Some(0);
        turns.push(Shown { orchestrator_status, ..shown(waiting.clone()) });
        let mut side = side(orchestrator_status);
        (side.waiting, side.queue) = (1, vec![waiting]);
        of(&talk(turns, side))
    };
    let queued = Side {
        waiting: 3,
        queue: vec![turn(7, 0, "And check whether the phone app reads the same list.", TurnState::Pending)],
        ..works()
    };
    let empty =
        Luci { older: None, ..talk(Vec::new(), Side { session: None, waiting: 0, ..side(OrchestratorStatus::NotStarted) }) };
    let bad =
        Luci { message: "x\u{1}".into(), errors: wrong("message", "is longer than 200000 bytes"), ..talk(believable(), works()) };
    let free = Side { free: vec![ActionKind::Comment, ActionKind::CreateTicket], ..side(OrchestratorStatus::Idle) };
    let mut planned = home();
    planned.composer.mode = crate::web::composer::view::Mode::Plan;
    planned.luci.proposals = 0;
    let plan = html! {
        (home_view::home(&planned, "/stream", CX))
        div.planned #planned { (crate::web::orchestrator::view_turn::turn(&believable()[1], CX)) p.open { a href="/luci#turn-3" { "Open the conversation" } } }
    };
    let edit = view_edit::EditProposal {
        id: ProposalId(2),
        turn: TurnId(3),
        kind: ActionKind::CreateTicket,
        about: String::new(),
        title: "Keep a stored total per invoice".into(),
        description: "Add a column, fill it in the background, read it in the list.".into(),
        role: "tessa".into(),
        project: "ledger".into(),
        priority: Priority::High,
        words: String::new(),
        roles: composer().roles,
        projects: composer().projects,
        errors: Vec::new(),
    };
    let words = view_edit::EditProposal {
        kind: ActionKind::Comment,
        about: "MC-398".into(),
        words: "Found it.".into(),
        errors: wrong("words", "is empty"),
        ..edit.clone()
    };
    vec![
        ("luci", of(&talk(believable(), queued))),
        ("luci-hard", of(&talk(hard(), free))),
        ("luci-empty", of(&empty)),
        ("luci-stopped", with(OrchestratorStatus::Stopped)),
        ("luci-broken", with(OrchestratorStatus::Broken)),
        ("luci-down", with(OrchestratorStatus::Down)),
        ("luci-dialog", with(OrchestratorStatus::Dialog)),
        ("luci-keyboard", with(OrchestratorStatus::Keyboard)),
        ("luci-resting", with(OrchestratorStatus::Paused)),
        ("luci-starting", with(OrchestratorStatus::Starting)),
        ("luci-error", of(&bad)),
        ("luci-edit", page(&shell("Edit", Nav::Luci, 0, &[("Edit", "")]), &view_edit::edit_proposal(&edit, CX))),
        ("luci-edit-words", page(&shell("Edit", Nav::Luci, 0, &[("Edit", "")]), &view_edit::edit_proposal(&words, CX))),
        ("home-plan", page(&shell("Home", Nav::Home, 3, &[]), &plan)),
    ]
}

#[test]
fn a_turn_asks_for_itself_only_while_something_is_still_to_come() {
    for s in believable().iter().chain(&hard()) {
        let text = crate::web::orchestrator::view_turn::turn(s, CX).into_string();
        let open = s.turn.state.is_open();
        assert_eq!(text.contains("hx-trigger=\"every 1s\""), open, "{}", s.turn.id);
        assert!(text.contains(&format!("id=\"turn-{}\"", s.turn.id)));
    }
}

#[test]
fn a_new_turn_takes_the_place_after_the_one_before_and_leaves_one_after_itself() {
    let s = answered(8, 1, "x", "y");
    let text = crate::web::orchestrator::view_turn::appended(TurnId(6), &s, CX).into_string();
    assert!(text.starts_with("<hx-partial hx-target=\"#after-6\" hx-swap=\"outerHTML\"><article"), "{text}");
    assert!(text.contains("<div id=\"after-8\" hidden></div>"), "{text}");
}
