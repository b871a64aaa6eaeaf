//! The demo agent in a terminal: what is typed and pasted, what the hooks and the transcript say, how it leaves.

use crate::support::live_server::EXE;
use crate::support::wait::until;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

struct Terminal {
    tmp: tempfile::TempDir,
    child: Child,
    keyboard: File,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(tmp: tempfile::TempDir, flags: &[&str]) -> Terminal {
        let root = tmp.path().canonicalize().expect("it is there");
        let hook =
            json!([{"hooks": [{"type": "command", "command": format!("cat >> {0}/hooks; echo >> {0}/hooks", root.display())}]}]);
        let events = ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "StopFailure", "SessionEnd"];
        let hooks: serde_json::Map<String, Value> = events.iter().map(|e| ((*e).to_owned(), hook.clone())).collect();
        fs::write(root.join("settings.json"), json!({"hooks": hooks}).to_string()).expect("settings");
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let inner = || File::from(pty.slave.try_clone().expect("a second handle"));
        let child = Command::new(EXE)
            .args(["demo-agent", "--settings"])
            .arg(root.join("settings.json"))
            .args([
                "--model",
                "opus",
                "--effort",
                "max",
                "--append-system-prompt",
                "You are Luci",
                "--dangerously-skip-permissions",
            ])
            .args(flags)
            .current_dir(&root)
            .env("MC_DEMO_STATE", root.join("state"))
            .env("MC_DEMO_PACE_MS", "0")
            .env_remove("CLAUDE_CONFIG_DIR")
            .stdin(inner())
            .stdout(inner())
            .stderr(inner())
            .spawn()
            .expect("it starts");
        drop(pty.slave);
        let keyboard = File::from(pty.master);
        let mut screen = keyboard.try_clone().expect("a second handle");
        let seen = Arc::new(Mutex::new(String::new()));
        let shown = seen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose other side is closed reads as an error.
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                shown.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(&bytes[..n]));
            }
        });
        Terminal { tmp, child, keyboard, seen }
    }

    fn new() -> Terminal {
        let terminal = Terminal::open(tempfile::tempdir().expect("a folder"), &["--session-id", UUID]);
        terminal.shows("\x1b[?2004h");
        terminal.hook("SessionStart");
        terminal
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal is there");
    }

    fn pastes(&mut self, text: &str) {
        self.types(&format!("\x1b[200~{text}\x1b[201~"));
    }

    fn shows(&self, words: &str) {
        until(words, || self.seen.lock().expect("not poisoned").contains(words).then_some(()));
    }

    fn hooks(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.tmp.path().join("hooks")).unwrap_or_default();
        text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
    }

    /// The last payload of this event; waits for the first.
    fn hook(&self, event: &str) -> Value {
        until(event, || self.hooks().into_iter().rfind(|h| h["hook_event_name"] == event))
    }

    fn count(&self, event: &str) -> usize {
        self.hooks().iter().filter(|h| h["hook_event_name"] == event).count()
    }

    /// Types a message and waits for its answer.
    fn ask(&mut self, message: &str) -> String {
        let before = self.count("Stop");
        self.types(message);
        self.types("\r");
        until("the answer", || (self.count("Stop") > before).then_some(()));
        self.hook("Stop")["last_assistant_message"].as_str().expect("a reply").to_owned()
    }

    fn transcript(&self) -> Vec<Value> {
        let path = self.hook("SessionStart")["transcript_path"].as_str().map(PathBuf::from).expect("a path");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    }

    /// Ctrl-C twice; the exit code.
    fn leaves(&mut self) -> Option<i32> {
        self.types("\x03");
        self.shows("press Ctrl-C again");
        self.types("\x03");
        until("its end", || self.child.try_wait().expect("it can be asked")).code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)), Signal::SIGKILL);
            let _gone = self.child.wait();
        }
    }
}

