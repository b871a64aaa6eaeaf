//! tmux itself: names, arguments, keys, the environment of a terminal.

use super::*;
use crate::base::clock::Deadline;

/// A server of its own, ended with the test.
struct Own(Tmux, #[allow(dead_code, reason = "held, not read")] tempfile::TempDir);

impl Own {
    fn new() -> Own {
        let dir = tempfile::tempdir().unwrap();
        Own(Tmux::at(&dir.path().join("t.sock")), dir)
    }

    fn run(&self, name: &str, argv: &[&str]) {
        let argv: Vec<String> = argv.iter().map(|a| (*a).to_owned()).collect();
        self.0.new_session(name, Path::new("/"), &argv, 80, 24).unwrap();
    }

    fn until(&self, what: &str, mut so: impl FnMut(&Tmux) -> bool) {
        let deadline = Deadline::after(Duration::from_secs(20));
        while !so(&self.0) {
            assert!(!deadline.is_over(), "{what}: {:?}", self.0.screen("a"));
            pause(Duration::from_millis(10));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _gone = self.0.kill_server();
    }
}

#[test]
fn a_server_that_is_not_there_has_no_sessions() {
    let own = Own::new();
    assert_eq!(own.0.sessions().unwrap(), [""; 0]);
    assert_eq!(own.0.pane("a").unwrap(), None);
    assert!(!own.0.exists("a").unwrap());
    own.0.kill("a").unwrap();
    own.0.kill_server().unwrap();
    assert!(own.0.screen("a").is_err());
}

#[test]
fn arguments_reach_the_program_as_they_are() {
    let own = Own::new();
    own.run(
        "a",
        &["sh", "-c", "printf '%s|' \"$@\"; sleep 600", "sh", "$HOME", "#{pane_id}", "two words", "ends with;", ";", "-n"],
    );
    own.until("it prints", |t| t.screen("a").unwrap().contains("$HOME|#{pane_id}|two words|ends with;|;|-n|"));
    own.run("b", &["/bin/true"]);
    own.until("one word alone runs too", |t| {
        // tmux may see the terminal close before it hears how the program ended, and then never says.
        t.pane("b").unwrap().is_some_and(|p| p.dead && matches!(p.dead_status, None | Some(0)))
    });
}

#[test]
fn a_name_is_matched_whole_and_an_ended_program_leaves_its_screen() {
    let own = Own::new();
    own.run("a-long-name", &["sh", "-c", "echo last words; sleep 0.3; kill -9 $$"]);
    assert!(!own.0.exists("a-long").unwrap());
    own.until("it ends", |t| t.pane("a-long-name").unwrap().unwrap().dead);
    let pane = own.0.pane("a-long-name").unwrap().unwrap();
    assert_eq!((pane.cols, pane.rows), (80, 24));
    assert!(matches!(pane.dead_status, None | Some(137)), "{pane:?}");
    assert!(own.0.last_words("a-long-name").unwrap().contains("last words"));
    own.0.kill("a-long-name").unwrap();
    assert_eq!(own.0.sessions().unwrap(), [""; 0]);
    own.run("a-long-name", &["sleep", "600"]);
    assert_eq!(own.0.sessions().unwrap(), ["a-long-name"], "right after its server has left");
}

#[test]
fn the_environment_of_a_terminal_holds_nothing_of_ours() {
    let own = Own::new();
    own.run("a", &["sh", "-c", "env | cut -d= -f1 | sort | tr '\\n' ' '; echo .; sleep 600"]);
    own.until("it prints", |t| t.screen("a").unwrap().contains('.'));
    assert!(!own.0.screen("a").unwrap().contains("CARGO"), "{}", own.0.screen("a").unwrap());
}

#[test]
fn keys_and_pastes_arrive_as_they_are_and_copy_mode_is_left() {
    let own = Own::new();
    let tmp = tempfile::tempdir().unwrap();
    let file = tmp.path().join("got");
    own.run("a", &["sh", "-c", "stty raw -echo; printf '\\033[?2004hready'; exec cat > \"$1\"", "sh", file.to_str().unwrap()]);
    own.until("it is ready", |t| t.screen("a").unwrap().contains("ready"));
    own.0.keys("a", &"a;-é#{pane_id};".chars().map(Key::Char).collect::<Vec<_>>()).unwrap();
    own.0.keys("a", &[Key::CtrlU, Key::Enter]).unwrap();
    own.0.paste("a", "one\ntwo #{pane_id};").unwrap();
    let wanted = "a;-é#{pane_id};\u{15}\r\u{1b}[200~one\ntwo #{pane_id};\u{1b}[201~";
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    own.until("all of it", |_| read().len() >= wanted.len());
    assert_eq!(read(), wanted);
    let target = target("a");
    call(&own.0.socket, &["copy-mode", "-t", &target].map(str::to_owned), None).unwrap();
    assert!(own.0.pane("a").unwrap().unwrap().in_mode);
    own.0.leave_copy_mode("a").unwrap();
    assert!(!own.0.pane("a").unwrap().unwrap().in_mode);
    own.0.leave_copy_mode("a").unwrap();
    let big = "x".repeat(200_000);
    own.0.paste("a", &big).unwrap();
    own.until("a big one", |_| read().len() == wanted.len() + big.len() + 12);
}

#[test]
fn a_socket_path_that_no_kernel_takes_is_refused_in_words() {
    let err = Tmux::at(Path::new(&format!("/tmp/{}", "x".repeat(120)))).sessions().unwrap_err().to_string();
    assert!(err.contains("shorter"), "{err}");
}
