//! The demo agent in the orchestrator's place, in a terminal: behaves there as Claude Code does, as far as it matters to
//! whoever types into it (input box, busy footer, hooks, transcript).

use crate::base::clock::{Clock, SystemClock};
use crate::domain::text::strip_control;
use crate::drivers::runtime::demo::common::{DemoEnding, DemoFlags, FAILED, LIMITED, VERSION, WorkPlace, flags, shell};
use crate::drivers::runtime::demo::orchestrator::hooks::DemoHooks;
use crate::drivers::runtime::demo::orchestrator::input_box::{DemoInputBox, echo};
use crate::drivers::runtime::demo::orchestrator::keys::{DemoKey, DemoKeyboard};
use crate::drivers::runtime::demo::orchestrator::memory;
use crate::drivers::runtime::demo::orchestrator::memory::Conversation;
use crate::drivers::runtime::demo::orchestrator::screen::{DemoScreen, Lower};
use crate::drivers::runtime::demo::orchestrator::think;
use crate::drivers::runtime::demo::orchestrator::transcript::DemoTranscript;
use serde_json::json;
use std::collections::VecDeque;
use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// An escape that nothing follows so soon is the key.
const ESCAPE_MS: u64 = 25;
/// While it works the screen is drawn so often.
const BEAT_MS: u64 = 100;

/// Runs until it is told to leave; the exit code.
pub(crate) fn run(args: &[String], place: WorkPlace) -> u8 {
    let opened = flags(args).and_then(|flags| Live::open(&flags, place));
    match opened {
        Ok(mut live) => {
            live.play();
            0
        }
        Err(why) => {
            eprintln!("{why}");
            1
        }
    }
}

struct Live {
    place: WorkPlace,
    session: String,
    memory: Conversation,
    hooks: DemoHooks,
    transcript: DemoTranscript,
    screen: DemoScreen,
    input: Receiver<Vec<u8>>,
    keyboard: DemoKeyboard,
    typed: DemoInputBox,
    queue: VecDeque<String>,
    /// When the turn began, on the monotonic clock, while one is worked on.
    busy: Option<i64>,
    clock: SystemClock,
    /// Ctrl-C was pressed on an empty box: once more leaves.
    armed: bool,
    leaving: bool,
}

