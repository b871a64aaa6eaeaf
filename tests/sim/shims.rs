//! Shims and their agents, played: what they leave in the run folder and the raw log is what real ones leave there.

use crate::moment::Hands;
use crate::played::Outside;
use crate::step::{Word, one};
use mission_control::domain::run::{ExitCause, ExitRecord};
use mission_control::domain::time::Time;
use mission_control::drivers::supervise::process;
use mission_control::drivers::supervise::run_dir::{PidRecord, RunDir, RunSpec, Voided};
use mission_control::drivers::supervise::stop::Ended;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

/// The shims there are.
#[derive(Default)]
pub struct Shims {
    /// Spawned, and not yet begun.
    coming: Vec<RunDir>,
    pub live: Vec<Shim>,
    count: i32,
    /// How many had begun and how many lived when this was last asked.
    seen: (i32, usize),
    boot: String,
}

impl Shims {
    /// Whether a shim has begun or ended since this was last asked.
    pub fn changed(&mut self) -> bool {
        let now = (self.count, self.live.len());
        std::mem::replace(&mut self.seen, now) != now
    }
}

/// A shim that has begun, or what it left of its agent when it died.
pub struct Shim {
    pub dir: RunDir,
    pub spec: RunSpec,
    /// Held while the shim lives. Without it only the agent is left.
    lock: Option<File>,
    log: File,
    begun: i64,
    /// When output last came.
    heard: i64,
    asked: Option<i64>,
    session: String,
    inited: bool,
    half: bool,
    lines: u32,
}

impl Shim {
    pub fn is_task(&self) -> bool {
        self.spec.ticket.starts_with("task ")
    }

    /// Whether it speaks the agents' language: a command only prints.
    fn is_agent(&self) -> bool {
        !self.is_task() || self.spec.argv.iter().any(|a| a == "demo-agent")
    }

    fn print(&mut self, text: &str, now: i64) {
        // A log that was removed is written to all the same, where nobody will look.
        self.log.write_all(text.as_bytes()).expect("the log can be written");
        (self.heard, self.half) = (now, !text.ends_with('\n'));
    }

    fn line(&mut self, line: &Value, now: i64) {
        let end = if self.half { "\n" } else { "" };
        self.print(&format!("{end}{line}\n"), now);
        self.lines += 1;
    }

    fn init(&mut self, now: i64) {
        self.inited = true;
        let line = json!({"type": "system", "subtype": "init", "cwd": self.spec.cwd, "session_id": self.session,
            "tools": ["Bash"], "model": "played", "permissionMode": "default", "claude_code_version": "2.1.330"});
        self.line(&line, now);
    }

    fn says(&mut self, content: Value, now: i64) {
        let line = json!({"type": "assistant", "parent_tool_use_id": null, "session_id": self.session, "message": {
            "id": format!("msg_{}", self.lines), "type": "message", "role": "assistant", "content": [content],
            "usage": {"input_tokens": 10, "output_tokens": 1}}});
        self.line(&line, now);
    }

    fn tool(&mut self, now: i64) {
        let id = format!("toolu_{}", self.lines);
        self.says(json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "true"}}), now);
        let result = json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
        let line = json!({"type": "user", "parent_tool_use_id": null, "session_id": self.session,
            "message": {"role": "user", "content": [result]}});
        self.line(&line, now);
    }

    fn result(&mut self, text: &str, now: i64) {
        self.says(json!({"type": "text", "text": text}), now);
        let line = json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": 1, "result": text,
            "session_id": self.session, "total_cost_usd": 0.01, "usage": {"input_tokens": 10, "output_tokens": 1}});
        self.line(&line, now);
    }

    fn trouble(&mut self, status: i64, text: &str, now: i64) {
        let line = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": status,
            "result": text, "session_id": self.session, "num_turns": 1});
        self.line(&line, now);
    }

    /// The nonce as it stands in the brief.
    fn sentinel(&self, verdict: &str) -> String {
        let brief = fs::read_to_string(self.dir.prompt()).unwrap_or_default();
        let nonce = brief.rsplit("\"nonce\":\"").next().and_then(|rest| rest.split('"').next()).unwrap_or("none");
        let ticket = &self.spec.ticket;
        json!({"mc_signal": verdict, "ticket": ticket, "nonce": nonce, "payload": "played"}).to_string()
    }
}

