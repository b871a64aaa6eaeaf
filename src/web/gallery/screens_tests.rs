//! The console, the tasks and the inbox in their states, for the gallery.

use crate::domain::ids::{ItemId, TaskRunId, TicketId, TurnId};
use crate::domain::inbox::digest::{Decision, DigestState};
use crate::domain::inbox::{InboxPriority, Item, ItemStatus, Source};
use crate::domain::orchestrator::proposal::ProposalState;
use crate::domain::orchestrator::session::{DriverKind, LUCI, Session, SessionState};
use crate::domain::orchestrator::turn::TurnState;
use crate::domain::task::{Broken, TaskKind, TaskRun, TaskRunState};
use crate::engine::console::keyboard::KeyboardOwner;
use crate::engine::console::{ConsoleContent, TerminalScreen};
use crate::store::inbox::digests::Digest;
use crate::web::console::view::{Row, Term, console};
use crate::web::gallery::orchestrator_tests::{proposal, session, turn};
use crate::web::gallery::pages_tests::{CX, MIN, NOW, ago, paused_profile, shell, wrong};
use crate::web::inbox::view as inbox;
use crate::web::inbox::view::{Inbox, NextDigest};
use crate::web::tasks::view::{BrokenFile, TaskLine, Tasks, Tick, page as tasks_page};
use crate::web::tasks::view_task::{TaskEdit, TaskPage, edit, page as task_page};
use crate::web::ui::shell::{Nav, page};
use crate::web::ui::status_indicator::OrchestratorStatus;
use maud::Markup;

pub(crate) fn pages() -> Vec<(&'static str, Markup)> {
    [consoles(), tasks(), inboxes()].concat()
}

/// A console whose screen says a little.
fn term(session: Option<Session>) -> Term {
    let text =
        "\u{1b}[1m> Find out why the ledger is slow\u{1b}[0m\n\u{1b}[32m●\u{1b}[0m Reading ledger/src/list.rs\n".to_owned();
    Term {
        hands: KeyboardOwner { session: session.clone(), turn: None, taken: false },
        session,
        orchestrator_status: OrchestratorStatus::Idle,
        wanted: None,
        waiting: 2,
        shown: ConsoleContent::Screen(TerminalScreen { text, cols: 80, rows: 24, cursor: Some((2, 2)), live: true }),
        lines: 0,
        profile: "Claude opus[1m], high".to_owned(),
        cwd: "/home/op/workspace".to_owned(),
        attach: "tmux -L mission-control attach".to_owned(),
        owner: true,
    }
}

fn rows() -> Vec<Row> {
    let luci = Row {
        name: LUCI.to_owned(),
        ticket: None,
        st: "progress",
        state: "Working",
        profile: "Claude opus[1m], high".to_owned(),
        cwd: None,
        since: Some(ago(90)),
        last: Some(ago(1)),
        tokens: 612_000,
    };
    let worker = Row {
        name: "mc-mc-423".to_owned(),
        ticket: Some(TicketId(423)),
        cwd: Some("/home/op/workspace/tideline-api/mc-423".to_owned()),
        ..luci.clone()
    };
    vec![luci, worker]
}

fn consoles() -> Vec<(&'static str, Markup)> {
    let of = |t: &Term| page(&shell("Console", Nav::Luci, 3, &[]), &console(&rows(), "seen", t, CX));
    let nothing = |session| Term { shown: ConsoleContent::Nothing, ..term(session) };
    let mut working = term(Some(session(SessionState::Working, None)));
    working.hands.turn = Some(turn(7, 1, "Find out why the ledger is slow", TurnState::Sent));
    let mut taken = term(Some(session(SessionState::Idle, None)));
    taken.hands.taken = true;
    let dialog = term(Some(session(SessionState::Waiting, Some("“Do you trust the files in this folder?”"))));
    let guest = Term { owner: false, ..dialog.clone() };
    let history = Term { lines: 2000, ..term(Some(session(SessionState::Idle, None))) };
    let down = nothing(Some(session(SessionState::Down, Some("The terminal was closed."))));
    let broken = nothing(Some(session(SessionState::Broken, Some("claude: command not found."))));
    let ended = Session { end_reason: Some("You stopped her".to_owned()), ..session(SessionState::Ended, None) };
    let headless = Session { driver: DriverKind::Headless, ..session(SessionState::Idle, None) };
    let log = Term { shown: ConsoleContent::Log("Reads ledger/src/list.rs\n".to_owned()), ..term(Some(headless)) };
    let no_tmux = Term { shown: ConsoleContent::NoTmux, ..term(Some(session(SessionState::Down, None))) };
    vec![
        ("console", of(&working)),
        ("console-ready", of(&term(Some(session(SessionState::Idle, None))))),
        ("console-taken", of(&taken)),
        ("console-dialog", of(&dialog)),
        ("console-guest", of(&guest)),
        ("console-history", of(&history)),
        ("console-down", of(&down)),
        ("console-broken", of(&broken)),
        ("console-ended", of(&Term { wanted: Some(false), ..nothing(Some(ended)) })),
        ("console-log", of(&log)),
        ("console-no-tmux", of(&no_tmux)),
        ("console-none", of(&nothing(None))),
    ]
}

