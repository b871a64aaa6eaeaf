//! What people write never becomes a command: agents are started with arguments of ours alone, and what is vendored is
//! what was vendored.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use sha2::{Digest, Sha256};

/// Titles that some shell, terminal, path or program would take for more than words.
const TITLES: &[&str] = &[
    "'; rm -rf / #",
    "$(id)",
    "`id`",
    "--dangerously-skip-permissions",
    "-oProxyCommand=id",
    "../../etc/passwd",
    "a;b|c&d>e",
    "%00",
    "#{pane_id}",
    "\u{202e}gpj.exe",
    "👩‍🚀 zero\u{200b}width",
    "<script>alert(1)</script>",
];

#[test]
fn no_title_reaches_the_arguments_of_an_agent() {
    let live = Live::start(4, &[agent("instant")]);
    let ids: Vec<i64> = TITLES.iter().map(|title| live.now("instant", title)).collect();
    for (id, title) in ids.iter().zip(TITLES) {
        live.stands(*id, "done");
        let starts = live.starts_of(*id);
        assert_eq!(starts.len(), 1, "{title}");
        let argv: Vec<&str> = starts[0]["argv"].as_array().expect("argv").iter().filter_map(|a| a.as_str()).collect();
        let ours = |a: &&str| {
            let name = format!("mc-mc-{id}");
            let uuid = a.len() == 36 && a.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
            let known = ["instant", "-p", "--output-format", "stream-json", "--verbose", "--worktree", "--session-id"];
            let path = a.ends_with("agent.py");
            known.contains(a) || *a == name || uuid || path
        };
        let strange: Vec<&&str> = argv.iter().filter(|a| !ours(a)).collect();
        assert!(strange.is_empty(), "{title}: {strange:?} in {argv:?}");
        assert!(
            starts[0]["prompt"].as_str().expect("a brief").contains(title.trim_matches('\u{202e}')),
            "{title} is in the brief"
        );
    }
}

#[test]
fn the_vendored_script_is_the_one_that_was_vendored() {
    let readme = std::fs::read_to_string("static/js/vendor/README.md").expect("says what is vendored");
    let said = readme.split('`').find(|w| w.len() == 64 && w.bytes().all(|b| b.is_ascii_hexdigit())).expect("a sha256");
    let script = std::fs::read("static/js/vendor/htmx-4.0.1.min.js").expect("is vendored");
    assert_eq!(format!("{:x}", Sha256::digest(script)), said);
}

#[test]
fn no_page_asks_another_host_for_anything() {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("static/js").expect("scripts").chain(std::fs::read_dir("static/css").expect("styles")) {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).expect("readable");
            found.extend(
                text.lines()
                    .filter(|l| l.contains("http://") || l.contains("https://"))
                    .map(|l| format!("{}: {l}", path.display())),
            );
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[cfg(not(feature = "faults"))]
#[test]
fn a_program_without_fault_points_does_not_read_their_variable() {
    let live = Live::prepare(1, &[], "");
    for said in ["migrating:1:kill9", "commit-ready:1:kill9", "no such thing"] {
        let name = format!("t-{}", said.len());
        let done = live.command(&["token", "create", &name]).env("MC_FAULT", said).output().expect("it starts");
        assert!(done.status.success(), "{said}: {done:?}");
    }
}
