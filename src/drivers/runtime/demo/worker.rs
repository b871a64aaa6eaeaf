//! The demo agent as a worker: looks around, acts its ticket's directives, writes a note and commits it.

use crate::base::clock::pause;
use crate::drivers::runtime::demo::common::DemoEnding;
use crate::drivers::runtime::demo::script::{Directive, Memory, Words, directives};
use crate::drivers::runtime::demo::stream_writer::StreamWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

impl StreamWriter<'_> {
    /// Works on a ticket; the exit code.
    pub(crate) fn act(&mut self, mut memory: Memory, words: &Words) -> u8 {
        let resumed = words.text.is_none() && !memory.text.is_empty();
        self.remember(&memory);
        let ending = self.work(&mut memory, words, resumed);
        self.remember(&memory);
        match ending {
            DemoEnding::Reply(text) => self.ends_well(&text),
            DemoEnding::Failed => self.ends_in_failure(),
            DemoEnding::Limited => self.ends_at_limit(),
            DemoEnding::Hang => loop {
                pause(Duration::from_secs(60));
            },
        }
    }

    fn work(&mut self, memory: &mut Memory, words: &Words, resumed: bool) -> DemoEnding {
        let reply = words.replies.join("\n");
        let title = memory.title();
        if resumed && !reply.is_empty() {
            self.say(&format!("demo: this session began with \"{title}\". You replied: {reply}"));
        } else if resumed {
            self.say(&format!("demo: going on with \"{title}\" where the run before broke off."));
        } else {
            self.say("demo: I am the built-in demo agent. I use git and a shell for real, but no model. Let me look around.");
        }
        self.bash("git status --short --branch; ls", "look around");
        let script = directives(&memory.text);
        let answered = !reply.is_empty();
        for directive in &script {
            match directive {
                Directive::Say(text) => self.say(text),
                Directive::Steps { count, every_ms } if !resumed => self.steps(*count, *every_ms),
                Directive::Hang if !answered => {
                    self.say("demo: the ticket told me to hang.");
                    return DemoEnding::Hang;
                }
                Directive::Fail if !answered => return DemoEnding::Failed,
                Directive::Limit if !memory.limited => {
                    memory.limited = true;
                    return DemoEnding::Limited;
                }
                Directive::Ask { question, options } if !memory.asked && !answered => {
                    memory.asked = true;
                    let list: String = options.iter().map(|o| format!("\n- {o}")).collect();
                    return DemoEnding::Reply(format!("QUESTION: {question}{}{list}", if list.is_empty() { "" } else { "\n" }));
                }
                Directive::Steps { .. }
                | Directive::Hang
                | Directive::Fail
                | Directive::Limit
                | Directive::Ask { .. }
                | Directive::Tokens(_)
                | Directive::Review => {}
            }
        }
        self.deliver(memory, &reply, script.contains(&Directive::Review) && !answered)
    }

    /// Writes the note, checks and commits it.
    fn deliver(&mut self, memory: &Memory, reply: &str, review: bool) -> DemoEnding {
        let slug = memory.slug();
        let file = format!("notes/{slug}.md");
        let path = self.cwd.join(&file);
        let mut note = format!("# {}\n\nA note by the demo agent of Mission Control: no model was asked.\n", memory.title());
        for line in memory.text.lines().skip(1).filter(|l| !l.trim().is_empty()).take(20) {
            note.push_str(&format!("\n> {line}"));
        }
        if !reply.is_empty() {
            note.push_str(&format!("\n\n## Reply\n\n{reply}"));
        }
        note.push('\n');
        let written = self.write(&path, &note);
        let checked = self.bash(&format!("test -s {file} && wc -l {file}"), "check the note");
        let commit = format!(
            "git add -f {file} && {{ git diff --cached --quiet -- {file} || git -c user.name='Demo agent' -c user.email=demo@localhost \
             -c commit.gpgsign=false commit -q -m '{}: note by the demo agent' -- {file}; }} && git log --oneline -1",
            slug.to_uppercase()
        );
        let in_git = self.cwd.join(".git").exists() || self.quiet("git rev-parse --git-dir");
        let committed = in_git && self.bash(&commit, "commit it");
        let answer = if reply.is_empty() { String::new() } else { format!("\n\nYour answer was: {reply}") };
        let what = match (written && checked, committed, in_git) {
            (false, ..) => return DemoEnding::Reply(format!("REVIEW: demo: the note {file} could not be written.{answer}")),
            (true, true, _) => format!("demo: wrote and committed `{file}`."),
            (true, false, true) => {
                return DemoEnding::Reply(format!("REVIEW: demo: wrote `{file}`, but it could not be committed.{answer}"));
            }
            (true, false, false) => format!("demo: wrote `{file}`. This folder is no git repository, so nothing was committed."),
        };
        let word = if review { "REVIEW" } else { "DONE" };
        DemoEnding::Reply(format!(
            "{word}: {what} Checked with `test -s {file}`. This was a demo: no model has thought about the ticket.{answer}"
        ))
    }

    fn steps(&mut self, count: u32, every_ms: Option<u64>) {
        let pace = self.pace_ms;
        if let Some(ms) = every_ms {
            self.pace_ms = ms;
        }
        for n in 1..=count {
            self.bash(&format!("echo step {n} of {count}"), "one step");
        }
        self.pace_ms = pace;
    }
}

/// As the real program does it: `.claude/worktrees/<name>` of the repository, made where it is not there.
pub(crate) fn enter_worktree(cwd: &Path, name: &str) -> Result<PathBuf, String> {
    if name.is_empty() || name.starts_with('-') || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err("creating worktree: Invalid worktree name".to_owned());
    }
    let git = |args: &[&str]| {
        let output =
            Command::new("git").args(args).current_dir(cwd).stdin(Stdio::null()).output().map_err(|e| format!("git: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"])
        .map_err(|_| format!("Can only use --worktree in a git repository, but {} is not a git repository.", cwd.display()))?;
    let top = PathBuf::from(top);
    let inside = Path::new(".claude/worktrees").join(name);
    if top.ends_with(&inside) {
        return Ok(top);
    }
    let dir = top.join(&inside);
    if !dir.join(".git").exists() {
        let path = dir.to_str().ok_or("the repository lies at a path that is not UTF-8")?;
        git(&["worktree", "add", "-q", "-B", &format!("worktree-{name}"), path])?;
    }
    Ok(dir)
}
