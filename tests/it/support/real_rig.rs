//! A whole Mission Control for one test of the real Claude Code: server process, repository, model stub, and what can
//! be seen of them from outside.

use crate::support::model_stub::{ModelStub, script};
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may choose.
pub struct Wishes {
    /// How often the agent itself asks the model's service again.
    pub max_retries: u32,
    /// How often Mission Control starts it again.
    pub retry_limit: u32,
    /// The repository has a remote that is one commit behind.
    pub remote: bool,
    /// How long the agent may say nothing.
    pub silence: &'static str,
    /// It logs in as a subscriber does, not by an API key.
    pub subscriber: bool,
    /// Lines of `[orchestrator]`.
    pub orchestrator: &'static str,
    /// tmux is not on the server's PATH.
    pub without_tmux: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes {
            max_retries: 1,
            retry_limit: 1,
            remote: false,
            silence: "5m",
            subscriber: false,
            orchestrator: "",
            without_tmux: false,
        }
    }
}

/// A run's row, as far as the tests look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub id: i64,
    pub reason: String,
    pub state: String,
    pub verdict: Option<String>,
    pub failure: Option<String>,
    pub session: Option<String>,
    pub resumed: bool,
    pub note: String,
    pub worktree: String,
    pub nonce: String,
}

/// An event's row.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub kind: String,
    pub tool: String,
    pub content: String,
    pub context: String,
    pub sub_agent: Option<String>,
    pub is_error: bool,
}

/// Everything of one test; nothing of it is left when it is dropped.
pub struct Rig {
    pub model: ModelStub,
    pub repo: PathBuf,
    pub home: PathBuf,
    name: String,
    data: PathBuf,
    server: Child,
    url: String,
    token: String,
    path: String,
    _root: tempfile::TempDir,
}

/// The path of the real program; none where these tests are not asked for, which is said aloud.
pub fn real_cli(test: &str) -> Option<String> {
    let found = std::env::var("MC_REAL_CLI").ok().filter(|p| !p.is_empty());
    if found.is_none() {
        // Not by a print macro: what a test that passes prints that way is never seen.
        let words = format!("SKIPPED: {test}: MC_REAL_CLI does not name a Claude Code (tests/real/run.sh installs one)\n");
        std::io::stderr().write_all(words.as_bytes()).expect("stderr is there");
    }
    found
}

impl Rig {
    /// None where there is no real program: then the test is skipped, aloud.
    pub fn start(test: &str, wishes: &Wishes) -> Option<Rig> {
        let cli = real_cli(test)?;
        let root = tempfile::tempdir().expect("a temporary folder");
        let at = root.path().canonicalize().expect("it is there");
        let (data, repo, home) = (at.join("data"), at.join("repo"), at.join("home"));
        for folder in [&data, &home.join(".claude")] {
            fs::create_dir_all(folder).expect("made");
        }
        repository(&repo, wishes.remote);
        let model = ModelStub::start();
        let config = config(&cli, &model.url(), &repo, &home, wishes);
        fs::write(data.join("config.toml"), config).expect("written");
        let path = if wishes.without_tmux { path_without_tmux(&at) } else { std::env::var("PATH").expect("there is a PATH") };
        let server = serve(&data, &home, &path);
        let name = test.replace(' ', "-");
        let (url, token) = (String::new(), String::new());
        let mut rig = Rig { model, repo, home, name, data, server, url, token, path, _root: root };
        rig.hear();
        Some(rig)
    }

    /// Waits for the server's word of itself.
    fn hear(&mut self) {
        let pid = json!(self.server.id());
        let word: Value = self.until("the server's word of itself", || {
            let word: Value = serde_json::from_str(&fs::read_to_string(self.data.join("local.json")).ok()?).ok()?;
            (word["pid"] == pid).then_some(word)
        });
        self.url = word["url"].as_str().expect("an address").to_owned();
        self.token = word["token"].as_str().expect("a token").to_owned();
    }

    pub fn kill_server(&mut self) {
        self.server.kill().expect("it lives");
        self.server.wait().expect("it is ours");
    }

    pub fn restart_server(&mut self) {
        self.server = serve(&self.data, &self.home, &self.path);
        self.hear();
    }

    /// Writes a ticket that is to start at once; its description is the model's script.
    pub fn ticket(&self, steps: &Value) -> i64 {
        let message = format!("Do as you are told #work\n{}", script(steps));
        let to = self.post("/composer", &[("message", &message), ("mode", "implement_now")]);
        to.rsplit_once("MC-").and_then(|(_, n)| n.parse().ok()).expect("it leads to the ticket")
    }

    pub fn reply(&self, ticket: i64, body: &str) {
        self.post(&format!("/tickets/MC-{ticket}/reply"), &[("body", body)]);
    }

