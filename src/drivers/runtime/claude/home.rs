//! The folder where Claude Code keeps its settings and conversations: the answers to its first questions, what its running
//! programs say of themselves, where a conversation's transcript lies.

use crate::drivers::runtime::launch_file::write_private;
use crate::drivers::runtime::live::ProgramStatus;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Claude Code knows a key by its last so many characters.
const KEY_TAIL: usize = 20;

/// That folder, as the agent will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaudeHome {
    folder: PathBuf,
    state: PathBuf,
}

impl ClaudeHome {
    /// Where it is for an agent with this environment; none without a home.
    #[must_use]
    pub fn of(env: &BTreeMap<String, String>) -> Option<ClaudeHome> {
        let set = |name: &str| env.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(folder) = set("CLAUDE_CONFIG_DIR") {
            return Some(ClaudeHome { state: folder.join(".claude.json"), folder });
        }
        let home = set("HOME")?;
        Some(ClaudeHome { folder: home.join(".claude"), state: home.join(".claude.json") })
    }

    /// Answers the questions that Claude Code asks at its first start in a terminal, all of which have "no" preselected.
    /// What a person answered before stays. Returns what stays to be done by hand, in words.
    ///
    /// # Errors
    /// The files could not be written.
    pub fn answer_first_questions(&self, env: &BTreeMap<String, String>, cwd: &Path, bypass: bool) -> io::Result<Option<String>> {
        fs::create_dir_all(&self.folder)?;
        let key = env.get("ANTHROPIC_API_KEY").filter(|k| !k.is_empty());
        let mut unreadable = None;
        let mut note = |path: &Path, done: bool| {
            if !done {
                unreadable = Some(format!(
                    "{} is no JSON object: mend it, or answer Claude Code's questions in the console",
                    path.display()
                ));
            }
        };
        note(&self.state, merge(&self.state, |state| first_answers(state, key.map(String::as_str), cwd))?);
        if bypass {
            let settings = self.folder.join("settings.json");
            note(&settings, merge(&settings, |s| missing(s, "skipDangerousModePermissionPrompt", json!(true)))?);
        }
        Ok(unreadable)
    }

    /// The transcript of a conversation, wherever it was begun.
    #[must_use]
    pub fn transcript(&self, session: &str) -> Option<PathBuf> {
        let name = format!("{session}.jsonl");
        let folders = fs::read_dir(self.folder.join("projects")).ok()?;
        folders.flatten().map(|f| f.path().join(&name)).find(|p| p.is_file())
    }

    /// What the program with this pid and start time says of itself; none where it says nothing.
    #[must_use]
    pub fn status(&self, pid: i32, start: u64) -> Option<ProgramStatus> {
        let text = fs::read(self.folder.join("sessions").join(format!("{pid}.json"))).ok()?;
        status(&serde_json::from_slice(&text).ok()?, pid, start)
    }
}

/// A killed program leaves its file behind: only the very process counts.
fn status(file: &Value, pid: i32, start: u64) -> Option<ProgramStatus> {
    let began = file["procStart"].as_str().and_then(|s| s.parse().ok()).or_else(|| file["procStart"].as_u64());
    if file["pid"].as_i64() != Some(i64::from(pid)) || began != Some(start) {
        return None;
    }
    match file["status"].as_str()? {
        "idle" => Some(ProgramStatus::Idle),
        "busy" => Some(ProgramStatus::Busy),
        "waiting" => Some(ProgramStatus::Waiting(file["waitingFor"].as_str().unwrap_or("an answer").to_owned())),
        _ => None,
    }
}

fn first_answers(state: &mut Map<String, Value>, key: Option<&str>, cwd: &Path) -> bool {
    let mut changed = missing(state, "hasCompletedOnboarding", json!(true));
    changed |= missing(state, "theme", json!("dark"));
    if let Some(project) = inner(state, "projects").and_then(|p| inner(p, &cwd.to_string_lossy())) {
        // False is what it writes itself where it never asked.
        if project.get("hasTrustDialogAccepted") != Some(&json!(true)) {
            project.insert("hasTrustDialogAccepted".to_owned(), json!(true));
            changed = true;
        }
    }
    if let Some(key) = key {
        let tail: String = key.chars().skip(key.chars().count().saturating_sub(KEY_TAIL)).collect();
        if let Some(answers) = inner(state, "customApiKeyResponses") {
            let known = |list: &str, answers: &Map<String, Value>| {
                answers.get(list).and_then(Value::as_array).is_some_and(|l| l.iter().any(|k| k.as_str() == Some(&tail)))
            };
            if !known("approved", answers) && !known("rejected", answers) {
                missing(answers, "rejected", json!([]));
                if let Some(list) = answers.entry("approved").or_insert_with(|| json!([])).as_array_mut() {
                    list.push(json!(tail));
                    changed = true;
                }
            }
        }
    }
    changed
}

/// Sets what is not there; whether it did.
fn missing(object: &mut Map<String, Value>, key: &str, value: Value) -> bool {
    let absent = !object.contains_key(key);
    if absent {
        object.insert(key.to_owned(), value);
    }
    absent
}

/// The object under a key, made where there is none; none where something else is there.
fn inner<'a>(object: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    object.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

/// Changes a JSON file as a whole. False: it holds something that is not ours to overwrite.
fn merge(path: &Path, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> io::Result<bool> {
    // A link stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut value = match fs::read(&path) {
        Ok(text) if text.iter().all(u8::is_ascii_whitespace) => json!({}),
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(value) => value,
            Err(_) => return Ok(false),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => json!({}),
        Err(e) => return Err(e),
    };
    let Some(object) = value.as_object_mut() else { return Ok(false) };
    if change(object) {
        write_private(&path, serde_json::to_string_pretty(&value)?.as_bytes())?;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "home_tests.rs"]
mod tests;
