//! `kill -9`, errors and panics at every fault point: afterwards all is well by itself, nothing is lost and nothing is doubled.

use crate::ops::live_server::{Live, agent, until};
use crate::support::telegram_stub::{CHAT, TOKEN, TelegramStub};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::base::faults::Point;
use mission_control::drivers::supervise::run_dir::RunDir;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Servers of one story that live at the same time.
const AT_ONCE: usize = 2;

/// What a test does with a server so that a point is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Tickets are made, run and done.
    Tickets,
    /// A shim dies with its agent just started.
    Shim,
    /// Reports and a person's message go to Luci and back.
    Luci,
    /// Notices go out, and words come in.
    Telegram,
    /// A task is due.
    Task,
    /// What is old is deleted.
    Housekeeping,
    /// A backup is made.
    Backup,
    /// A database of a former version is opened.
    Upgrade,
}

/// The story that passes a point. A new point needs one: there is no other arm.
fn story_of(point: Point) -> Story {
    match point {
        Point::CommitReady
        | Point::Committed
        | Point::Checkpoint
        | Point::TicketClaimed
        | Point::LaunchTaken
        | Point::LaunchPrepared
        | Point::LaunchSpawned
        | Point::PidSeen
        | Point::LinesRead
        | Point::LinesStored
        | Point::ResultRead
        | Point::ResultCommented
        | Point::RunConcluded
        | Point::LaunchVoided => Story::Tickets,
        Point::AgentSpawned => Story::Shim,
        Point::DigestClaimed
        | Point::DigestQueued
        | Point::DigestDeciding
        | Point::TurnClaimed
        | Point::TurnSending
        | Point::TurnSent
        | Point::AnswerHarvested
        | Point::ActionPerformed
        | Point::AnswerTaken => Story::Luci,
        Point::NoticeClaimed | Point::NoticeSent | Point::UpdateActed | Point::UpdateTaken => Story::Telegram,
        Point::DueWriting | Point::DueWritten | Point::TaskTaken | Point::TaskSpawned | Point::TaskEnded | Point::TaskTold => {
            Story::Task
        }
        Point::Pruning => Story::Housekeeping,
        Point::BackingUp => Story::Backup,
        Point::Migrating => Story::Upgrade,
    }
}

/// Which hits of a point the fault strikes at. One shows it where every hit is alike.
fn hits_of(point: Point) -> &'static [u64] {
    match point {
        Point::CommitReady => &[1, 4, 7, 11],
        Point::Committed => &[2, 5, 8, 12],
        // The first is a person's turn, the second a digest's.
        Point::TurnClaimed | Point::TurnSending | Point::TurnSent | Point::AnswerHarvested | Point::AnswerTaken => &[1, 2],
        _ => &[1],
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    point: Point,
    nth: u64,
    kind: &'static str,
}

impl Fault {
    fn said(self) -> String {
        format!("{}:{}:{}", self.point.name(), self.nth, self.kind)
    }
}

/// Every fault of a kind at every point of a story.
fn faults(story: Story, kind: &'static str) -> Vec<Fault> {
    let points = Point::ALL.iter().copied().filter(|p| story_of(*p) == story);
    let found: Vec<Fault> =
        points.flat_map(|point| hits_of(point).iter().map(move |nth| Fault { point, nth: *nth, kind })).collect();
    assert!(!found.is_empty());
    found
}

/// Plays each, some at once.
fn each(faults: &[Fault], play: impl Fn(Fault) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let clock = SystemClock::new();
                    eprintln!("{}", fault.said());
                    play(*fault);
                    eprintln!("{}: well after {} ms", fault.said(), clock.mono_ms());
                }
            });
        }
    });
}

/// A server with a fault.
struct Stage {
    live: Live,
    /// Good over restarts: what is asked twice under one key is known by it.
    token: String,
    fault: Fault,
}

