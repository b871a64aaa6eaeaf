//! A task's file: it is a task that can run, or it is broken at a line and in words that fit on a page.

use super::NOW;
use mission_control::domain::task::{Broken, Task, TaskKind, is_name, parse};

/// Reads a file's text.
pub fn task(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = parse(&text, "stem", "Africa/Johannesburg");
    match &read {
        Ok(task) => assert_runs(task),
        Err(broken) => assert_words(broken, &text),
    }
    if !text.contains('\r') {
        let other = parse(&text.replace('\n', "\r\n"), "stem", "Africa/Johannesburg");
        match (&read, &other) {
            (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}"), "written with CR LF it is another task"),
            (Err(a), Err(b)) => assert_eq!(a, b, "written with CR LF it is broken otherwise"),
            // The longer one may be too long.
            (Ok(_), Err(_)) => assert!(text.len() > 100_000, "written with CR LF it is broken: {other:?}"),
            (Err(_), Ok(_)) => panic!("written with CR LF it is in order"),
        }
    }
}

fn assert_runs(t: &Task) {
    assert!(is_name(&t.name) && !t.name.contains(['/', '\0']), "{:?}", t.name);
    let asks = matches!(t.kind, TaskKind::Agent | TaskKind::Api);
    assert_eq!(asks, t.command.is_empty());
    assert!(!asks || !t.body.is_empty(), "nothing to ask");
    assert!(t.command.first().is_none_or(|program| !program.is_empty()));
    let env = t.env.iter().flat_map(|(k, v)| [k, v]).chain(&t.env_from);
    assert!(t.command.iter().chain(env).all(|w| !w.contains('\0')), "nothing with a NUL can be started");
    assert!(t.env.keys().chain(&t.env_from).all(|k| !k.is_empty() && !k.contains('=')));
    assert!(t.env_from.iter().all(|k| !k.starts_with("MC_")), "our own secrets are given away");
    assert!(t.cwd.as_deref().is_none_or(|c| !c.starts_with('/') && c.split('/').all(|part| part != "..")));
    assert!(t.timeout_ms >= 0 && (0..=86_400_000).contains(&t.jitter_ms) && (0..=20).contains(&t.retries));
    assert!(t.quiet.is_none_or(|q| q.from < 1_440 && q.until < 1_440 && q.from != q.until));
    assert!(!t.schedule.words().is_empty() && t.schedule.words().len() < 2_000);
    let mut at = NOW;
    for _ in 0..3 {
        let Some(next) = t.schedule.next_after(at) else { break };
        assert!(next > at, "due at {} again", at.0);
        at = next;
    }
}

fn assert_words(broken: &Broken, text: &str) {
    assert!(!broken.reason.is_empty(), "broken without a reason");
    assert!(broken.reason.len() <= 2_000, "a reason of {} bytes", broken.reason.len());
    assert!(!broken.reason.contains(char::is_control), "{:?}", broken.reason);
    if let Some(line) = broken.line {
        let lines = i64::try_from(text.replace("\r\n", "\n").split(['\n', '\r']).count()).unwrap_or(i64::MAX);
        assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
    }
}
