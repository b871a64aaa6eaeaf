//! What is answered in Claude Code's own files, and what they say.

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
    fs::write(&state, r#"{"theme":"light","projects":{"/other":{"x":1},"/work space":{"hasTrustDialogAccepted":false,"y":2}}}"#)
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
    assert_eq!(super::status(&file("idle"), 7, 1_304_433), Some(ProgramStatus::Idle));
    assert_eq!(super::status(&file("busy"), 7, 1_304_433), Some(ProgramStatus::Busy));
    assert_eq!(super::status(&file("waiting"), 7, 1_304_433), Some(ProgramStatus::Waiting("permission prompt".to_owned())));
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
