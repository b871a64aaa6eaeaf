//! The real server as a process of its own: started, killed, started again, looked at from outside.

use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::Local;
use mission_control::drivers::supervise::run_dir::{MARKER, RunDir};
use mission_control::drivers::supervise::stop;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::{Connection, OpenFlags, types::FromSql};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

pub const EXE: &str = env!("CARGO_BIN_EXE_mission-control");
const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");

/// The longest anything may take, with two slow cores and everything else running beside it.
const PATIENCE_MS: i64 = 60_000;
/// Two fast looks apart.
const STEP: Duration = Duration::from_millis(4);

/// Waits for something that must come.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_ms(PATIENCE_MS, what, look)
}

/// As [`until`], with another patience.
pub fn until_ms<T>(patience: i64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        let late = clock.mono_ms() >= patience;
        if let Some(found) = look() {
            return found;
        }
        assert!(!late, "waited in vain for: {what}");
        pause(STEP);
    }
}

/// A repeatable source of numbers.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }
}

/// One profile with a scripted agent, and a project of the same name that uses it.
pub struct Agent {
    name: String,
    command: Vec<String>,
    env: BTreeMap<String, String>,
    more: String,
    cwd: Option<PathBuf>,
}

/// The scripted agent in this mode.
pub fn agent(mode: &str) -> Agent {
    // Not a wrapper that picks a version anew at each start.
    let python = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| Path::new(p).exists()).unwrap_or("python3");
    Agent {
        name: mode.to_owned(),
        command: [python, "-S", "-E", AGENT, mode].map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        more: String::new(),
        cwd: None,
    }
}

impl Agent {
    /// Under another name.
    pub fn named(mut self, name: &str) -> Agent {
        self.name = name.to_owned();
        self
    }

    /// Another program.
    pub fn command(mut self, command: &[&str]) -> Agent {
        self.command = command.iter().map(|s| (*s).to_owned()).collect();
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, key: &str, value: impl ToString) -> Agent {
        self.env.insert(key.to_owned(), value.to_string());
        self
    }

    /// A further line of its profile.
    pub fn with(mut self, line: &str) -> Agent {
        self.more.push_str(line);
        self.more.push('\n');
        self
    }

    /// Works there and not in the plain folder.
    pub fn cwd(mut self, cwd: &Path) -> Agent {
        self.cwd = Some(cwd.to_owned());
        self
    }
}

/// A server, its data, its agents. Nothing of it survives the test; what it leaves is checked.
pub struct Live {
    tmp: Option<tempfile::TempDir>,
    root: PathBuf,
    child: Option<Child>,
    local: Option<Local>,
    http: ureq::Agent,
    variables: Vec<(String, String)>,
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub body: String,
}

impl Live {
    /// A running server with these agents and so many slots.
    pub fn start(slots: usize, agents: &[Agent]) -> Live {
        Live::start_with(slots, agents, "")
    }

    /// As [`Live::start`], with more lines of `[pickup]`.
    pub fn start_with(slots: usize, agents: &[Agent], pickup: &str) -> Live {
        let mut live = Live::prepare(slots, agents, pickup);
        live.boot();
        live
    }