impl Stage {
    /// The server comes up, or dies while it does.
    fn set(mut live: Live, fault: Fault) -> Stage {
        let out = live.run(&["token", "create", "tester", "--scope", "owner"]);
        let token = String::from_utf8(out.stdout).expect("plain text").trim().to_owned();
        live.variable("MC_FAULT", &fault.said());
        live.spawn();
        live.comes_up();
        Stage { live, token, fault }
    }

    /// What was answered; none where nobody did, or where the fault was the answer.
    fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        if !self.live.is_up() {
            return None;
        }
        let answer = self.live.try_json_as(&self.token, path, body)?;
        if answer.status >= 500 {
            assert_ne!(self.fault.kind, "kill9", "{}", answer.body);
            return None;
        }
        assert!((200..300).contains(&answer.status), "{}: {} {}", self.fault.said(), answer.status, answer.body);
        Some(serde_json::from_str(&answer.body).expect("JSON"))
    }

    /// Waits for the strike. Then there is a server without a fault: another one, or the one that had an error.
    fn strike(&mut self) {
        let words = format!("the fault at {} strikes", self.fault.point.name());
        until(&format!("{} to strike", self.fault.said()), || self.live.log().contains(&words).then_some(()));
        if self.fault.kind == "kill9" {
            self.live.dies();
            self.live.without("MC_FAULT");
            self.live.boot();
        }
        assert!(!self.live.is_over(), "it lives: {}", self.live.log());
    }
}

/// Asks for all of it; what it got the first time it must get again.
fn ask_all(stage: &Stage, path: &str, wanted: &[Value], known: &mut BTreeMap<usize, i64>) {
    for (n, body) in wanted.iter().enumerate() {
        if let Some(answer) = stage.ask(path, body) {
            let id = answer["id"].as_i64().or(answer["turn"]["id"].as_i64()).unwrap_or_else(|| panic!("no id in {answer}"));
            assert_eq!(*known.entry(n).or_insert(id), id, "the same request is the same thing");
        }
    }
}

fn part(n: usize) -> Value {
    json!({ "title": format!("Part {n}"), "project": "instant", "status": "todo", "client_id": format!("part-{n}") })
}

fn tickets(fault: Fault) {
    let mut live = Live::prepare(2, &[agent("instant")], "every = \"1s\"");
    let wanted: Vec<Value> = (0..4).map(part).collect();
    let mut known = BTreeMap::new();
    if fault.point == Point::LaunchVoided {
        // There is something to void where a server died before.
        let mut before = Stage::set(live, Fault { point: Point::LaunchTaken, nth: 1, kind: "kill9" });
        ask_all(&before, "/api/v1/tickets", &wanted[..1], &mut BTreeMap::new());
        before.live.dies();
        live = before.live;
        live.run(&["token", "revoke", "tester"]);
    }
    let mut stage = Stage::set(live, fault);
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    stage.strike();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    let live = &stage.live;
    assert_eq!(known.len(), wanted.len());
    let tickets: BTreeSet<i64> = live.all("select id from tickets").into_iter().collect();
    assert_eq!(tickets.len(), wanted.len(), "none is lost, none is doubled");
    for id in tickets {
        live.stands(id, "done");
        let runs: Vec<String> = live.all(&format!("select state || ' ' || reason from runs where ticket_id = {id}"));
        assert_eq!(runs, ["finished new"], "{}", fault.said());
        assert_eq!(live.starts_of(id).len(), 1, "one agent, {}", fault.said());
        assert_eq!(live.comments(id, "result").len(), 1);
    }
    let kept: Vec<PathBuf> = live.run_dirs().iter().map(|d| d.file("spec.json")).filter(|p| p.exists()).collect();
    assert!(kept.is_empty(), "an agent's environment stays behind: {kept:?}");
    live.check();
}

#[test]
fn tickets_are_done_once_wherever_the_server_is_killed() {
    each(&faults(Story::Tickets, "kill9"), tickets);
}