    pub fn stop(&self, ticket: i64) {
        self.post(&format!("/tickets/MC-{ticket}/stop"), &[]);
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> String {
        let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        let response = agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_form(form.iter().copied())
            .expect("the server answers");
        assert_eq!(response.status().as_u16(), 303, "POST {path}");
        response.headers()["location"].to_str().expect("an address").to_owned()
    }

    /// Waits for what must come; says what the server had to say where it does not.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::new();
        while clock.mono_ms() < i64::try_from(PATIENCE.as_millis()).expect("a short time") {
            if let Some(found) = look() {
                return found;
            }
            pause(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        panic!("waited in vain for {what}\n{}\nserver: {log}", self.story());
    }

    /// As [`Rig::until`], for what may take long.
    pub fn until_patiently<T>(&self, what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::new();
        while clock.mono_ms() < i64::try_from(patience.saturating_sub(PATIENCE).as_millis()).expect("a short time") {
            if let Some(found) = look() {
                return found;
            }
            pause(Duration::from_millis(50));
        }
        self.until(what, look)
    }

    /// All turns: number, client id, message, state, response or error.
    pub fn turns(&self) -> Vec<(i64, Option<String>, String, String, String)> {
        let db = self.db();
        let sql =
            "select id, client_id, message, state, coalesce(response, error, '') from turns where origin = 'human' order by id";
        let mut stmt = db.prepare(sql).expect("readable");
        let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
        rows.expect("readable").map(|r| r.expect("a turn")).collect()
    }

    /// Waits until the ticket stands there.
    pub fn until_status(&self, ticket: i64, status: &str) {
        self.until(&format!("MC-{ticket} to be {status}"), || (self.status(ticket) == status).then_some(()));
    }

    pub fn status(&self, ticket: i64) -> String {
        self.one("select status from tickets where id = ?1", [ticket]).expect("the ticket is there")
    }

    /// The session the ticket goes on in.
    pub fn session(&self, ticket: i64) -> Option<String> {
        self.one::<Option<String>>("select session_id from tickets where id = ?1", [ticket]).flatten()
    }

    /// Reason and end of the profile's pause.
    pub fn pause(&self) -> Option<(String, Option<i64>)> {
        let db = self.db();
        let sql = "select reason, until from profile_pauses where profile = 'real'";
        db.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).optional().expect("readable")
    }

    /// One value from the database.
    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str, params: impl Params) -> Option<T> {
        self.db().query_row(sql, params, |r| r.get(0)).optional().expect("readable")
    }

    /// The ticket's runs, oldest first.
    pub fn runs(&self, ticket: i64) -> Vec<RunRow> {
        let db = self.db();
        let mut stmt = db
            .prepare(
                "select id, reason, state, verdict, failure_code, session_id, resumed, coalesce(note, ''), coalesce(worktree, ''),
                   nonce from runs where ticket_id = ?1 order by attempt",
            )
            .expect("readable");
        let rows = stmt.query_map([ticket], |r| {
            Ok(RunRow {
                id: r.get(0)?,
                reason: r.get(1)?,
                state: r.get(2)?,
                verdict: r.get(3)?,
                failure: r.get(4)?,
                session: r.get(5)?,
                resumed: r.get(6)?,
                note: r.get(7)?,
                worktree: r.get(8)?,
                nonce: r.get(9)?,
            })
        });
        rows.expect("readable").map(|r| r.expect("a run")).collect()
    }

    /// The ticket's newest run.
    pub fn last_run(&self, ticket: i64) -> RunRow {
        self.runs(ticket).pop().expect("it has a run")
    }

    /// The ticket's events, oldest first.
    pub fn events(&self, ticket: i64) -> Vec<EventRow> {
        let db = self.db();
        let sql = "select kind, coalesce(tool, ''), content, coalesce(context, ''), sub_agent, is_error
                   from ticket_events where ticket_id = ?1 order by seq";
        let mut stmt = db.prepare(sql).expect("readable");
        let rows = stmt.query_map([ticket], |r| {
            Ok(EventRow {
                kind: r.get(0)?,
                tool: r.get(1)?,
                content: r.get(2)?,
                context: r.get(3)?,
                sub_agent: r.get(4)?,
                is_error: r.get(5)?,
            })
        });
        rows.expect("readable").map(|r| r.expect("an event")).collect()
    }

    /// What stands on the ticket of this kind, oldest first.
    pub fn comments(&self, ticket: i64, kind: &str) -> Vec<String> {
        let db = self.db();
        let mut stmt = db.prepare("select body from comments where ticket_id = ?1 and kind = ?2 order by id").expect("readable");
        let rows = stmt.query_map(rusqlite::params![ticket, kind], |r| r.get(0)).expect("readable");
        rows.map(|r| r.expect("a comment")).collect()
    }

