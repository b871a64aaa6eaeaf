//! The folder where Claude Code keeps its settings and conversations: the answers to its first questions, what its running
//! programs say of themselves, where a conversation's transcript lies.

use crate::drivers::runtime::launch_file::write_private;
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

/// What a running program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits for a prompt.
    Idle,
    /// It works.
    Busy,
    /// It waits for a person; for what.
    Waiting(String),
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
    pub fn status(&self, pid: i32, start: u64) -> Option<Status> {
        let text = fs::read(self.folder.join("sessions").join(format!("{pid}.json"))).ok()?;
        status(&serde_json::from_slice(&text).ok()?, pid, start)
    }
}

/// A killed program leaves its file behind: only the very process counts.
fn status(file: &Value, pid: i32, start: u64) -> Option<Status> {
    let began = file["procStart"].as_str().and_then(|s| s.parse().ok()).or_else(|| file["procStart"].as_u64());
    if file["pid"].as_i64() != Some(i64::from(pid)) || began != Some(start) {
        return None;
    }
    match file["status"].as_str()? {
        "idle" => Some(Status::Idle),
        "busy" => Some(Status::Busy),
        "waiting" => Some(Status::Waiting(file["waitingFor"].as_str().unwrap_or("an answer").to_owned())),
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
mod tests {
    use super::*;

    fn env(dir: &Path) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("CLAUDE_CONFIG_DIR".to_owned(), dir.display().to_string()),
            ("ANTHROPIC_API_KEY".to_owned(), "sk-dummy-0123456789abcdefghij".to_owned()),
        ])
    }

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn first_questions_are_answered_and_a_persons_answers_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (env, cwd) = (env(dir.path()), Path::new("/work space"));
        let home = ClaudeHome::of(&env).unwrap();
        let state = dir.path().join(".claude.json");
        fs::write(
            &state,
            r#"{"theme":"light","projects":{"/other":{"x":1},"/work space":{"hasTrustDialogAccepted":false,"y":2}}}"#,
        )
        .unwrap();
        assert_eq!(home.answer_first_questions(&env, cwd, true).unwrap(), None);
        let now = read(&state);
        assert_eq!((&now["theme"], &now["hasCompletedOnboarding"]), (&json!("light"), &json!(true)));
        assert_eq!(now["projects"], json!({"/other": {"x": 1}, "/work space": {"hasTrustDialogAccepted": true, "y": 2}}));
        assert_eq!(now["customApiKeyResponses"], json!({"approved": ["0123456789abcdefghij"], "rejected": []}));
        let settings = dir.path().join("settings.json");
        assert_eq!(read(&settings), json!({"skipDangerousModePermissionPrompt": true}));
        let before = fs::metadata(&state).unwrap().modified().unwrap();
        fs::write(&settings, r#"{"skipDangerousModePermissionPrompt":false}"#).unwrap();
        home.answer_first_questions(&env, cwd, true).unwrap();
        assert_eq!(fs::metadata(&state).unwrap().modified().unwrap(), before, "nothing was missing");
        assert_eq!(read(&settings), json!({"skipDangerousModePermissionPrompt": false}));
    }

    #[test]
    fn a_key_that_was_rejected_stays_rejected_and_a_broken_file_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let env = env(dir.path());
        let home = ClaudeHome::of(&env).unwrap();
        let state = dir.path().join(".claude.json");
        fs::write(&state, r#"{"customApiKeyResponses":{"rejected":["0123456789abcdefghij"]}}"#).unwrap();
        home.answer_first_questions(&env, Path::new("/w"), false).unwrap();
        assert_eq!(read(&state)["customApiKeyResponses"], json!({"rejected": ["0123456789abcdefghij"]}));
        fs::write(&state, "{ half").unwrap();
        assert!(home.answer_first_questions(&env, Path::new("/w"), false).unwrap().unwrap().contains("mend it"));
        assert_eq!(fs::read_to_string(&state).unwrap(), "{ half");
        assert!(!dir.path().join("settings.json").exists());
    }

    #[test]
    fn only_the_very_process_tells_how_it_stands() {
        let file = |status: &str| json!({"pid": 7, "procStart": "1304433", "status": status, "waitingFor": "permission prompt"});
        assert_eq!(super::status(&file("idle"), 7, 1_304_433), Some(Status::Idle));
        assert_eq!(super::status(&file("busy"), 7, 1_304_433), Some(Status::Busy));
        assert_eq!(super::status(&file("waiting"), 7, 1_304_433), Some(Status::Waiting("permission prompt".to_owned())));
        assert_eq!(super::status(&file("busy"), 7, 9), None, "a number that was used again");
        assert_eq!(super::status(&file("busy"), 8, 1_304_433), None);
        assert_eq!(super::status(&json!({}), 7, 1), None);
    }

    #[test]
    fn a_conversation_is_found_by_its_id_wherever_it_was_begun() {
        let dir = tempfile::tempdir().unwrap();
        let home = ClaudeHome::of(&env(dir.path())).unwrap();
        assert_eq!(home.transcript("abc"), None);
        let folder = dir.path().join("projects/-some-where");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("abc.jsonl"), "").unwrap();
        assert_eq!(home.transcript("abc"), Some(folder.join("abc.jsonl")));
    }
}