#[test]
fn tickets_are_done_once_whatever_fails_once() {
    // A server that cannot write while it starts does not come up, and says why.
    let at_start = |f: &Fault| f.point == Point::CommitReady && f.nth <= 4;
    let mut faults: Vec<Fault> = faults(Story::Tickets, "err").into_iter().filter(|f| !at_start(f)).collect();
    faults.extend(faults.clone().into_iter().map(|f| Fault { kind: "panic", ..f }));
    each(&faults, tickets);
}

#[test]
fn a_shim_killed_with_its_agent_just_started_leaves_no_second_agent() {
    each(&faults(Story::Shim, "kill9"), |fault| {
        // It talks for longer than its shim's death can stay unnoticed.
        let talker = agent("talker").named("instant").env("TALK_LINES", 100).env("TALK_PAUSE_MS", 50).with("retry_limit = 50");
        let live = Live::prepare(2, &[talker], "");
        let mut stage = Stage::set(live, fault);
        let id = stage.ask("/api/v1/tickets", &part(0)).expect("an answer")["id"].as_i64().expect("an id");
        until("a shim that is gone", || {
            let begun = |dir: &RunDir| dir.file("started").exists() && dir.file("lock").exists() && !dir.is_alive();
            stage.live.run_dirs().iter().find(|dir| begun(dir) && dir.exit().is_none()).map(|_| ())
        });
        stage.live.kill9();
        stage.live.without("MC_FAULT");
        stage.live.boot();
        stage.live.stands(id, "done");
        let states: Vec<String> = stage.live.all("select state || ' ' || coalesce(failure_code, '-') from runs order by id");
        let (last, lost) = states.split_last().expect("runs");
        assert_eq!(last, "finished -");
        assert!(!lost.is_empty() && lost.iter().all(|s| s == "lost vanished"), "{states:?}");
        assert_eq!(stage.live.comments(id, "result").len(), 1);
    });
}

fn luci(fault: Fault) {
    let live = Live::prepare(0, &[], "");
    let state = live.root().join("demo-state").display().to_string();
    let config = format!(
        "[pickup]\nmax_workers = 0\nevery = \"1s\"\n[orchestrator]\nprofile = \"fast\"\ndriver = \"headless\"\n\
         [profiles.fast]\nruntime = \"demo\"\nenv = {{ MC_DEMO_PACE_MS = \"20\", MC_DEMO_STATE = {state:?} }}\n"
    );
    fs::write(live.root().join("config.toml"), config).expect("a configuration");
    let mut stage = Stage::set(live, fault);
    let said = [json!({ "message": "How are things?", "client_id": "hello" })];
    let reports = [
        ("probe", "failed: no route", "normal"),
        ("disk", "failed: nearly full", "critical"),
        ("feeds", "ok: nothing new", "low"),
        ("feeds", "ok: nothing new again", "low"),
    ];
    let report = |(n, (about, words, priority)): (usize, (&str, &str, &str))| json!({ "source_type": "api", "source_id": about, "message": words, "priority": priority, "client_id": format!("report-{n}") });
    let reports: Vec<Value> = reports.into_iter().enumerate().map(report).collect();
    let (mut turns, mut items) = (BTreeMap::new(), BTreeMap::new());
    ask_all(&stage, "/api/v1/persistent_luci/send", &said, &mut turns);
    ask_all(&stage, "/api/v1/orchestrator_inbox", &reports, &mut items);
    stage.strike();
    ask_all(&stage, "/api/v1/persistent_luci/send", &said, &mut turns);
    ask_all(&stage, "/api/v1/orchestrator_inbox", &reports, &mut items);
    let live = &stage.live;
    until("all items decided", || {
        let _again = live.try_json("/api/v1/tick/drain", &json!({}));
        let left: i64 = live.one("select count(*) from orchestrator_inbox where status in ('pending', 'claimed')");
        (left == 0).then_some(())
    });
    until("the person's answer", || {
        let states: Vec<String> = live.all("select state from turns where origin = 'human'");
        (states == ["answered"]).then_some(())
    });
    let there: Vec<i64> = live.all("select id from orchestrator_inbox order by id");
    assert_eq!(there, items.values().copied().collect::<Vec<_>>(), "none is lost, none is doubled");
    let decided: Vec<i64> =
        live.all("select item_id from digest_items where decision in ('processed', 'ignored') order by item_id");
    assert_eq!(decided, there, "each is decided once");
    // What could not be done by itself waits for the owner; nothing is done twice.
    let failed = fault.kind == "err" && fault.point == Point::ActionPerformed;
    let states: Vec<String> = live.all("select state from proposals where kind = 'notify'");
    assert_eq!(states, [if failed { "open" } else { "applied" }]);
    let notices: i64 = live.one("select count(*) from notifications where key like 'notify:%'");
    assert_eq!(notices, i64::from(!failed), "done once");
    live.check();
}