impl Live {
    fn open(flags: &DemoFlags, place: WorkPlace) -> Result<Live, String> {
        let session = flags.session()?;
        let memory = memory::open(&place.state, &session, flags.resume.is_some())?;
        let base = std::env::var_os("CLAUDE_CONFIG_DIR").map_or_else(|| place.state.clone(), PathBuf::from);
        let path = DemoTranscript::path(&base, &place.cwd, &session);
        let hooks = DemoHooks::open(flags.settings.as_deref(), &place.cwd, &session, &path)?;
        let transcript = DemoTranscript::open(path, &place.cwd, &session);
        let screen = DemoScreen::open()?;
        let (keys, input) = channel();
        let reader = move || {
            let mut bytes = vec![0; 64 * 1024];
            while let Ok(n @ 1..) = std::io::stdin().lock().read(&mut bytes) {
                if keys.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keyboard".to_owned()).spawn(reader).map_err(|e| format!("Error: {e}"))?;
        let mut live = Live {
            place,
            session,
            memory,
            hooks,
            transcript,
            screen,
            input,
            keyboard: DemoKeyboard::default(),
            typed: DemoInputBox::default(),
            queue: VecDeque::new(),
            busy: None,
            clock: SystemClock::new(),
            armed: false,
            leaving: false,
        };
        live.screen.print(&format!("\n demo agent {VERSION}\n no model reads this\n {}\n", live.place.cwd.display()));
        let source = if flags.resume.is_some() { "resume" } else { "startup" };
        live.hooks.run("SessionStart", json!({"source": source, "model": flags.model.as_deref().unwrap_or("demo")}));
        Ok(live)
    }

    fn play(&mut self) {
        DemoScreen::title("✳ demo agent");
        while !self.leaving {
            if let Some(message) = self.queue.pop_front() {
                DemoScreen::title("◐ demo agent");
                self.turn(&message);
                DemoScreen::title("✳ demo agent");
                continue;
            }
            self.draw();
            for key in self.keys(Duration::from_secs(3_600)) {
                self.press(key);
            }
        }
        self.hooks.run("SessionEnd", json!({"reason": "prompt_input_exit"}));
    }

    /// The keys pressed, waiting for the first one.
    fn keys(&mut self, at_most: Duration) -> Vec<DemoKey> {
        let mut keys = match self.input.recv_timeout(at_most) {
            Ok(bytes) => self.keyboard.take(&bytes),
            Err(RecvTimeoutError::Timeout) => return Vec::new(),
            Err(RecvTimeoutError::Disconnected) => {
                self.leaving = true;
                return Vec::new();
            }
        };
        if self.keyboard.waits() {
            match self.input.recv_timeout(Duration::from_millis(ESCAPE_MS)) {
                Ok(bytes) => keys.extend(self.keyboard.take(&bytes)),
                Err(_) => keys.extend(self.keyboard.settle()),
            }
        }
        keys
    }

    fn press(&mut self, key: DemoKey) {
        let was_armed = std::mem::take(&mut self.armed);
        match key {
            DemoKey::Text(text) => self.typed.typed(&text),
            DemoKey::Paste(text) => self.typed.pasted(&text),
            DemoKey::Back => self.typed.back(),
            DemoKey::ClearLine => self.typed.clear(),
            DemoKey::Cancel if !self.typed.is_empty() => self.typed.clear(),
            DemoKey::Cancel if was_armed => self.leaving = true,
            DemoKey::Cancel => self.armed = true,
            DemoKey::Leave => self.leaving = self.typed.is_empty() && self.busy.is_none(),
            DemoKey::Enter => match self.typed.submit() {
                Some(message) if message.trim() == "/exit" => self.leaving = true,
                Some(message) => self.queue.push_back(message),
                None => {}
            },
            DemoKey::Escape | DemoKey::Other => {}
        }
    }

    fn draw(&mut self) {
        let footer = match (self.busy.is_some(), self.armed) {
            (_, true) => "  press Ctrl-C again to exit",
            (true, false) => "  demo agent, no model · esc to interrupt",
            (false, false) => "  demo agent, no model",
        };
        let status = self.busy.map(|since| format!("* Pretending… ({}s)", (self.clock.mono_ms() - since) / 1000));
        let lines = self.typed.lines(DemoScreen::width() - 1);
        self.screen.draw(&Lower { status, lines, footer: footer.to_owned() });
    }

    /// Lets time pass while it works; false where a person interrupts it.
    fn works_on(&mut self, ms: u64) -> bool {
        let until = self.clock.mono_ms() + i64::try_from(ms).unwrap_or(i64::MAX);
        loop {
            self.draw();
            let left = u64::try_from(until - self.clock.mono_ms()).unwrap_or(0);
            for key in self.keys(Duration::from_millis(left.min(BEAT_MS))) {
                if matches!(key, DemoKey::Escape) || matches!(key, DemoKey::Cancel) && self.typed.is_empty() {
                    return false;
                }
                self.press(key);
            }
            if self.leaving {
                return false;
            }
            if self.clock.mono_ms() >= until {
                return true;
            }
        }
    }

    fn turn(&mut self, message: &str) {
        let began = self.clock.mono_ms();
        self.busy = Some(began);
        self.hooks.prompt_id = uuid::Uuid::new_v4().to_string();
        self.screen.print(&format!("{}\n", echo(message)));
        self.draw();
        self.hooks.run("UserPromptSubmit", json!({"prompt": message}));
        self.transcript.user(&self.hooks.prompt_id, json!(message));
        let thought = think(&mut self.memory, message);
        if let Err(e) = memory::remember(&self.place.state, &self.session, &self.memory) {
            self.screen.print(&format!("  the conversation cannot be remembered: {e}"));
        }
        let each = thought.every_ms.unwrap_or(self.place.pace_ms);
        let mut going = (1..=thought.steps).all(|n| self.step(n, thought.steps) && self.works_on(each));
        going = going && self.works_on(self.place.pace_ms);
        if going && thought.ending == DemoEnding::Hang {
            self.screen.print("● demo: you told me to hang.\n");
            while self.works_on(60_000) {}
            going = false;
        }
        self.busy = None;
        if !going {
            self.screen.print("  ⎿  Interrupted · what should the demo agent do instead?\n");
            self.transcript.user(&self.hooks.prompt_id, json!([{"type": "text", "text": "[Request interrupted by user]"}]));
            return;
        }
        match thought.ending {
            DemoEnding::Reply(text) => self.says(&text, began),
            DemoEnding::Failed => self.fails("server_error", None, FAILED),
            DemoEnding::Limited => self.fails("rate_limit", Some(429), LIMITED),
            DemoEnding::Hang => {}
        }
    }

    /// One command, as a tool call with its hooks.
    fn step(&mut self, n: u32, of: u32) -> bool {
        let began = self.clock.mono_ms();
        let id = format!("toolu_demo_{}", uuid::Uuid::new_v4().simple());
        let input = json!({"command": "ls", "description": format!("step {n} of {of}")});
        let tokens = self.memory.tokens;
        self.transcript.assistant(json!({"type": "tool_use", "id": id, "name": "Bash", "input": input}), "tool_use", tokens);
        self.hooks.run("PreToolUse", json!({"tool_name": "Bash", "tool_input": input, "tool_use_id": id}));
        self.screen.print(&format!("● Bash(ls)\n  ⎿  step {n} of {of}\n"));
        self.draw();
        let (text, ok) = shell("ls", &self.place.cwd);
        let response = json!({"stdout": text, "stderr": "", "interrupted": false});
        let took = self.clock.mono_ms() - began;
        self.hooks.run(
            "PostToolUse",
            json!({"tool_name": "Bash", "tool_input": input, "tool_response": response, "tool_use_id": id, "duration_ms": took}),
        );
        let result = json!([{"type": "tool_result", "tool_use_id": id, "content": text, "is_error": !ok}]);
        self.transcript.user(&self.hooks.prompt_id, result);
        !self.leaving
    }

    /// The order is the real program's: the hook, the screen, and the transcript last.
    fn says(&mut self, text: &str, began: i64) {
        let shown = strip_control(text).replace('\n', "\n  ");
        self.screen.print(&format!("● {shown}\n"));
        self.hooks.run("Stop", json!({"stop_hook_active": false, "last_assistant_message": text, "background_tasks": []}));
        self.draw();
        self.transcript.assistant(json!({"type": "text", "text": text}), "end_turn", self.memory.tokens);
        self.transcript.turn_over(self.clock.mono_ms() - began);
    }

    fn fails(&mut self, error: &str, status: Option<i64>, text: &str) {
        self.screen.print(&format!("● {text}\n"));
        self.hooks.run("StopFailure", json!({"error": error, "last_assistant_message": text}));
        self.draw();
        self.transcript.failure(error, status, text);
    }
}