fn task(name: &str, states: &[TaskRunState], streak: i64) -> TaskLine {
    let tick = |(n, state): (i64, &TaskRunState)| Tick {
        state: *state,
        at: ago(1440 * n),
        note: (*state == TaskRunState::Failed).then(|| "exit code 2".to_owned()),
    };
    TaskLine {
        name: name.to_owned(),
        file: format!("{name}.md"),
        when: "at 06:00, Monday to Friday".to_owned(),
        next: Some(NOW.plus_ms(95 * MIN)),
        zone: chrono_tz::Europe::Berlin,
        paused: false,
        enabled: true,
        strip: (1_i64..9).zip(states).map(tick).collect::<Vec<_>>().into_iter().rev().collect(),
        streak,
    }
}

fn task_run(id: i64, state: TaskRunState) -> TaskRun {
    let over = !state.is_live();
    TaskRun {
        id: TaskRunId(id),
        task: "nightly-mirror".to_owned(),
        due_at: (id % 4 != 0).then(|| ago(1440 * id)),
        author: "Mara".to_owned(),
        state,
        kind: TaskKind::Subprocess,
        attempt: if state == TaskRunState::Failed { 2 } else { 1 },
        launches: 1,
        not_before: (state == TaskRunState::Waiting).then(|| NOW.plus_ms(4 * MIN)),
        profile: None,
        run_dir: None,
        stop_wanted: None,
        told: true,
        exit_code: (state == TaskRunState::Failed).then_some(2),
        signal: (state == TaskRunState::TimedOut).then_some(15),
        note: (state == TaskRunState::Missed).then(|| "The server did not run".to_owned()),
        output: if state == TaskRunState::Failed { "mirror: checksum of 3 files differs\n".to_owned() } else { String::new() },
        output_bytes: 36,
        created_at: ago(1440 * id),
        started_at: (state != TaskRunState::Waiting).then(|| ago(1440 * id)),
        ended_at: over.then(|| ago(1440 * id - 2)),
    }
}

fn tasks() -> Vec<(&'static str, Markup)> {
    use TaskRunState::{AuthFailed, Failed, Lost, Missed, Ok, Overlapped, Running, Skipped, TimedOut, Waiting};
    let list = |t: &Tasks| page(&shell("Tasks", Nav::Tasks, 3, &[]), &tasks_page(t, CX));
    let crumbs = [("Tasks", "/tasks"), ("nightly-mirror", "")];
    let one = |t: &TaskPage| page(&shell("nightly-mirror", Nav::Tasks, 3, &crumbs), &task_page(t, true, CX));
    let file = |e: &TaskEdit| page(&shell("nightly-mirror", Nav::Tasks, 3, &crumbs), &edit(e, CX));
    let unread = BrokenFile {
        file: "report.md".to_owned(),
        name: "report".to_owned(),
        broken: Broken { line: Some(3), reason: "unknown key `comand`".to_owned() },
    };
    let full = Tasks {
        tasks: vec![
            task("certificates", &[Ok, Ok, Ok], 3),
            task("nightly-mirror", &[Failed, Failed, TimedOut, Lost, Ok], -3),
            task("mail-digest", &[AuthFailed, Ok], 0),
            TaskLine { paused: true, ..task("feeds", &[Skipped, Missed, Overlapped], 0) },
            TaskLine { enabled: false, next: None, ..task("old-report", &[], 0) },
            task("backup", &[Running, Ok], 1),
        ],
        broken: vec![unread.clone()],
        paused_profiles: vec![paused_profile("claude_opus_1m_high")],
        folder: "/home/op/data/tasks".to_owned(),
        may_change: true,
        may_edit: true,
    };
    let mut reader = Tasks { may_change: false, may_edit: false, ..full.clone() };
    reader.tasks.truncate(2);
    let mirror = TaskPage {
        line: Some(task("nightly-mirror", &[Waiting, Running, Failed, TimedOut, Missed], -2)),
        broken: None,
        paused_profile: Some(paused_profile("claude_opus_1m_high")),
        name: "nightly-mirror".to_owned(),
        body: "Compares what the mirror holds with what we sent.".to_owned(),
        settings: vec![("File", "tasks/nightly-mirror.md".to_owned()), ("Command", "python3 mirror.py".to_owned())],
        runs: (1_i64..).zip([Waiting, Running, Failed, TimedOut, Missed, Ok]).map(|(n, state)| task_run(n, state)).collect(),
        older: Some(TaskRunId(6)),
        may_change: true,
        may_edit: true,
    };
    let unreadable = TaskPage {
        line: None,
        broken: Some(unread),
        paused_profile: None,
        name: "report".to_owned(),
        body: String::new(),
        settings: Vec::new(),
        runs: Vec::new(),
        older: None,
        ..mirror.clone()
    };
    let typed = TaskEdit {
        name: "nightly-mirror".to_owned(),
        file: "nightly-mirror.md".to_owned(),
        text: "---\nschedule: \"0 6 * * 1-5\"\n---\nCompares.".to_owned(),
        hash: "0123456789abcdef".to_owned(),
        changed: false,
        errors: Vec::new(),
    };
    vec![
        ("tasks", list(&full)),
        ("tasks-reader", list(&reader)),
        ("tasks-none", list(&Tasks { folder: full.folder.clone(), ..Tasks::default() })),
        ("task", one(&mirror)),
        ("task-broken", one(&unreadable)),
        ("task-edit", file(&typed)),
        ("task-edit-error", file(&TaskEdit { changed: true, errors: wrong("text", "line 2: no such day"), ..typed.clone() })),
    ]
}