#[test]
fn reports_and_messages_reach_luci_once_wherever_the_server_is_killed() {
    each(&faults(Story::Luci, "kill9"), luci);
}

#[test]
fn reports_and_messages_reach_luci_once_whatever_fails_once() {
    each(&[faults(Story::Luci, "err"), faults(Story::Luci, "panic")].concat(), luci);
}

fn telegram(fault: Fault) {
    let stub = TelegramStub::start();
    let mut live = Live::prepare(2, &[agent("review")], "");
    let path = live.root().join("config.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    let section = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\napi_url = \"{}\"\nchats = [{CHAT}]\n", stub.url());
    fs::write(&path, text + &section).expect("the configuration");
    live.variable("TELEGRAM_BOT_TOKEN", TOKEN);
    let mut stage = Stage::set(live, fault);
    let wanted = [json!({ "title": "Look", "project": "review", "status": "todo", "client_id": "look" })];
    let mut known = BTreeMap::new();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    stub.says(CHAT, "Mend the upload");
    stage.strike();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    let live = &stage.live;
    if fault.kind != "kill9" && fault.point == Point::UpdateActed {
        // What went wrong inside is told to whoever wrote, who says it again.
        until("words of regret", || stub.messages().iter().any(|m| m.text.contains("did not work")).then_some(()));
        stub.says(CHAT, "Mend the upload");
    }
    live.stands(known[&0], "in_review");
    until("the second ticket", || (live.one::<i64>("select count(*) from tickets") == 2).then_some(()));
    until("all notices sent", || {
        let states: Vec<String> = live.all("select state from notifications");
        (states.len() >= 2 && states.iter().all(|s| s == "sent")).then_some(())
    });
    assert_eq!(live.all::<String>("select title from tickets order by title"), ["Look", "Mend the upload"]);
    assert_eq!(live.one::<i64>("select count(*) from notifications where key like 'needs:%'"), 1);
    // What is there twice is the same to the letter, mark and all.
    let texts: BTreeSet<String> = stub.messages().into_iter().map(|m| m.text).collect();
    assert_eq!(texts.len() as i64, live.one::<i64>("select count(*) from notifications"), "{texts:?}");
    live.check();
}

#[test]
fn notices_go_out_and_words_come_in_wherever_the_server_is_killed() {
    each(&faults(Story::Telegram, "kill9"), telegram);
}

#[test]
fn notices_go_out_and_words_come_in_whatever_fails_once() {
    each(&[faults(Story::Telegram, "err"), faults(Story::Telegram, "panic")].concat(), telegram);
}

