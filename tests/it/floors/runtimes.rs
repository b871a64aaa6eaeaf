//! What one runtime's agent is called and how it speaks stands in its own folder: read from the source. Above it there
//! is only `trait Runtime`, so that a new runtime is one folder and one line in the registry.

use std::path::{Path, PathBuf};

/// Where Claude Code's words are at home; the demo agent plays its part, down to the flags and the lines.
const HOMES: &[&str] = &["src/drivers/runtime/claude/", "src/drivers/runtime/demo/"];

/// The files that may name the folder: the registry, and the demo agent that speaks the same language.
const MAY_IMPORT: &[&str] = &["src/drivers/runtime/mod.rs", "src/drivers/runtime/demo/mod.rs"];

/// Flags, formats, folders, hooks and permission modes of Claude Code.
const WORDS: &[&str] = &[
    "--append-system-prompt",
    "--dangerously-skip-permissions",
    "--effort",
    "--output-format",
    "--permission-mode",
    "--resume",
    "--session-id",
    "--settings",
    "--worktree",
    "stream-json",
    ".claude",
    "CLAUDE",
    "bypassPermissions",
    "Claude Code",
    "compact_boundary",
    "esc to interrupt",
    "hook_event_name",
    "is already in use",
    "isSidechain",
    "parent_tool_use_id",
    "rate_limit_event",
    "total_cost_usd",
    "PostToolUse",
    "PreToolUse",
    "StopFailure",
    "UserPromptSubmit",
    "claude_code_version",
    "claude_command",
    "claude_stream",
];

/// The hook of this name is Claude Code's; a schema of our own JSON contract is called so as well.
const HOOK_AND_SCHEMA: &str = "SessionStart\"";

#[test]
fn only_its_own_folder_knows_how_claude_speaks() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if HOMES.iter().any(|home| path.starts_with(home)) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            let found = WORDS.iter().copied().find(|word| line.contains(word));
            let hook = (!path.starts_with("src/web/api/") && line.contains(HOOK_AND_SCHEMA)).then_some(HOOK_AND_SCHEMA);
            wrong.extend(found.or(hook).map(|word| format!("{path}:{number}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "words of Claude Code outside its folder:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_registry_imports_a_runtime() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if path.starts_with(HOMES[0]) || MAY_IMPORT.contains(&path.as_str()) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            if ["runtime::claude", "RuntimeKind::Claude"].iter().any(|used| line.contains(used)) {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    // The kind is a word of the configuration, with its label and its default profile.
    wrong.retain(|line| !["src/config/", "src/domain/profile.rs"].iter().any(|home| line.starts_with(home)));
    assert!(wrong.is_empty(), "a runtime is reached past the registry:\n{}", wrong.join("\n"));
}

#[test]
fn the_demo_agent_borrows_the_language_in_one_line() {
    let lines: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with(HOMES[1]))
        .flat_map(|(path, text)| {
            let found: Vec<String> = code_lines(&text)
                .filter(|(_, line)| line.contains("runtime::claude"))
                .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
                .collect();
            found
        })
        .collect();
    assert!(matches!(lines.as_slice(), [one] if one.starts_with("src/drivers/runtime/demo/mod.rs:")), "{lines:?}");
}

/// Lines of code: without comments, and without the tests at the end of a file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("mod tests {"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(i, line)| (i + 1, line))
}

/// All sources but files of tests.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(Path::new("src"), &mut found);
    found.sort();
    let is_test = |path: &Path| {
        path.file_name().and_then(|n| n.to_str()).is_some_and(|name| name.ends_with("_tests.rs") || name == "tests.rs")
    };
    found
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| (path.to_string_lossy().into_owned(), std::fs::read_to_string(&path).expect("readable")))
        .collect()
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}