impl Outside {
    /// Something starts a shim.
    pub fn start_shim(&mut self, dir: &RunDir) -> io::Result<()> {
        if self.chance(4) {
            return Err(io::Error::other("no process to be had"));
        }
        if self.chance(6) {
            // It dies before it has done anything.
            return Ok(());
        }
        let late = self.chance(25);
        self.shims.coming.push(dir.clone());
        if !late {
            self.begin_one();
        }
        Ok(())
    }

    /// The shim that was spawned last begins.
    pub fn begin_one(&mut self) {
        let Some(dir) = self.shims.coming.pop() else { return };
        let Ok(spec) = dir.spec() else { return };
        assert!(!dir.is_alive(), "a second shim in {}", dir.path().display());
        let lock = dir.lock().expect("the lock is free");
        self.shims.count += 1;
        let pid = 1_900_000_000 + self.shims.count * 2;
        if !dir.begin(&format!("shim {pid}")).expect("the folder is there") {
            return;
        }
        if self.chance(4) {
            let why = Some("its program is not there".to_owned());
            leave(&dir, &spec, &self.hands, (ExitCause::SpawnFailed, None, None), why);
            return;
        }
        if self.shims.boot.is_empty() {
            self.shims.boot = process::boot_id();
        }
        let boot = self.shims.boot.clone();
        let (agent_pid, agent_start) = (Some(pid + 1), Some(7));
        dir.set_pids(&PidRecord { shim_pid: pid, shim_start: 7, agent_pid, agent_start, pgid: agent_pid, boot })
            .expect("written");
        let log = OpenOptions::new().create(true).append(true).open(&spec.raw_log).expect("the log can be made");
        let word = |name: &str| spec.argv.iter().skip_while(|a| *a != name).nth(1).cloned();
        let session = word("--resume").or(word("--session-id")).unwrap_or_else(|| format!("s{pid}"));
        let now = self.hands.ticks();
        let shim = Shim {
            dir,
            spec,
            lock: Some(lock),
            log,
            begun: now,
            heard: now,
            asked: None,
            session,
            inited: false,
            half: false,
            lines: 0,
        };
        self.shims.live.push(shim);
    }

    pub fn ask_to_stop(&mut self, dir: &RunDir) -> bool {
        let (now, at_once) = (self.hands.ticks(), !self.chance(50));
        let Some(at) = self.shims.live.iter().position(|s| s.dir == *dir && s.lock.is_some()) else { return false };
        let shim = &mut self.shims.live[at];
        shim.asked = shim.asked.or(Some(now));
        if at_once {
            self.ends(at, (ExitCause::Stopped, None, Some(15)));
        }
        true
    }

    pub fn stop_run(&mut self, dir: &RunDir) -> Ended {
        if dir.void().is_ok_and(|v| v == Voided::Yes) {
            return Ended { strays: 0, verified: true };
        }
        let verified = !self.chance(10);
        if let Some(at) = self.shims.live.iter().position(|s| s.dir == *dir) {
            if self.shims.live[at].lock.is_some() {
                self.ends(at, (ExitCause::Stopped, None, Some(15)));
            } else if verified {
                self.shims.live.remove(at);
            }
        }
        Ended { strays: 0, verified }
    }

    /// Time has passed: limits are kept, and those who were asked to stop do.
    pub fn keep_limits(&mut self) {
        let now = self.hands.ticks();
        let over = |ms: u64, since: i64| ms > 0 && now - since >= i64::try_from(ms).unwrap_or(i64::MAX);
        for at in (0..self.shims.live.len()).rev() {
            let s = &self.shims.live[at];
            if s.lock.is_none() {
                continue;
            }
            if s.asked.is_some_and(|asked| over(s.spec.stop_grace_ms.max(1), asked)) {
                self.ends(at, (ExitCause::Stopped, None, Some(9)));
            } else if over(s.spec.wall_clock_ms, s.begun) {
                self.ends(at, (ExitCause::WallClock, None, Some(9)));
            } else if over(s.spec.silence_ms, s.heard) {
                self.ends(at, (ExitCause::Silence, None, Some(9)));
            }
        }
    }

    /// A shim sees its agent end, writes its last word and goes.
    fn ends(&mut self, at: usize, (cause, code, signal): (ExitCause, Option<i32>, Option<i32>)) {
        let shim = self.shims.live.remove(at);
        leave(&shim.dir, &shim.spec, &self.hands, (cause, code, signal), None);
    }

    /// Some agent says something, ends or dies.
    pub fn agent(&mut self, word: Word) {
        self.begin_one();
        if self.shims.live.is_empty() {
            return;
        }
        let at = self.dice.usize(..self.shims.live.len());
        self.acts(at, word);
    }