fn task(fault: Fault) {
    let live = Live::prepare(1, &[agent("instant")], "");
    let tasks = live.root().join("workspace/tasks");
    fs::create_dir_all(&tasks).expect("a folder");
    let text = "---\nschedule: \"0 0 1 1 *\"\ncommand: [\"sh\", \"-c\", \"echo ran >> ran\"]\n---\n";
    fs::write(tasks.join("t.md"), text).expect("written");
    let mut stage = Stage::set(live, fault);
    until("the task", || stage.live.try_get("/api/v1/tasks").filter(|a| a.body.contains("\"t\"")));
    let due = SystemClock::new().now().0 - 1_500;
    let other = Connection::open(stage.live.database()).expect("another program");
    other.busy_timeout(Duration::from_secs(10)).expect("a time-out");
    other.execute("update tasks set next_due_at = ?1", [due]).expect("its time has come");
    drop(other);
    let _begun = stage.ask("/api/v1/tick/scheduler", &json!({}));
    stage.strike();
    let live = &stage.live;
    until("the run's end", || {
        let states: Vec<String> = live.all("select state from task_runs");
        (states == ["ok"]).then_some(())
    });
    assert_eq!(live.all::<i64>("select due_at from task_runs"), [due], "one row for its due time");
    assert!(live.one::<i64>("select next_due_at from tasks") > due);
    assert_eq!(fs::read_to_string(live.root().join("workspace/ran")).expect("it ran"), "ran\n", "once");
    assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox"), 1, "its outcome is told once");
    live.check();
}

#[test]
fn a_due_time_has_one_row_and_one_run_wherever_the_server_is_killed() {
    each(&faults(Story::Task, "kill9"), task);
}

#[test]
fn a_due_time_has_one_row_and_one_run_whatever_fails_once() {
    each(&[faults(Story::Task, "err"), faults(Story::Task, "panic")].concat(), task);
}

/// Items as they were posted long ago, and some of today.
fn with_old_items() -> Live {
    let mut live = Live::start(1, &[agent("instant")]);
    live.terminate();
    let conn = Connection::open(live.database()).expect("opens");
    let insert = "insert into orchestrator_inbox (source_type, message, status, created_at, processed_at)
                  with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
                  select 'api', hex(zeroblob(600)), ?2, datetime('now', ?3), datetime('now', ?3) from n";
    conn.execute(insert, (2_500, "ignored", "-8 days")).expect("written");
    conn.execute(insert, (5, "processed", "-1 days")).expect("written");
    conn.execute("update orchestrator_inbox set status = 'pending', processed_at = null where id % 500 = 0", [])
        .expect("written");
    live
}

#[test]
fn retention_deletes_what_is_old_and_nothing_else_wherever_it_is_killed() {
    for fault in faults(Story::Housekeeping, "kill9").into_iter().flat_map(|f| [f, Fault { nth: 3, ..f }]) {
        let live = with_old_items();
        let killed = live.command(&["tick", "housekeeping"]).env("MC_FAULT", fault.said()).output().expect("it starts");
        assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
        live.check();
        let left: i64 = live.one("select count(*) from orchestrator_inbox");
        assert!(left >= 505, "what was deleted before is gone, the rest is there: {left}");
        let done = live.run(&["tick", "housekeeping"]);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox where status = 'pending'"), 5);
        assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox"), 10);
    }
}

#[test]
fn a_backup_that_is_cut_off_is_no_backup_and_the_next_one_is() {
    for fault in faults(Story::Backup, "kill9") {
        let mut live = with_old_items();
        live.boot();
        let file = live.root().join("copy.db");
        let backup = || live.command(&["backup", file.to_str().expect("plain text")]);
        let killed = backup().env("MC_FAULT", fault.said()).output().expect("it starts");
        assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
        assert!(!file.exists(), "half a copy must not pass for a backup");
        let other = fs::File::open(live.root().join(".copy.db.part")).expect("what it wrote so far");
        other.lock().expect("as another backup would");
        assert_eq!(backup().output().expect("it starts").status.code(), Some(3), "two do not write one file");
        drop(other);
        let done = backup().output().expect("it starts");
        assert!(done.status.success(), "{done:?}");
        let copy = Connection::open(&file).expect("opens");
        let whole: String = copy.query_row("pragma integrity_check", [], |r| r.get(0)).expect("readable");
        let items: i64 = copy.query_row("select count(*) from orchestrator_inbox", [], |r| r.get(0)).expect("readable");
        assert_eq!((whole.as_str(), items), ("ok", 2_505));
        let again = backup().output().expect("it starts");
        assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("already"), "{again:?}");
        let left: Vec<String> = fs::read_dir(live.root())
            .expect("a folder")
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|n| n.contains(".part"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The migrations, in order.
fn migrations() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(dir).expect("migrations").flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| fs::read_to_string(f).expect("readable")).collect()
}