fn item(id: i64, source: Source, about: &str, message: &str, priority: InboxPriority) -> Item {
    Item {
        id: ItemId(id),
        source,
        source_id: (!about.is_empty()).then(|| about.to_owned()),
        message: message.to_owned(),
        priority,
        status: ItemStatus::Pending,
        created_at: ago(id * 7),
        processed_at: None,
        claim_expires_at: None,
    }
}

fn digest(number: i64, state: DigestState, items: i64, note: Option<&str>) -> Digest {
    Digest {
        number,
        turn: TurnId(number),
        state,
        items,
        note: note.map(str::to_owned),
        created_at: ago(60 * number),
        ended_at: (state != DigestState::Open).then(|| ago(60 * number - 5)),
    }
}

fn inboxes() -> Vec<(&'static str, Markup)> {
    let of = |i: &Inbox| page(&shell("Inbox", Nav::Inbox, 3, &[]), &inbox::inbox(i, CX));
    let waiting = vec![
        item(
            1,
            Source::Scheduler,
            "nightly-mirror/12",
            "Checksum of 3 files differs\n\na.tar, b.tar, c.tar",
            InboxPriority::Critical,
        ),
        item(2, Source::Pickup, "MC-425", "MC-425 is blocked", InboxPriority::Normal),
        item(3, Source::Api, "", "The door bell rang", InboxPriority::Low),
    ];
    let done = inbox::Past {
        digest: digest(2, DigestState::Decided, 4, Some("Item 99 is none of these.")),
        items: vec![
            (item(4, Source::Scheduler, "feeds/7", "All well", InboxPriority::Normal), Some(Decision::Ignored)),
            (item(5, Source::SelfHeal, "disk", "The disk is 91 % full", InboxPriority::Normal), Some(Decision::Processed)),
        ],
        answer: "1 routine, 1 ticket".to_owned(),
        proposals: vec![
            proposal(1, ProposalState::Applied, r#"{"kind":"create_ticket","title":"Make room on the disk"}"#),
            proposal(2, ProposalState::Applied, r#"{"kind":"notify","text":"The disk is nearly full"}"#),
            proposal(3, ProposalState::Open, r#"{"kind":"comment","ticket":"MC-398","body":"See the disk"}"#),
        ],
    };
    let back = inbox::Past {
        digest: digest(3, DigestState::GivenBack, 2, Some("The turn was cancelled.")),
        items: Vec::new(),
        answer: String::new(),
        proposals: Vec::new(),
    };
    let open = inbox::Now {
        digest: digest(1, DigestState::Open, 1, None),
        items: vec![item(6, Source::Api, "", "A parcel came", InboxPriority::Normal)],
        expires_at: Some(NOW.plus_ms(9 * MIN)),
        in_hands: false,
    };
    let full =
        Inbox { waiting, total: 23, next: NextDigest::After(1), now: Some(open.clone()), past: vec![done, back], older: Some(1) };
    let none = Inbox { waiting: Vec::new(), total: 0, next: NextDigest::Nothing, now: None, past: Vec::new(), older: None };
    let off = Inbox { next: NextDigest::Off, now: Some(inbox::Now { in_hands: true, ..open }), ..none.clone() };
    vec![
        ("inbox", of(&full)),
        ("inbox-none", of(&none)),
        ("inbox-off", of(&off)),
        ("inbox-older", page(&shell("Inbox", Nav::Inbox, 3, &[]), &inbox::older(&full, CX))),
    ]
}
