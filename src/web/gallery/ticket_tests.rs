//! Tickets for the gallery, in every state that a page shows.

use crate::domain::ids::{CommentId, EventId, MessageId, RunId, TicketId};
use crate::domain::run::event::{Event, EventKind, NewEvent};
use crate::domain::run::{Failure, FailureCode, Run, RunState, StartReason, Tokens, Verdict};
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::ticket::message::{Message, MessageState};
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Priority, Status, Ticket, Title, WorkClass};
use crate::web::gallery::home_tests::{blocked, output_counts, question, review};
use crate::web::gallery::pages_tests::{NOW, RTL, WORD, ago, role};

pub(crate) fn ticket(status: Status) -> Ticket {
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

pub(crate) fn run(state: RunState, attempt: i64) -> Run {
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

pub(crate) fn events() -> Vec<Event> {
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

pub(crate) fn said(
    n: i64,
    author: &str,
    source: Source,
    kind: CommentKind,
    min: i64,
    body: &str,
) -> crate::web::ticket::view_comment::TalkEntry {
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
    crate::web::ticket::view_comment::TalkEntry { comment, evidence: Vec::new(), message: None }
}

pub(crate) fn evidence(n: i64, kind: &str, label: &str, detail: &str) -> Evidence {
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

pub(crate) fn working() -> crate::web::ticket::view::TicketPage {
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
    crate::web::ticket::view::TicketPage {
        head: crate::web::ticket::view_head::Head {
            ticket: ticket(Status::InProgress),
            next: NextAction { kind: NextKind::Working, text: "Luci works, last output 4 s ago".to_owned(), at: None },
            runtime: "Claude opus, max".to_owned(),
            run: Some(RunState::Running),
        },
        attention: None,
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
        live: crate::web::ticket::view_live::Live {
            ticket: TicketId(423),
            status: Status::InProgress,
            run: Some(run(RunState::Running, 1)),
            events: events(),
            older: Some(EventId(9001)),
            total: 1842,
            attempts: 1,
            output_counts: output_counts(3),
            tokens: 142_000,
            cost_usd: 1.84,
        },
        attempts: vec![run(RunState::Running, 1)],
        evidence: Vec::new(),
        tab: crate::web::ticket::view::Tab::Talk,
        reply: String::new(),
        errors: Vec::new(),
    }
}

pub(crate) fn asking() -> crate::web::ticket::view::TicketPage {
    let mut t = working();
    t.head.ticket.status = Status::NeedsInput;
    t.head.next = NextAction { kind: NextKind::Answer, text: "Waits for you: which region?".to_owned(), at: Some(ago(26)) };
    t.head.run = Some(RunState::Finished);
    t.attention = Some(question());
    t.live.status = Status::NeedsInput;
    t.live.run = Some(run(RunState::Finished, 1));
    t.attempts = vec![Run { verdict: Some(Verdict::Question), ..run(RunState::Finished, 1) }];
    t
}

pub(crate) fn finished(status: Status) -> crate::web::ticket::view::TicketPage {
    let mut t = asking();
    t.head.ticket.status = status;
    t.head.next = NextAction {
        kind: NextKind::Nothing,
        text: if status == Status::Done { "Nothing: it is done" } else { "Waits for you: look at the result" }.to_owned(),
        at: None,
    };
    t.attention = (status == Status::InReview).then(review);
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

pub(crate) fn stuck() -> crate::web::ticket::view::TicketPage {
    let mut t = finished(Status::Blocked);
    t.attention = Some(blocked());
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

pub(crate) fn fresh() -> crate::web::ticket::view::TicketPage {
    let mut t = working();
    t.head.ticket.status = Status::Todo;
    t.head.ticket.title = Title::stored(RTL.to_owned());
    t.head.ticket.description = String::new();
    t.head.next = NextAction { kind: NextKind::Queued, text: "Starts when a slot is free".to_owned(), at: None };
    t.head.run = None;
    t.talk = Vec::new();
    t.talk_total = 0;
    t.live = crate::web::ticket::view_live::Live {
        ticket: TicketId(424),
        status: Status::Todo,
        run: None,
        events: Vec::new(),
        older: None,
        total: 0,
        attempts: 0,
        output_counts: Vec::new(),
        tokens: 0,
        cost_usd: 0.0,
    };
    t.attempts = Vec::new();
    t
}