/// Names of a schema's tables, but for those behind the search.
fn tables(conn: &Connection) -> Vec<String> {
    let sql =
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite_stat%' and name not like 'tickets_text%'";
    names(conn, sql)
}

fn names(conn: &Connection, sql: &str) -> Vec<String> {
    let mut stmt = conn.prepare(sql).expect("a query");
    let rows = stmt.query_map([], |r| r.get(0)).expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("rows")
}

/// Takes a database back to a former schema: made anew by the first migrations, with all rows that it knew already.
fn take_back(live: &Live, version: usize, steps: &[String]) {
    let former = live.root().join("former.db");
    let conn = Connection::open(&former).expect("opens");
    for step in &steps[..version] {
        conn.execute_batch(step).expect("a migration");
    }
    // Counters and the search were kept when the rows were written; they come over as they stand.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).expect("triggers are off");
    conn.pragma_update(None, "foreign_keys", false).expect("off");
    conn.execute("attach ?1 as now", [live.database().display().to_string()]).expect("attached");
    for table in tables(&conn) {
        let columns = |schema: &str| names(&conn, &format!("select name from pragma_table_info('{table}', '{schema}')"));
        let now = columns("now");
        let both: Vec<String> = columns("main").into_iter().filter(|c| now.contains(c)).collect();
        let both = both.join(", ");
        conn.execute_batch(&format!(
            "delete from main.{table}; insert into main.{table} ({both}) select {both} from now.{table};"
        ))
        .expect("copied");
    }
    conn.execute_batch("insert into tickets_text (tickets_text) values ('rebuild'); detach now;").expect("the search");
    conn.pragma_update(None, "user_version", i64::try_from(version).expect("few")).expect("written");
    conn.close().expect("written");
    for end in ["-wal", "-shm"] {
        let _none = fs::remove_file(format!("{}{end}", live.database().display()));
    }
    fs::rename(former, live.database()).expect("in its place");
}

#[test]
fn every_former_version_with_a_live_run_is_upgraded_wherever_that_is_killed() {
    let steps = migrations();
    each(&upgrades(steps.len()), |fault| {
        let version = steps.len() - usize::try_from(fault.nth).expect("few");
        let talker = agent("talker").env("TALK_LINES", 120).env("TALK_PAUSE_MS", 20);
        let mut live = Live::start(2, &[talker]);
        let id = live.now("talker", "Say all the lines");
        live.says(id, "line 5\"");
        live.kill9();
        take_back(&live, version, &steps);
        live.variable("MC_FAULT", &fault.said());
        live.spawn();
        live.dies();
        assert!(live.log().contains("the fault at migrating strikes"));
        live.without("MC_FAULT");
        live.boot();
        live.stands(id, "done");
        let lines = format!("select count(*) from ticket_events where ticket_id = {id} and content like 'line %'");
        assert_eq!(live.one::<i64>(&lines), 120, "its worker never noticed");
        assert_eq!(live.starts_of(id).len(), 1);
        let found = "select rowid from tickets_text where tickets_text match 'sa* lines*'";
        assert_eq!(live.one::<i64>(found).to_string(), id.to_string(), "and it can be looked for");
        live.check();
    });
}

/// One for each former version that somebody may have; its number is how many migrations that version lacks.
fn upgrades(steps: usize) -> Vec<Fault> {
    let one = faults(Story::Upgrade, "kill9");
    (1..steps as u64).flat_map(|left| one.iter().map(move |f| Fault { nth: left, ..*f })).collect()
}