    /// Waits until the run's agent has called a tool that is now at work, and returns the agent's process.
    pub fn until_in_tool(&self, run: i64, sign: &Path) -> i32 {
        self.until("the tool to be at work", || sign.exists().then_some(()));
        let dir = self.folder(run);
        self.until("the agent's process", || dir.pids()?.agent_pid)
    }

    /// What lives of a run.
    pub fn leftovers(&self, run: i64) -> Vec<i32> {
        stop::leftovers(&self.folder(run))
    }

    fn folder(&self, run: i64) -> RunDir {
        RunDir::open(Path::new(&self.one::<String>("select run_dir from runs where id = ?1", [run]).expect("it was launched")))
    }

    /// `git` in the repository, or in one of its worktrees.
    pub fn git(&self, at: &Path, args: &[&str]) -> String {
        git(at, args)
    }

    fn db(&self) -> Connection {
        Connection::open_with_flags(self.data.join("mc.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database is there")
    }

    /// All that is known of the tickets, for a person who looks at a failed test.
    fn story(&self) -> String {
        let mut all = String::new();
        let tickets: i64 = self.one("select count(*) from tickets", []).unwrap_or(0);
        for ticket in 1..=tickets {
            all.push_str(&format!("MC-{ticket} {} {:#?}\n", self.status(ticket), self.runs(ticket)));
            for e in self.events(ticket) {
                all.push_str(&format!(
                    "  {} {} {:?} {}\n",
                    e.kind,
                    e.tool,
                    e.content.chars().take(300).collect::<String>(),
                    e.context
                ));
            }
        }
        let turns: i64 = self.one("select count(*) from turns", []).unwrap_or(0);
        for id in 1..=turns {
            all.push_str(&format!("turn {id}: {:?}\n", self.turn(id)));
        }
        let session: Option<String> =
            self.one("select state || ' ' || driver || ' ' || coalesce(note, '') from sessions order by id desc", []);
        format!("{all}session: {session:?}, pause: {:?}", self.pause())
    }

    /// Keeps what the agents printed: the recordings in `tests/streams` are made so.
    fn record(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("made");
        for entry in fs::read_dir(self.data.join("workspace/logs")).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.ends_with("-stream.log") && entry.file_type().is_ok_and(|t| t.is_file()) {
                fs::copy(entry.path(), folder.join(format!("{}.{name}", self.name))).expect("copied");
            }
        }
    }

    /// A request to the JSON side: status and body; none where the server is not there.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let url = format!("{}/api/v1{path}", self.url);
        let bearer = format!("Bearer {}", self.token);
        let sent = match method {
            "GET" => agent.get(url).header("Authorization", bearer).call(),
            _ => agent.post(url).header("Authorization", bearer).send_json(body),
        };
        let mut response = sent.ok()?;
        let status = response.status().as_u16();
        Some((status, response.body_mut().read_json().ok()?))
    }

    /// Says something to Luci; returns the turn.
    pub fn say(&self, message: &str) -> i64 {
        let (status, body) = self.json("POST", "/persistent_luci/send", &json!({"message": message})).expect("an answer");
        assert_eq!(status, 202, "{body}");
        body["turn"]["id"].as_i64().expect("a turn")
    }

    /// A turn's state and its response or error.
    pub fn turn(&self, id: i64) -> (String, String) {
        let db = self.db();
        let sql = "select state, coalesce(response, error, '') from turns where id = ?1";
        db.query_row(sql, [id], |r| Ok((r.get(0)?, r.get(1)?))).expect("the turn is there")
    }

    /// Waits for a turn's answer.
    pub fn answer(&self, id: i64) -> String {
        let (state, text) = self.until(&format!("turn {id} to be over"), || {
            let turn = self.turn(id);
            ["answered", "failed", "cancelled"].contains(&turn.0.as_str()).then_some(turn)
        });
        assert_eq!(state, "answered", "turn {id}: {text}");
        text
    }

    /// Calls tmux on our own socket.
    pub fn tmux(&self, args: &[&str]) -> String {
        let socket = self.data.join("tmux.sock");
        let done = Command::new("tmux").arg("-S").arg(socket).args(args).output().expect("tmux is installed");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// All that the agent has kept of its conversations.
    pub fn transcripts(&self) -> String {
        let folders = fs::read_dir(self.home.join(".claude/projects")).into_iter().flatten().flatten();
        let files = folders.filter_map(|d| fs::read_dir(d.path()).ok()).flatten().flatten();
        files.filter_map(|f| fs::read_to_string(f.path()).ok()).collect()
    }

    /// The process of Luci's agent that works now, however she is kept.
    pub fn luci_pid(&self) -> Option<i32> {
        let (pid, dir): (Option<i32>, String) = self
            .db()
            .query_row("select pid, dir from sessions where state <> 'ended'", [], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()
            .expect("readable")?;
        let folders = fs::read_dir(Path::new(&dir).join("turns")).into_iter().flatten().flatten();
        pid.or_else(|| folders.map(|e| RunDir::open(&e.path())).find(RunDir::is_alive)?.pids()?.agent_pid)
    }

    /// Ends whatever still runs, and returns what could not be ended.
    fn end(&mut self) -> Vec<String> {
        let _ = nix::sys::signal::kill(pid(&self.server), nix::sys::signal::Signal::SIGTERM);
        let _ = self.server.wait();
        let mut left = Vec::new();
        if self.data.join("tmux.sock").exists() {
            self.tmux(&["kill-server"]);
        }
        let sessions = fs::read_dir(self.data.join("sessions")).into_iter().flatten().flatten();
        let turns = sessions.filter_map(|s| fs::read_dir(s.path().join("turns")).ok()).flatten().flatten();
        for entry in fs::read_dir(self.data.join("runs")).into_iter().flatten().flatten().chain(turns) {
            let dir = RunDir::open(&entry.path());
            if !stop::stop_run(&dir, Duration::from_millis(100)).verified {
                left.push(entry.path().display().to_string());
            }
        }
        left
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let left = self.end();
        if let Some(folder) = std::env::var_os("MC_REAL_RECORD") {
            self.record(Path::new(&folder));
        }
        assert!(left.is_empty() || std::thread::panicking(), "these runs could not be ended: {left:?}");
    }
}

fn pid(child: &Child) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"))
}