    /// Everything but the running server.
    pub fn prepare(slots: usize, agents: &[Agent], pickup: &str) -> Live {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().canonicalize().expect("it is there");
        fs::create_dir_all(root.join("workspace")).expect("a workspace");
        fs::write(root.join("workspace/README.md"), "plain\n").expect("a file");
        fs::create_dir_all(root.join("plain")).expect("a plain folder");
        let http = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(40)))
            .build()
            .into();
        let live = Live { tmp: Some(tmp), root, child: None, local: None, http, variables: Vec::new() };
        live.configure(slots, agents, pickup);
        live
    }

    /// Writes the configuration; in force from the next start.
    pub fn configure(&self, slots: usize, agents: &[Agent], pickup: &str) {
        let quote = |s: &str| serde_json::to_string(s).expect("plain text");
        let pickup =
            if pickup.contains("retry_backoff") { pickup.to_owned() } else { format!("retry_backoff = \"50ms\"\n{pickup}") };
        let mut text = format!("[pickup]\nmax_workers = {slots}\nstop_grace = \"300ms\"\n{pickup}\n");
        // What these agents report is not brought to Luci, who would run on the first of them.
        text += "[orchestrator]\ndigests = false\n";
        if let Some(first) = agents.first() {
            text += &format!("[defaults]\nprofile = {}\n", quote(&first.name));
        }
        for a in agents {
            let mut env = a.env.clone();
            env.entry("AGENT_RECORD".to_owned()).or_insert_with(|| self.root.join("record").display().to_string());
            let env: Vec<String> = env.iter().map(|(k, v)| format!("{k} = {}", quote(v))).collect();
            let command: Vec<String> = a.command.iter().map(|c| quote(c)).collect();
            text += &format!("[profiles.{}]\nruntime = \"claude\"\ncommand = [{}]\n", a.name, command.join(", "));
            text += &format!("env = {{ {} }}\n{}", env.join(", "), a.more);
            if !a.more.contains("concurrency") {
                text += "concurrency = 64\n";
            }
        }
        for a in agents {
            let cwd = a.cwd.clone().unwrap_or_else(|| self.root.join("plain"));
            let (name, cwd) = (quote(&a.name), quote(&cwd.display().to_string()));
            text += &format!("[[projects]]\nname = {name}\nprofile = {name}\ncwd = {cwd}\n");
        }
        fs::write(self.root.join("config.toml"), text).expect("the configuration");
    }

    /// A variable of the server's own environment, from the next start on.
    pub fn variable(&mut self, key: &str, value: &str) {
        self.variables.push((key.to_owned(), value.to_owned()));
    }

    /// Takes a variable away again, from the next start on.
    #[cfg(feature = "faults")]
    pub fn without(&mut self, key: &str) {
        self.variables.retain(|(k, _)| k != key);
    }

    /// Where everything of this test is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("mc.db")
    }

    /// A repository with one commit, to be used as a project's folder.
    pub fn repository(root: &Path) -> PathBuf {
        let repo = root.join("repo");
        fs::create_dir_all(&repo).expect("a folder");
        fs::write(repo.join("readme.txt"), "hello\n").expect("a file");
        for args in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["config", "user.name", "Test"],
            &["config", "user.email", "test@localhost"],
            &["add", "--all"],
            &["-c", "commit.gpgsign=false", "commit", "--quiet", "--message=first"],
        ] {
            let done = Command::new("git").args(args).current_dir(&repo).output().expect("git is there");
            assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        repo
    }

    /// A command of the program on this data folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(EXE);
        command
            .args(args)
            .arg("--data")
            .arg(self.data())
            .arg("--workspace")
            .arg(self.root.join("workspace"))
            .arg("--config")
            .arg(self.root.join("config.toml"))
            .stdin(Stdio::null());
        for name in ["MC_URL", "MC_TOKEN", "MC_TICKET", MARKER] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Starts the server process, without waiting for anything.
    pub fn spawn(&mut self) -> u32 {
        assert!(self.child.is_none(), "one at a time");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.root.join("server.log")).expect("a log");
        let out = log.try_clone().expect("a second handle");
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stdout(out).stderr(log).envs(self.variables.iter().map(|(k, v)| (k, v)));
        let child = command.spawn().expect("the server starts");
        let pid = child.id();
        self.child = Some(child);
        pid
    }

    /// Waits until the server that was spawned says where it is.
    pub fn wait_ready(&mut self) {
        assert!(self.comes_up(), "the server ended at once\n{}", tail(&self.root));
    }

    /// As [`Live::wait_ready`]; false where it has ended instead.
    pub fn comes_up(&mut self) -> bool {
        let path = self.data().join("local.json");
        let pid = self.pid();
        let found = until("the server's address", || {
            if self.is_over() {
                return Some(None);
            }
            let local: Local = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
            (local.pid == pid).then_some(Some(local))
        });
        self.local = found;
        self.local.is_some()
            && until("the server's answer", || match self.try_get("/api/v1/health") {
                Some(answer) => (answer.status == 200).then_some(true),
                None => self.is_over().then_some(false),
            })
    }

    pub fn boot(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// `kill -9`, and nothing of it is left.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        self.local = None;
    }

    /// Waits until the server has ended by itself.
    pub fn ends(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let status = until("the server's end", || child.try_wait().expect("it can be asked"));
        self.local = None;
        status
    }

    /// Waits until the server has died by SIGKILL, as something inside it wanted.
    pub fn dies(&mut self) {
        let status = self.ends();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "{status}\n{}", tail(&self.root));
    }

    pub fn restart(&mut self) {
        self.kill9();
        self.boot();
    }

    /// Whether the server has ended by itself.
    pub fn is_over(&mut self) -> bool {
        self.child.as_mut().is_none_or(|c| c.try_wait().expect("it can be asked").is_some())
    }

    /// Whether it said where it is, and was not seen to end.
    #[cfg(feature = "faults")]
    pub fn is_up(&self) -> bool {
        self.local.is_some()
    }

    /// A server that has ended by itself is over with.
    pub fn forget(&mut self) {
        if self.is_over() {
            self.child = None;
            self.local = None;
        }
    }

    /// SIGTERM; the exit status and the milliseconds it took.
    pub fn terminate(&mut self) -> (ExitStatus, i64) {
        let mut child = self.child.take().expect("it runs");
        let clock = SystemClock::new();
        signal(child.id(), Signal::SIGTERM);
        let status = until_ms(20_000, "the server's end after SIGTERM", || child.try_wait().expect("it can be asked"));
        self.local = None;
        (status, clock.mono_ms())
    }

    /// One pickup through the command line; the server does it where one runs.
    pub fn tick(&self) {
        let out = self.run(&["tick", "pickup"]);
        assert!(out.status.success(), "tick: {}", String::from_utf8_lossy(&out.stderr));
    }

    pub fn url(&self) -> &str {
        &self.local.as_ref().expect("it runs").url
    }

    pub fn token(&self) -> &str {
        &self.local.as_ref().expect("it runs").token
    }

    /// A POST of a form; none where no answer came.
    pub fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Option<Answer> {
        let sent = self
            .http
            .post(format!("{}{path}", self.url()))
            .header("Authorization", format!("Bearer {}", self.token()))
            .send_form(form.iter().copied());
        answer(sent)
    }

    /// A POST of JSON; none where no answer came.
    pub fn try_json(&self, path: &str, body: &Value) -> Option<Answer> {
        self.try_json_as(self.token(), path, body)
    }

    /// As [`Live::try_json`], with another token.
    pub fn try_json_as(&self, token: &str, path: &str, body: &Value) -> Option<Answer> {
        let sent =
            self.http.post(format!("{}{path}", self.url())).header("Authorization", format!("Bearer {token}")).send_json(body);
        answer(sent)
    }

    pub fn try_get(&self, path: &str) -> Option<Answer> {
        let got =
            self.http.get(format!("{}{path}", self.url())).header("Authorization", format!("Bearer {}", self.token())).call();
        answer(got)
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form).expect("an answer")
    }

    /// A new ticket for an agent; it starts as soon as it can. Its number.
    pub fn now(&self, agent: &str, message: &str) -> i64 {
        self.try_now(agent, message).expect("the ticket is made")
    }

    /// As [`Live::now`]; none where that is not known to have been done.
    pub fn try_now(&self, agent: &str, message: &str) -> Option<i64> {
        let answer = self.try_post("/composer", &[("message", message), ("mode", "implement_now"), ("project", agent)])?;
        assert_eq!(answer.status, 303, "{}", answer.body);
        Some(number(&answer.location))
    }

    /// A new ticket in todo. Its number.
    pub fn todo(&self, agent: &str, message: &str) -> i64 {
        let answer = self.post("/composer", &[("message", message), ("mode", "quick_ticket"), ("project", agent)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let id = number(&answer.location);
        self.move_to(id, "todo");
        id
    }

    pub fn move_to(&self, id: i64, status: &str) {
        let answer = self.post(&format!("/tickets/MC-{id}/move"), &[("status", status)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    pub fn reply(&self, id: i64, words: &str) {
        let answer = self.post(&format!("/tickets/MC-{id}/reply"), &[("body", words)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    pub fn stop(&self, id: i64) {
        let answer = self.post(&format!("/tickets/MC-{id}/stop"), &[]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    /// As [`Live::stop`], where something runs.
    pub fn stop_if_live(&self, id: i64) {
        let answer = self.post(&format!("/tickets/MC-{id}/stop"), &[]);
        assert!(matches!(answer.status, 303 | 409), "{}", answer.body);
    }

    /// The database, read from this process.
    pub fn rows(&self) -> Connection {
        let conn = Connection::open_with_flags(self.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens");
        conn.busy_timeout(Duration::from_secs(10)).expect("a time-out is set");
        conn
    }

    /// One value.
    pub fn one<T: FromSql>(&self, sql: &str) -> T {
        self.rows().query_row(sql, [], |r| r.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// One column.
    pub fn all<T: FromSql>(&self, sql: &str) -> Vec<T> {
        let conn = self.rows();
        let mut stmt = conn.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let rows = stmt.query_map([], |r| r.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.collect::<rusqlite::Result<_>>().unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    pub fn status(&self, id: i64) -> String {
        self.one(&format!("select status from tickets where id = {id}"))
    }

    /// Waits until the ticket stands there.
    pub fn stands(&self, id: i64, status: &str) {
        let mut seen = String::new();
        let conn = self.rows();
        until(&format!("MC-{id} in {status}; server: {}", self.root.display()), || {
            seen = conn.query_row("select status from tickets where id = ?1", [id], |r| r.get(0)).expect("the ticket is there");
            (seen == status).then_some(())
        });
    }

    /// The newest run of a ticket.
    pub fn run_of(&self, id: i64) -> RunRow {
        let conn = self.rows();
        conn.query_row(
            "select id, attempt, reason, state, coalesce(session_id, ''), coalesce(failure_code, ''), coalesce(failure_text, ''),
               coalesce(note, ''), coalesce(run_dir, ''), coalesce(raw_log, ''), coalesce(verdict, ''), resumed, coalesce(worktree, '')
             from runs where ticket_id = ?1 order by attempt desc limit 1",
            [id],
            |r| {
                Ok(RunRow {
                    id: r.get(0)?,
                    attempt: r.get(1)?,
                    reason: r.get(2)?,
                    state: r.get(3)?,
                    session: r.get(4)?,
                    failure: r.get(5)?,
                    why: r.get(6)?,
                    note: r.get(7)?,
                    dir: r.get(8)?,
                    log: r.get(9)?,
                    verdict: r.get(10)?,
                    resumed: r.get(11)?,
                    worktree: r.get(12)?,
                })
            },
        )
        .expect("the ticket has a run")
    }

    /// A ticket's comments of a kind, oldest first.
    pub fn comments(&self, id: i64, kind: &str) -> Vec<String> {
        self.all(&format!("select body from comments where ticket_id = {id} and kind = '{kind}' order by id"))
    }

    /// Waits until the run's agent says so in its raw log.
    pub fn says(&self, id: i64, text: &str) -> RunRow {
        until(&format!("MC-{id} saying {text:?}"), || {
            let found: i64 = self.one(&format!("select count(*) from runs where ticket_id = {id}"));
            let run = (found > 0).then(|| self.run_of(id))?;
            let log = fs::read(&run.log).ok()?;
            String::from_utf8_lossy(&log).contains(text).then_some(run)
        })
    }

    /// Everything agents recorded of their starts.
    pub fn starts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.root.join("record")).unwrap_or_default();
        // A line that is still being written is none yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|l| serde_json::from_str(l).expect("a record")).collect()
    }

    /// The recorded starts of one ticket's agents.
    pub fn starts_of(&self, id: i64) -> Vec<Value> {
        let name = format!("MC-{id}");
        self.starts().into_iter().filter(|s| s["env"]["MC_TICKET"] == name.as_str()).collect()
    }

    /// The pid of the run's agent, once it runs.
    pub fn agent_pid(&self, run: &RunRow) -> u32 {
        let dir = RunDir::open(Path::new(&run.dir));
        until("the agent's pid", || u32::try_from(dir.pids()?.agent_pid?).ok())
    }

    /// Every process of a run of this server.
    pub fn workers(&self) -> Vec<i32> {
        self.run_dirs().iter().flat_map(stop::leftovers).collect()
    }

    pub fn run_dirs(&self) -> Vec<RunDir> {
        let Ok(entries) = fs::read_dir(self.data().join("runs")) else { return Vec::new() };
        entries.flatten().map(|e| RunDir::open(&e.path())).collect()
    }

    /// What the server said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join("server.log")).unwrap_or_default()
    }

    /// The invariants, by the command; the server may run.
    pub fn check(&self) {
        let out = self.run(&["check", "--json"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let found: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("check: {e}: {text} {}", String::from_utf8_lossy(&out.stderr)));
        assert_eq!(found["breaches"], serde_json::json!([]), "{}", tail(&self.root));
        assert!(out.status.success());
    }

    /// Leaves the data folder unchecked: the test has broken it on purpose.
    pub fn abandon(mut self) {
        self.end();
        self.tmp = None;
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), Signal::SIGTERM);
            let clock = SystemClock::new();
            while clock.mono_ms() < 10_000 && child.try_wait().is_ok_and(|s| s.is_none()) {
                pause(STEP);
            }
            let _gone = child.kill();
            let status = child.wait().expect("it can be waited for");
            let panics =
                |log: &str| log.lines().any(|l| l.contains("panicked at") && !l.contains("panicked at src/base/faults.rs"));
            let crashed = status.signal().is_some() || panics(&self.log());
            if !std::thread::panicking() {
                assert!(!crashed, "the server ended by {status}: {}", tail(&self.root));
            }
        }
        for dir in self.run_dirs() {
            let ended = stop::stop_run(&dir, Duration::from_millis(50));
            assert!(ended.verified || std::thread::panicking(), "{} cannot be ended", dir.path().display());
        }
    }
}

/// A run's row, as far as tests look at it.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub id: i64,
    pub attempt: i64,
    pub reason: String,
    pub state: String,
    pub session: String,
    pub failure: String,
    pub why: String,
    pub note: String,
    pub dir: String,
    pub log: String,
    pub verdict: String,
    pub resumed: bool,
    pub worktree: String,
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.tmp.is_none() {
            return;
        }
        self.end();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.root));
            if std::env::var_os("MC_KEEP").is_some()
                && let Some(tmp) = self.tmp.take()
            {
                eprintln!("kept: {}", tmp.keep().display());
            }
            return;
        }
        if self.database().exists() {
            self.check();
        }
        assert_eq!(self.workers(), [0; 0], "no process of a run is left");
    }
}

/// Sends a signal to a process that this test has started.
pub fn signal(pid: u32, signal: Signal) {
    let _gone = kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal);
}

fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = sent.ok()?;
    let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().ok()?;
    Some(Answer { status, location, body })
}

fn number(location: &str) -> i64 {
    location.rsplit("MC-").next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no ticket in {location:?}"))
}

/// The end of the server's log.
fn tail(root: &Path) -> String {
    let text = fs::read_to_string(root.join("server.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
