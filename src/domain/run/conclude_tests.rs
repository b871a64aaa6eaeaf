//! Every way a run can end.

use super::*;
use crate::domain::run::progress::{ApiError, ResultLine};
use crate::domain::run::verdict::nonce;

const TICKET: TicketId = TicketId(7);
const NOW: Time = Time(1_795_262_400_000);

fn this_nonce() -> String {
    nonce(TICKET, NOW, 0x1a2b_3c4d)
}

fn said(text: &str) -> Progress {
    Progress {
        inits: 1,
        results: 1,
        tool_uses: 3,
        cwd: Some("/home/op/repo/.claude/worktrees/mc-mc-7".to_owned()),
        last: Some(ResultLine { text: Some(text.to_owned()), subtype: "success".to_owned(), ..ResultLine::default() }),
        ..Progress::default()
    }
}

fn error(text: &str, status: Option<i64>) -> Progress {
    let mut p = said(text);
    p.last = p.last.map(|r| ResultLine { is_error: true, api_error_status: status, ..r });
    p
}

fn silent() -> Progress {
    Progress { inits: 1, tool_uses: 2, ..Progress::default() }
}

fn exited(cause: ExitCause, exit_code: Option<i32>, signal: Option<i32>) -> ExitRecord {
    ExitRecord { cause, exit_code, signal, text: None, started_at: NOW, ended_at: NOW, log_bytes: 0, strays: 0 }
}

struct Case {
    progress: Progress,
    reports: Vec<Report>,
    exit: Option<ExitRecord>,
    stderr: &'static str,
    stop_wanted: bool,
    lingering_stopped: bool,
    resumed: bool,
    expected_cwd: Option<&'static str>,
    log_lost: bool,
}

impl Case {
    fn new(progress: Progress) -> Case {
        Case {
            progress,
            reports: Vec::new(),
            exit: Some(exited(ExitCause::Exited, Some(0), None)),
            stderr: "",
            stop_wanted: false,
            lingering_stopped: false,
            resumed: false,
            expected_cwd: None,
            log_lost: false,
        }
    }

    fn exit(mut self, code: Option<i32>, signal: Option<i32>) -> Case {
        self.exit = Some(exited(ExitCause::Exited, code, signal));
        self
    }

    fn cause(mut self, cause: ExitCause) -> Case {
        self.exit = Some(exited(cause, None, Some(15)));
        self
    }

    fn report(mut self, kind: ReportKind, text: &str) -> Case {
        self.reports.push(Report { kind, text: text.to_owned() });
        self
    }

    fn end(&self) -> Conclusion {
        conclude(&Ending {
            ticket: TICKET,
            nonce: &this_nonce(),
            progress: &self.progress,
            reports: &self.reports,
            exit: self.exit.as_ref(),
            stop_wanted: self.stop_wanted,
            lingering_stopped: self.lingering_stopped,
            resumed: self.resumed,
            expected_cwd: self.expected_cwd,
            log_lost: self.log_lost,
            stderr_tail: self.stderr,
            now: NOW,
        })
    }

    fn verdict(&self) -> Option<Verdict> {
        let c = self.end();
        assert_eq!(c.state, RunState::Finished, "{c:?}");
        c.verdict
    }

    fn failure(&self) -> FailureCode {
        let c = self.end();
        assert_eq!(c.verdict, None);
        assert!(matches!(c.state, RunState::Failed | RunState::Lost), "{c:?}");
        c.failure.expect("a failed run says why").code
    }
}

