//! The settings by which Claude Code tells us what it does: hooks that call `mission-control hook`.

use crate::domain::run::Failure;
use crate::drivers::runtime::launch::refused;
use serde_json::{Value, json};
use std::path::Path;

/// The moments of a conversation at which the agent calls us.
pub(crate) const HOOKS: &[&str] =
    &["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "StopFailure", "Notification", "SessionEnd"];

/// Settings whose hooks call `mission-control hook`.
///
/// # Errors
/// Our own program cannot be named.
pub fn settings(own_exe: &Path) -> Result<Value, Failure> {
    let exe = own_exe.to_str().ok_or_else(|| refused("our own program lies at a path that is not UTF-8"))?;
    // The agent hands this to a shell.
    let call = format!("{} hook", shell_words::quote(exe));
    let hooks = HOOKS.iter().map(|name| {
        let entry = json!({"hooks": [{"type": "command", "command": call, "timeout": 10}]});
        ((*name).to_owned(), json!([entry]))
    });
    Ok(json!({"hooks": hooks.collect::<serde_json::Map<_, _>>()}))
}
