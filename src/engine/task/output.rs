//! What a task run said: read from its folder, bounded, without terminal control and without secrets.

use crate::domain::text::{cut_bytes, redact, strip_control};
use crate::drivers::supervise::host::Host;
use crate::drivers::supervise::run_dir::{RunDir, RunSpec};
use crate::drivers::supervise::shim::head_and_tail::{COUNT, HEAD, TAIL};

/// The file a task's process writes to, in its run folder. Agents write their stream there.
pub(crate) const LOG: &str = "stream.log";
/// Bytes kept of what was said.
const KEPT: usize = HEAD + TAIL;
/// Shorter values are no secrets, and stand in too many words.
const SECRET_MIN: usize = 6;

/// What a command said, and how many bytes that were.
pub(crate) fn of_command(host: &dyn Host, dir: &RunDir, secrets: &[String]) -> (String, i64) {
    // The marker of what was left out stands between head and tail.
    let most = u64::try_from(KEPT + 200).unwrap_or(u64::MAX);
    let Ok(bytes) = host.read_log(&dir.file(LOG), 0, most) else { return (String::new(), 0) };
    let counted = host.get_file(&dir.file(COUNT)).ok().flatten().and_then(|n| String::from_utf8(n).ok()?.trim().parse().ok());
    let total: i64 = counted.unwrap_or_else(|| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    (clean(&bytes, total, secrets), total)
}

/// A text to be kept.
pub(crate) fn of_text(text: &str, secrets: &[String]) -> (String, i64) {
    (
        clean(text.as_bytes(), i64::try_from(text.len()).unwrap_or(i64::MAX), secrets),
        i64::try_from(text.len()).unwrap_or(i64::MAX),
    )
}

/// The end of what was said to stderr.
pub(crate) fn stderr(dir: &RunDir, secrets: &[String]) -> String {
    let said = dir.stderr_end();
    clean(said.as_bytes(), i64::try_from(said.len()).unwrap_or(i64::MAX), secrets)
}

/// The last line of a text, for a summary.
pub(crate) fn last_line(text: &str) -> &str {
    let line = text.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    crate::domain::text::cut_chars(line, 200).0
}

fn clean(bytes: &[u8], total: i64, secrets: &[String]) -> String {
    if is_binary(bytes) {
        return format!("({total} bytes that are no text)");
    }
    let mut text = strip_control(&String::from_utf8_lossy(bytes));
    for secret in secrets.iter().filter(|s| s.len() >= SECRET_MIN) {
        text = text.replace(secret.as_str(), "…hidden");
    }
    cut_bytes(&redact(&text), KEPT + 1024).0.to_owned()
}

fn is_binary(bytes: &[u8]) -> bool {
    let strange = String::from_utf8_lossy(bytes).chars().filter(|c| *c == '\u{fffd}').count();
    bytes.contains(&0) || strange * 20 > bytes.len()
}

/// What must not stand in a run's output: values of variables that were given by reference, and all keys. As it was started:
/// its file may say something else by now, or be gone.
pub(crate) fn secrets(spec: &RunSpec) -> Vec<String> {
    let mut found: Vec<String> = spec.env_from.iter().filter_map(|name| std::env::var(name).ok()).collect();
    let is_key = |name: &str| ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.to_uppercase().contains(word));
    found.extend(spec.env.iter().filter(|(name, _)| is_key(name)).map(|(_, value)| value.clone()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_clean_bounded_and_without_secrets() {
        let secrets = ["hunter2-hunter2".to_owned(), "no".to_owned()];
        let (text, n) = of_text("\u{1b}[31mkey hunter2-hunter2 is no\u{1b}]52;c;x\u{7} secret sk-ant-REDACTED", &secrets);
        assert_eq!(text, "key …hidden is no secret sk-…hidden");
        assert!(n > 40);
        assert!(of_text(&"é".repeat(200_000), &[]).0.len() <= KEPT + 1024);
        assert_eq!(of_text("a\0b", &[]).0, "(3 bytes that are no text)");
        assert_eq!(last_line("one\n two \n\n"), "two");
    }
}
