//! Task files: what is read, and what is refused in words.

use super::*;

fn read(front: &str) -> Result<Task, Broken> {
    parse(&format!("---\n{front}---\nWhat it is for.\n"), "stem", "UTC")
}

#[test]
fn the_whole_of_a_file_is_read() {
    let text = "---\nname: nightly-report\nschedule: \"0 6 * * 1-5\"\ntimezone: Africa/Johannesburg\nkind: subprocess\n\
        command: [\"python3\", \"report.py\"]\ncwd: reports\ntimeout: 10m\npriority: critical\nmissed: skip\noverlap: queue\n\
        retries: 2\nnotify: both\nenabled: false\nenv: { REPORT_DIR: out, N: \"3\" }\nenv_from: [HOME]\njitter: 30s\nquiet: 22:00-07:00\n---\nBody.\n\n---\nStill body.\n";
    let t = parse(text, "x", "UTC").expect("good");
    assert_eq!(
        (t.name.as_str(), t.kind, t.command.join(" ")),
        ("nightly-report", TaskKind::Subprocess, "python3 report.py".into())
    );
    assert_eq!((t.timeout_ms, t.retries, t.jitter_ms, t.enabled), (600_000, 2, 30_000, false));
    assert_eq!(
        (t.priority, t.missed, t.overlap, t.notify),
        (InboxPriority::Critical, MissedPolicy::Skip, Overlap::Queue, Notify::Both)
    );
    assert_eq!((t.env["REPORT_DIR"].as_str(), t.env["N"].as_str()), ("out", "3"));
    assert_eq!(t.quiet, Some(Quiet { from: 22 * 60, until: 7 * 60 }));
    assert_eq!(t.body, "Body.\n\n---\nStill body.");
    let crlf = parse(&text.replace('\n', "\r\n"), "x", "UTC").expect("good");
    assert_eq!(crlf.body, t.body);
}

#[test]
fn the_file_names_a_task_without_a_name_and_a_text_is_split_and_never_run_by_a_shell() {
    let t = read("command: \"echo 'a b' $(id); rm -rf /\"\n").expect("good");
    assert_eq!(t.name, "stem");
    assert_eq!(t.command, ["echo", "a b", "$(id);", "rm", "-rf", "/"]);
    let agent = parse("---\nkind: agent\n---\nLook at the logs.\n", "look", "UTC").expect("good");
    assert_eq!((agent.kind, agent.body.as_str()), (TaskKind::Agent, "Look at the logs."));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (front, line, word) in [
        ("command: [a]\nschedul: \"@daily\"\n", 3, "schedul"),
        ("command: [a]\nschedule: \"60 * * * *\"\n", 3, "no minute 60"),
        ("command: [a]\nschedule: \"*/0 * * * *\"\n", 3, "leads nowhere"),
        ("command: [a]\n\nschedule: \"0 0 30 2 *\"\n", 4, "never comes"),
        ("timezone: Mars/Olympus\ncommand: [a]\n", 2, "no time zone"),
        ("command: [a]\nkind: cron\n", 3, "kind"),
        ("command: [a]\nretries: many\n", 3, ""),
        ("command: [a]\nretries: 99\n", 3, "between 0 and 20"),
        ("command: [a]\ntimeout: 5 minutes\n", 3, "no span"),
        ("command: [a]\ncwd: ../..\n", 3, "workspace"),
        ("command: [a]\ncwd: /etc\n", 3, "workspace"),
        ("command: []\n", 2, "no program"),
        ("command: \"it's\"\n", 2, "command"),
        ("command: [a]\nname: ../../etc\n", 3, "name"),
        ("command: [a]\ncommand: [b]\n", 3, ""),
        ("kind: agent\ncommand: [a]\n", 3, "no command"),
        ("kind: subprocess\n", 2, "needs a command"),
        ("command: [a]\nquiet: always\n", 3, "no hours"),
        ("command: [a]\nname: stream\n", 3, "name"),
        ("command: [a]\nenv_from: [TELEGRAM_BOT_TOKEN]\n", 3, "not given to tasks"),
        ("command: [a]\nenv_from: [HOME, MC_TOKEN]\n", 3, "not given to tasks"),
        ("command: [a\nname: x\n", 0, ""),
        ("command: [a]\nenabled: perhaps\n", 3, ""),
    ] {
        let broken = read(front).expect_err(front);
        assert!(line == 0 || broken.line == Some(line), "{front}: {broken:?}");
        assert!(!broken.reason.is_empty() && broken.reason.contains(word), "{front}: {broken:?}");
    }
}

#[test]
fn lone_carriage_returns_are_line_ends_as_they_are_in_yaml() {
    let broken = parse("---\rcommand: [a]\r\rschedul: x\r---\r", "x", "UTC").expect_err("an unknown key");
    assert_eq!(broken.line, Some(4), "{broken:?}");
}

#[test]
fn a_file_without_front_matter_or_of_any_bytes_is_broken_and_nothing_else() {
    for text in
        ["", "just text", "---\nname: x\n", "---\n- a\n- b\n---\n", "---\n&a [*a]\n---\n", "---\n{{{{\n---\nx", "\0", "--- \n"]
    {
        assert!(parse(text, "x", "UTC").is_err(), "{text:?}");
    }
    assert!(parse(&"x".repeat(FILE_MAX + 1), "x", "UTC").is_err());
    for front in [
        format!("schedule: \"{}\"", "0 ".repeat(9_000)),
        format!("schedule: \"*/{} * * * *\"", "9".repeat(9_000)),
        format!("timezone: {}", "x".repeat(9_000)),
        format!("every: {}", "x".repeat(9_000)),
    ] {
        let broken = read(&format!("command: [a]\n{front}\n")).expect_err("wrong");
        assert!(broken.reason.len() < 600, "{} bytes", broken.reason.len());
    }
    let deep = format!("---\nenv: {}\n---\n", "[".repeat(20_000));
    assert!(parse(&deep, "x", "UTC").is_err());
}