/// A folder with everything that is on PATH but tmux.
fn path_without_tmux(at: &Path) -> String {
    let bin = at.join("bin");
    fs::create_dir_all(&bin).expect("made");
    let path = std::env::var_os("PATH").expect("there is a PATH");
    for entry in std::env::split_paths(&path).filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        if entry.file_name() != "tmux" {
            // The first of a name wins, as on PATH itself.
            let _ = std::os::unix::fs::symlink(entry.path(), bin.join(entry.file_name()));
        }
    }
    bin.display().to_string()
}

fn serve(data: &Path, home: &Path, path: &str) -> Child {
    let log = File::options().create(true).append(true).open(data.join("server.log")).expect("made");
    Command::new(EXE)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("HOME", home)
        .env("PATH", path)
        .env("MC_LOG", "info")
        .env_remove("MC_REAL_CLI")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .process_group(0)
        .spawn()
        .expect("the server starts")
}

fn config(cli: &str, model: &str, repo: &Path, home: &Path, wishes: &Wishes) -> String {
    let login = if wishes.subscriber { "CLAUDE_CODE_OAUTH_TOKEN" } else { "ANTHROPIC_API_KEY" };
    let env = json!({
        "ANTHROPIC_BASE_URL": model, login: "dummy-local", "HOME": home, "CLAUDE_CONFIG_DIR": home.join(".claude"),
        "IS_SANDBOX": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": wishes.max_retries.to_string(),
    });
    let env: Vec<String> = env.as_object().expect("made so").iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let profile = |name: &str| {
        format!(
            "[profiles.{name}]\nruntime = \"claude\"\ncommand = [{}]\neffort = \"max\"\npermission_mode = \"bypassPermissions\"\n\
             retry_limit = {}\nexit_grace = \"20s\"\nsilence_limit = \"{}\"\nenv = {{ {} }}\n",
            json!(cli),
            wishes.retry_limit,
            wishes.silence,
            env.join(", ")
        )
    };
    format!(
        "[pickup]\nevery = \"1s\"\nretry_backoff = \"200ms\"\nstop_grace = \"2s\"\n[defaults]\nprofile = \"real\"\n\
         [[projects]]\nname = \"work\"\ncwd = {}\n\
         [orchestrator]\ndigests = false\n{}\n{}{}",
        json!(repo),
        wishes.orchestrator,
        profile("real"),
        profile("second"),
    )
}

/// A repository with one commit, or with a remote that knows only the first of two.
fn repository(at: &Path, remote: bool) {
    fs::create_dir_all(at).expect("made");
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["config", "user.name", "Ann"]);
    git(at, &["config", "user.email", "ann@example.org"]);
    let commit = |file: &str| {
        fs::write(at.join(file), "x\n").expect("written");
        git(at, &["add", "-A"]);
        git(at, &["commit", "-q", "-m", file]);
    };
    commit("first.txt");
    if remote {
        let far = at.with_extension("remote.git");
        git(at, &["init", "-q", "--bare", "-b", "main", far.to_str().expect("a plain path")]);
        git(at, &["remote", "add", "origin", far.to_str().expect("a plain path")]);
        git(at, &["push", "-q", "-u", "origin", "main"]);
        git(at, &["remote", "set-head", "origin", "main"]);
        commit("only-here.txt");
    }
}

fn git(at: &Path, args: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(at)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is installed");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