    fn acts(&mut self, at: usize, word: Word) {
        let (now, early) = (self.hands.ticks(), self.chance(10));
        let (pick, lingers) = (self.dice.u32(..), self.chance(25));
        let shim = &mut self.shims.live[at];
        let agent = shim.is_agent();
        if agent && !shim.inited && !early {
            shim.init(now);
        }
        match word {
            Word::Text if agent => shim.says(json!({"type": "text", "text": format!("line {}", shim.lines)}), now),
            Word::Tool if agent => shim.tool(now),
            Word::Text | Word::Tool => shim.print("a line of output\n", now),
            Word::Half => shim.print("{\"type\":\"assistant\",\"mess", now),
            Word::Garbage => shim.print(["\n", "\u{0}\n", "null\n", "{\"type\":7}\n", "\u{feff}{}\r\n"][pick as usize % 5], now),
            Word::Result if agent => {
                let verdict = ["DONE", "DONE", "DONE", "REVIEW", "QUESTION", ""][pick as usize % 6];
                let text = match (verdict, pick / 6 % 4) {
                    ("", _) => "I did this and that.".to_owned(),
                    (v, 0) => format!("All is said.\n\n{}", shim.sentinel(v)),
                    (v, 1) => format!("{v}: played\n{}", shim.sentinel("REVIEW")),
                    (v, _) => format!("{v}: played"),
                };
                if pick / 24 % 4 > 0 {
                    shim.tool(now);
                }
                shim.result(&text, now);
                if !lingers {
                    self.ends(at, (ExitCause::Exited, Some(0), None));
                }
            }
            Word::Trouble if agent => {
                let (status, text) = *one(
                    &mut self.dice,
                    &[
                        (429, "API Error: Request rejected (429) · resets in 2 minutes"),
                        (401, "Failed to authenticate. API Error: 401"),
                        (529, "API Error: 529 Overloaded"),
                        (400, "No conversation found with session ID: x"),
                    ],
                );
                shim.trouble(status, text, now);
                self.ends(at, (ExitCause::Exited, Some(1), None));
            }
            Word::Result | Word::Exit | Word::Trouble => {
                let how =
                    [(Some(0), None), (Some(0), None), (Some(1), None), (None, Some(9)), (Some(143), None), (Some(77), None)];
                let (code, signal) = how[pick as usize % how.len()];
                self.ends(at, (ExitCause::Exited, code, signal));
            }
            Word::Fork => {
                shim.session = format!("fork-{pick:08x}");
                shim.init(now);
            }
            Word::Report => {
                let kind = ["done", "review", "question", "comment", "evidence", "odd"][pick as usize % 6];
                let file = shim.dir.file(&format!("spool/{:06}-{pick:08x}.json", shim.lines));
                let report = json!({"kind": kind, "body": "played", "client_id": format!("c{}", pick % 3)});
                fs::write(file, report.to_string()).expect("spooled");
            }
            Word::ShimDies => {
                shim.lock = None;
                if pick % 2 == 0 {
                    // The kernel ends the agent with its shim.
                    self.shims.live.remove(at);
                }
            }
            Word::LogGone => {
                if !shim.is_task() {
                    let _gone = fs::remove_file(&shim.spec.raw_log);
                }
            }
        }
    }

    /// All come to their end in good order.
    pub fn finish_agents(&mut self) {
        while !self.shims.coming.is_empty() {
            self.begin_one();
        }
        let now = self.hands.ticks();
        for at in (0..self.shims.live.len()).rev() {
            let shim = &mut self.shims.live[at];
            if shim.lock.is_none() {
                continue;
            }
            if shim.is_agent() {
                if !shim.inited {
                    shim.init(now);
                }
                shim.tool(now);
                shim.result("DONE: it is done", now);
            }
            self.ends(at, (ExitCause::Exited, Some(0), None));
        }
    }
}

/// A shim's last word.
fn leave(dir: &RunDir, spec: &RunSpec, hands: &Hands, how: (ExitCause, Option<i32>, Option<i32>), text: Option<String>) {
    let now = Time(hands.wall());
    let log_bytes = fs::metadata(&spec.raw_log).map_or(0, |m| m.len());
    let (cause, exit_code, signal) = how;
    let record = ExitRecord { cause, exit_code, signal, text, started_at: now, ended_at: now, log_bytes, strays: 0 };
    fs::write(dir.file("exit.json"), serde_json::to_vec(&record).expect("JSON")).expect("written");
}