fn signal_line(signal: &str, nonce: &str) -> String {
    format!(r#"{{"mc_signal":"{signal}","ticket":"MC-7","nonce":"{nonce}","payload":"by sentinel"}}"#)
}

#[test]
fn the_prefix_of_the_last_result_decides() {
    assert_eq!(Case::new(said("DONE: ok")).verdict(), Some(Verdict::Done));
    assert_eq!(Case::new(said("REVIEW: look")).verdict(), Some(Verdict::Review));
    assert_eq!(Case::new(said("QUESTION: which?")).verdict(), Some(Verdict::Question));
    assert_eq!(Case::new(said("All fine.")).verdict(), Some(Verdict::Review));
    assert_eq!(Case::new(said("")).verdict(), Some(Verdict::Review));
    assert_eq!(Case::new(said("Done: almost")).verdict(), Some(Verdict::Review));
}

#[test]
fn of_report_sentinel_and_prefix_the_more_cautious_wins() {
    let with = |signal: &str, text: &str| said(&format!("{text}\n{}", signal_line(signal, &this_nonce())));
    assert_eq!(Case::new(with("DONE", "All fine.")).verdict(), Some(Verdict::Done));
    assert_eq!(Case::new(with("REVIEW", "DONE: ok")).verdict(), Some(Verdict::Review));
    assert_eq!(Case::new(with("DONE", "QUESTION: x?")).verdict(), Some(Verdict::Question));
    assert_eq!(Case::new(said("All fine.")).report(ReportKind::Done, "ok").verdict(), Some(Verdict::Done));
    assert_eq!(Case::new(said("DONE: ok")).report(ReportKind::Question, "which?").verdict(), Some(Verdict::Question));
    assert_eq!(Case::new(said("REVIEW: x")).report(ReportKind::Done, "ok").verdict(), Some(Verdict::Review));
    let twice = Case::new(said("DONE: ok")).report(ReportKind::Review, "r").report(ReportKind::Done, "d");
    assert_eq!(twice.verdict(), Some(Verdict::Review));
    assert!(twice.end().notes.iter().any(|n| n.contains("disagree")));
    assert_eq!(
        Case::new(said("DONE: ok")).report(ReportKind::Comment, "hm").report(ReportKind::Evidence, "e").verdict(),
        Some(Verdict::Done)
    );
}

#[test]
fn a_sentinel_of_another_run_counts_nothing_and_is_told() {
    let old = said(&format!("All fine.\n{}", signal_line("DONE", "MC_TICKET_TURN:7:1:00000000")));
    let c = Case::new(old).end();
    assert_eq!(c.verdict, Some(Verdict::Review));
    assert!(c.notes.iter().any(|n| n.contains("another nonce")), "{:?}", c.notes);
    assert_eq!(c.payload, "All fine.");
}

#[test]
fn people_read_the_answer_the_report_or_the_sentinels_payload() {
    assert_eq!(Case::new(said(&signal_line("DONE", &this_nonce()))).end().payload, "by sentinel");
    let asked = Case::new(said("I have asked.")).report(ReportKind::Question, "Which region?");
    assert_eq!(asked.end().payload, "QUESTION: Which region?\n\nI have asked.");
    assert_eq!(Case::new(said("DONE: \u{1b}[31mok\u{1b}[0m sk-ant-REDACTED")).end().payload, "DONE: ok sk-…hidden");
}

#[test]
fn what_was_asked_earlier_in_the_run_sends_a_done_to_review() {
    let mut p = said("DONE: ok");
    p.asked = Some(Verdict::Question);
    assert_eq!(Case::new(p.clone()).verdict(), Some(Verdict::Review));
    p.asked = None;
    assert_eq!(Case::new(p).verdict(), Some(Verdict::Done));
    let mut q = said("QUESTION: x?");
    q.asked = Some(Verdict::Review);
    assert_eq!(Case::new(q).verdict(), Some(Verdict::Question));
}

#[test]
fn an_empty_success_goes_to_review() {
    let mut p = said("DONE: nothing to do");
    p.tool_uses = 0;
    assert_eq!(Case::new(p).verdict(), Some(Verdict::Review));
}

#[test]
fn a_result_in_order_is_kept_whatever_ended_the_process() {
    let done = || Case::new(said("DONE: ok"));
    assert_eq!(done().exit(Some(1), None).verdict(), Some(Verdict::Review));
    assert_eq!(done().exit(None, Some(9)).verdict(), Some(Verdict::Review));
    assert_eq!(Case { exit: None, ..done() }.verdict(), Some(Verdict::Review));
    assert_eq!(Case { log_lost: true, ..done() }.verdict(), Some(Verdict::Review));
    assert_eq!(done().cause(ExitCause::Silence).verdict(), Some(Verdict::Review));
    assert_eq!(Case::new(said("QUESTION: x?")).exit(Some(1), None).verdict(), Some(Verdict::Question));
    let lingering = Case { lingering_stopped: true, ..done().cause(ExitCause::Stopped) };
    assert_eq!(lingering.verdict(), Some(Verdict::Done));
    assert!(lingering.end().notes.is_empty());
    let killed_lingering = Case { lingering_stopped: true, ..done().exit(Some(143), None) };
    assert_eq!(killed_lingering.verdict(), Some(Verdict::Done));
}

#[test]
fn a_process_killed_inside_a_further_turn_has_failed() {
    let mut p = said("DONE: first answer");
    p.inits = 2;
    assert_eq!(Case::new(p.clone()).exit(None, Some(9)).failure(), FailureCode::Killed);
    assert_eq!(Case::new(p).verdict(), Some(Verdict::Done), "an orderly end is judged by its last result");
}

#[test]
fn every_end_without_a_result_has_its_code() {
    for (case, wanted) in [
        (Case::new(silent()), FailureCode::NoResult),
        (Case::new(silent()).exit(Some(1), None), FailureCode::ExitCode),
        (Case::new(silent()).exit(Some(137), None), FailureCode::Killed),
        (Case::new(silent()).exit(Some(143), None), FailureCode::Killed),
        (Case::new(silent()).exit(None, Some(9)), FailureCode::Killed),
        (Case::new(silent()).cause(ExitCause::Silence), FailureCode::Silence),
        (Case::new(silent()).cause(ExitCause::WallClock), FailureCode::WallClock),
        (Case::new(silent()).cause(ExitCause::LogCap), FailureCode::LogCap),
        (Case::new(Progress::default()).cause(ExitCause::SpawnFailed), FailureCode::SpawnFailed),
        (Case { log_lost: true, ..Case::new(silent()) }, FailureCode::LogLost),
        (Case { exit: None, log_lost: true, ..Case::new(silent()) }, FailureCode::LogLost),
        (Case { exit: None, ..Case::new(silent()) }, FailureCode::Vanished),
    ] {
        assert_eq!(case.failure(), wanted);
    }
    assert_eq!(Case { exit: None, ..Case::new(silent()) }.end().state, RunState::Lost);
    let spoke = Case { stderr: "line\npanic: out of cheese\n", ..Case::new(silent()).exit(Some(2), None) };
    assert!(spoke.end().failure.expect("failed").text.contains("out of cheese"));
}

#[test]
fn a_stop_is_no_failure() {
    for progress in [silent(), said("DONE: ok"), error("API Error", Some(500))] {
        let c = Case { stop_wanted: true, ..Case::new(progress).cause(ExitCause::Stopped) }.end();
        assert_eq!((c.state, c.verdict, c.failure), (RunState::Stopped, None, None));
    }
    assert_eq!(Case::new(silent()).cause(ExitCause::Stopped).end().state, RunState::Stopped);
}

#[test]
fn errors_are_told_apart_by_code_status_and_words() {
    for (text, status, wanted) in [
        ("Invalid API key · Fix external API key", Some(401), FailureCode::AuthFailure),
        ("OAuth token revoked. Please log in again", Some(403), FailureCode::AuthFailure),
        ("Not logged in · Please run /login", None, FailureCode::AuthFailure),
        ("API Error: Request rejected (429) · slow down", Some(429), FailureCode::RateLimit),
        ("Claude usage limit reached", None, FailureCode::RateLimit),
        ("API Error: Repeated 529 Overloaded errors", Some(529), FailureCode::ServerError),
        ("API Error: Connection dropped (ECONNRESET)", None, FailureCode::ServerError),
        ("Prompt is too long", Some(400), FailureCode::InvalidRequest),
        ("Request too large", Some(413), FailureCode::InvalidRequest),
        ("model gone", Some(404), FailureCode::ModelNotFound),
        ("something odd", None, FailureCode::AgentError),
        ("", None, FailureCode::AgentError),
    ] {
        assert_eq!(Case::new(error(text, status)).failure(), wanted, "{text}");
        assert_eq!(Case::new(error(text, status)).exit(Some(1), None).failure(), wanted, "{text}");
    }
    let mut billing = error("Credit balance is too low", Some(400));
    billing.api_error = Some(ApiError { kind: "billing_error".to_owned(), status: Some(400), text: String::new() });
    assert_eq!(Case::new(billing).failure(), FailureCode::Billing);
    let mut turns = error("", None);
    turns.last = Some(ResultLine { is_error: true, subtype: "error_max_budget_usd".to_owned(), ..ResultLine::default() });
    assert_eq!(Case::new(turns).failure(), FailureCode::TurnLimit);
}

#[test]
fn a_limit_says_when_to_go_on() {
    let at = |progress| Case::new(progress).end().failure.expect("failed").retry_at;
    assert_eq!(at(error("limit reached, resets in 2h", Some(429))), Some(NOW.plus_ms(7_200_000)));
    assert_eq!(at(error("limit reached", Some(429))), Some(NOW.plus_ms(LIMIT_PAUSE_MS)));
    let mut noticed = error("limit reached", Some(429));
    noticed.limit_reset_at = Some(NOW.plus_ms(1_000));
    assert_eq!(at(noticed.clone()), Some(NOW.plus_ms(1_000)));
    noticed.limit_reset_at = Some(NOW.plus_ms(-1_000));
    assert_eq!(at(noticed.clone()), Some(NOW.plus_ms(PASSED_RESET_MS)), "it came while the agent ended");
    noticed.limit_reset_at = Some(NOW.plus_ms(-LIMIT_PAUSE_MS));
    assert_eq!(at(noticed), Some(NOW.plus_ms(LIMIT_PAUSE_MS)), "one of long ago is not believed");
    assert_eq!(at(error("boom", Some(500))), None);
}

#[test]
fn a_tiny_success_that_is_a_complaint_is_a_failure() {
    let tiny = |text: &str| Case::new(Progress { tool_uses: 0, ..said(text) });
    assert_eq!(tiny("Not logged in · Please run /login").failure(), FailureCode::AuthFailure);
    assert_eq!(tiny("Claude AI usage limit reached|1795266000").failure(), FailureCode::RateLimit);
    assert_eq!(
        tiny("Claude AI usage limit reached|1795266000").end().failure.and_then(|f| f.retry_at),
        Some(Time(1_795_266_000_000))
    );
    assert_eq!(
        Case::new(said("The rate limit is now tested.")).verdict(),
        Some(Verdict::Review),
        "it worked, so it may speak of limits"
    );
    assert_eq!(tiny("REVIEW: the invalid api key message is misleading").verdict(), Some(Verdict::Review));
    assert_eq!(tiny(&"The rate limit. ".repeat(50)).verdict(), Some(Verdict::Review));
}

#[test]
fn a_refused_login_is_a_login_failure_however_it_was_ended() {
    let mut p = silent();
    p.auth_suspect = true;
    p.last_retry = Some(ApiError { kind: "authentication_failed".to_owned(), status: Some(401), text: "401".to_owned() });
    assert_eq!(Case::new(p.clone()).cause(ExitCause::Stopped).failure(), FailureCode::AuthFailure);
    assert_eq!(Case { exit: None, ..Case::new(p) }.failure(), FailureCode::AuthFailure);
    let mut limited = silent();
    limited.last_retry = Some(ApiError { kind: "rate_limit".to_owned(), status: Some(429), text: "429".to_owned() });
    assert_eq!(Case::new(limited).cause(ExitCause::Silence).failure(), FailureCode::RateLimit);
}

#[test]
fn an_unknown_session_counts_only_on_a_resume() {
    let unknown = "No conversation found with session ID: 11111111-2222-3333-4444-555555555555";
    let case = |resumed| Case { stderr: unknown, resumed, ..Case::new(Progress::default()).exit(Some(1), None) };
    assert_eq!(case(true).failure(), FailureCode::UnknownSession);
    assert_eq!(case(false).failure(), FailureCode::AgentError);
}

#[test]
fn refused_as_root_says_what_to_set() {
    let stderr = "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";
    let c = Case { stderr, ..Case::new(Progress::default()).exit(Some(1), None) }.end();
    let failure = c.failure.expect("failed");
    assert_eq!(failure.code, FailureCode::Refused);
    assert!(failure.text.contains("IS_SANDBOX=1"));
}

#[test]
fn work_in_the_wrong_place_is_never_taken_for_done() {
    let at = |expected| Case { expected_cwd: Some(expected), ..Case::new(said("DONE: ok")) };
    assert_eq!(at("/home/op/repo/.claude/worktrees/mc-mc-7/").verdict(), Some(Verdict::Done));
    assert_eq!(at("/home/op/repo/.claude/worktrees/mc-mc-8").failure(), FailureCode::WrongPlace);
    let unseen = Case { expected_cwd: Some("/a"), ..Case::new(Progress::default()).exit(Some(1), None) };
    assert_eq!(unseen.failure(), FailureCode::ExitCode, "an agent that never began was nowhere");
}