#[test]
fn a_pasted_message_is_answered_and_told_by_hooks_and_transcript() {
    let mut terminal = Terminal::new();
    let message = format!("Straße {}\nthree\nfour\nfive\n\n[MC_TURN:1:cafe]", "0123456789 ".repeat(9_000));
    terminal.pastes(&message);
    terminal.shows("[Pasted text #1 +5 lines]");
    terminal.types("\r");
    let asked = until("the message", || terminal.hooks().into_iter().find(|h| h["hook_event_name"] == "UserPromptSubmit"));
    assert!(asked["prompt"].as_str().expect("a prompt").contains(&message));
    let reply = terminal.hook("Stop")["last_assistant_message"].as_str().expect("a reply").to_owned();
    assert!(reply.starts_with("demo: ") && !reply.contains("MC_TURN"), "{reply}");
    let lines = until("the transcript", || {
        let lines = terminal.transcript();
        lines.iter().any(|l| l["subtype"] == "turn_duration").then_some(lines)
    });
    assert!(lines[0]["message"]["content"].as_str().expect("text").contains("[MC_TURN:1:cafe]"));
    assert_eq!((&lines[1]["type"], &lines[1]["message"]["stop_reason"]), (&json!("assistant"), &json!("end_turn")));
    assert_eq!(lines[1]["message"]["content"][0]["text"], reply.as_str());
    assert!(lines[1]["message"]["usage"]["input_tokens"].as_i64() > Some(3_000));
    assert_eq!(asked["session_id"], UUID);
    assert_eq!(terminal.leaves(), Some(0));
    assert_eq!(terminal.hook("SessionEnd")["reason"], "prompt_input_exit");
}

#[test]
fn a_cleared_box_is_not_sent_and_the_first_message_is_remembered_after_a_resume() {
    let mut terminal = Terminal::new();
    terminal.types("junk\x15");
    terminal.types("more junk");
    terminal.shows("more junk");
    terminal.types("\x03");
    terminal.ask("Good morning from Mara.");
    assert_eq!(terminal.hook("UserPromptSubmit")["prompt"], "Good morning from Mara.");
    assert_eq!(terminal.leaves(), Some(0));
    let tmp = std::mem::replace(&mut terminal.tmp, tempfile::tempdir().expect("a folder"));
    fs::remove_file(tmp.path().join("hooks")).expect("it was there");
    let mut again = Terminal::open(tmp, &["--resume", UUID]);
    assert_eq!(again.hook("SessionStart")["source"], "resume");
    assert!(again.ask("What did I say first?").contains("Good morning from Mara."));
}

#[test]
fn escape_interrupts_without_a_stop_and_failures_are_told() {
    let mut terminal = Terminal::new();
    terminal.types("[demo: steps 2 10] [demo: hang]\r");
    terminal.shows("esc to interrupt");
    terminal.shows("told me to hang");
    assert_eq!((terminal.count("PreToolUse"), terminal.count("PostToolUse")), (2, 2));
    terminal.types("\x1b");
    terminal.shows("Interrupted");
    terminal.types("[demo: limit]\r");
    assert_eq!(terminal.hook("StopFailure")["error"], "rate_limit");
    assert_eq!(terminal.count("Stop"), 0);
    assert!(terminal.ask("[demo: say good day]").contains("good day"));
}

#[test]
fn a_session_that_is_not_there_or_there_already_is_refused() {
    let mut unknown = Terminal::open(tempfile::tempdir().expect("a folder"), &["--resume", UUID]);
    unknown.shows(&format!("No conversation found with session ID: {UUID}"));
    assert_eq!(until("its end", || unknown.child.try_wait().expect("it can be asked")).code(), Some(1));
    let mut terminal = Terminal::new();
    terminal.ask("Hello.");
    terminal.leaves();
    let tmp = std::mem::replace(&mut terminal.tmp, tempfile::tempdir().expect("a folder"));
    let mut taken = Terminal::open(tmp, &["--session-id", UUID]);
    taken.shows("is already in use");
    assert_eq!(until("its end", || taken.child.try_wait().expect("it can be asked")).code(), Some(1));
}

#[test]
fn without_a_terminal_it_says_so() {
    let out = Command::new(EXE).arg("demo-agent").stdin(std::process::Stdio::null()).output().expect("it starts");
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no terminal"));
}
