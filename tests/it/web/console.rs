//! The console over HTTP, with a real terminal of tmux on a socket of its own: what is shown, what may be typed, by whom.

use crate::support::app::TestApp;
use crate::support::http_client::Answer;
use mission_control::domain::actor::Scope;
use mission_control::domain::orchestrator::session::{DriverKind, LUCI, Session, SessionState};
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use mission_control::drivers::tmux::Tmux;
use mission_control::store::db::audit;
use mission_control::store::orchestrator::{sessions, turns};
use std::path::{Path, PathBuf};

/// What is typed exactly, whatever a shell, tmux or a paste would make of it.
const HARD: &[&str] = &["; ls;", "#{pane_id} #(id)", "$(id) `id` $HOME", "-x", "a\"b'c\\d", "größe 漢字 ●", "<b>&amp;</b>"];

/// A server with a session of Luci's and a terminal of it. The terminal ends with the test.
struct Rig {
    app: TestApp,
    tmux: Tmux,
    /// All that was typed into the terminal, byte for byte.
    typed: PathBuf,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _gone = self.tmux.kill_server();
    }
}

impl Rig {
    /// `None` where this machine has no tmux.
    fn start() -> Option<Rig> {
        if !Tmux::installed() {
            eprintln!("skipped: tmux is not installed");
            return None;
        }
        let app = TestApp::start();
        let tmux = Tmux::at(&app.engine.data.tmux_socket());
        let typed = app.engine.data.path().join("typed");
        let program = "stty raw -echo; printf '\\033[?2004h\\033[32mready\\033[0m <script>'; exec tee \"$1\"";
        let argv = ["sh", "-c", program, "sh", typed.to_str().expect("UTF-8")].map(str::to_owned);
        tmux.new_session(LUCI, Path::new("/"), &argv, 80, 24).expect("a terminal");
        open(&app, DriverKind::Tmux, SessionState::Idle);
        let rig = Rig { app, tmux, typed };
        rig.app.wait_for("the program is ready", || rig.tmux.screen(LUCI).expect("readable").contains("ready"));
        Some(rig)
    }

    fn typed(&self) -> String {
        std::fs::read_to_string(&self.typed).unwrap_or_default()
    }

    fn take(&self, take: bool) {
        let answer = post(&self.app, "/console/keyboard", &[("take", if take { "1" } else { "0" })]);
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    /// Puts a turn into the hands of the orchestrator that does not run here.
    fn in_flight(&self) -> Turn {
        self.app
            .store
            .write(|tx| {
                let new =
                    turns::NewTurn { origin: TurnOrigin::Human, author: "Owner".into(), message: "Work".into(), client_id: None };
                turns::send(tx, &new)?;
                let session = sessions::current(tx.conn)?.expect("open");
                let turn = turns::claim(tx, session.id, "n1")?.expect("claimed");
                turns::sending(tx, &turn)?;
                turns::get(tx.conn, turn.id)
            })
            .expect("a turn in flight")
    }
}

fn open(app: &TestApp, driver: DriverKind, state: SessionState) -> Session {
    let root = app.engine.data.sessions();
    app.store
        .write(move |tx| {
            let new = sessions::NewSession {
                driver,
                profile: "demo".into(),
                agent_session: "5a6f".into(),
                begun: String::new(),
                root,
                brief: String::new(),
                hand_over: None,
            };
            let session = sessions::open(tx, &new)?;
            sessions::launching(tx, session.id)?;
            sessions::stands(tx, session.id, state, None)?;
            sessions::get(tx.conn, session.id)
        })
        .expect("a session")
}

fn stands(app: &TestApp, state: SessionState) {
    let set = app.store.write(move |tx| {
        let session = sessions::current(tx.conn)?.expect("open");
        sessions::stands(tx, session.id, state, Some("a dialog"))
    });
    set.expect("set");
}

fn post(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = app.owner.clone();
    post_as(app, &token, path, fields)
}

fn post_as(app: &TestApp, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encode = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    app.bare("POST", path).bearer(token).header("Content-Type", "application/x-www-form-urlencoded").body(body.join("&")).send()
}

fn seen(html: &str, id: &str) -> String {
    let (_, rest) = html.split_once(&format!("id=\"{id}\" value=\"")).expect("what the page has seen");
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn the_screen_is_shown_with_its_colours_and_a_poll_brings_it_only_when_it_changed() {
    let Some(rig) = Rig::start() else { return };
    let page = rig.app.get("/console?session=luci-persistent").text();
    assert!(page.contains("<span class=\"f2\">ready</span> &lt;script&gt;"), "{page}");
    assert!(page.contains("tmux -u -S ") && page.contains("attach -t luci-persistent"), "{page}");
    let poll = |seen: &str| rig.app.get(&format!("/console/screen?session=luci-persistent&seen={seen}"));
    let mark = seen(&page, "term-seen");
    assert_eq!(poll(&mark).status, 204);
    rig.tmux.paste(LUCI, "another word").expect("pasted");
    rig.app.wait_for("the change is shown", || {
        let answer = poll(&mark);
        answer.status == 200 && answer.text().contains("another word") && answer.text().contains("id=\"term\"")
    });
    assert_eq!(rig.app.get(&format!("/console/sessions?seen={}", seen(&page, "sessions-seen"))).status, 204);
}

#[test]
fn a_line_is_typed_exactly_as_it_is_and_a_repeated_request_types_it_once() {
    let Some(rig) = Rig::start() else { return };
    rig.take(true);
    let mut wanted = String::new();
    for (n, line) in HARD.iter().enumerate() {
        for _ in 0..2 {
            let sent = post(&rig.app, "/console/line", &[("line", line), ("client_id", &format!("c{n}"))]);
            assert_eq!(sent.status, 303, "{}", sent.text());
        }
        wanted.push_str(&format!("\u{1b}[200~{line}\u{1b}[201~\r"));
        rig.app.wait_for("the line arrives", || rig.typed().len() >= wanted.len());
        assert_eq!(rig.typed(), wanted);
    }
    // Nothing typed ends the paste from within, and nothing presses a key of its own.
    let nasty = post(&rig.app, "/console/line", &[("line", "a\u{1b}[201~\u{3}b\r\nc\u{9b}d")]);
    assert_eq!(nasty.status, 303);
    wanted.push_str("\u{1b}[200~a[201~b cd\u{1b}[201~\r");
    rig.app.wait_for("the harmless rest arrives", || rig.typed().len() >= wanted.len());
    assert_eq!(rig.typed(), wanted);
    assert_eq!(post(&rig.app, "/console/line", &[("line", " \u{1b} ")]).status, 422);
    let notes = rig.app.store.read(|c| audit::list(c, None, 100)).expect("readable");
    assert_eq!(notes.iter().filter(|e| e.action == "console_line").count(), HARD.len() + 1);
    assert!(!format!("{notes:?}").contains("pane_id"), "what was typed is nobody's: {notes:?}");
}

#[test]
fn keys_reach_the_terminal() {
    let Some(rig) = Rig::start() else { return };
    rig.take(true);
    for key in ["enter", "escape", "ctrl-c", "tab", "shift-tab", "y", "n"] {
        assert_eq!(post(&rig.app, "/console/keys", &[("key", key)]).status, 303, "{key}");
    }
    let wanted = "\r\u{1b}\u{3}\t\u{1b}[Zyn";
    rig.app.wait_for("all keys", || rig.typed().len() >= wanted.len());
    assert_eq!(rig.typed(), wanted);
    assert_eq!(post(&rig.app, "/console/keys", &[("key", "f1")]).status, 422);
}

#[test]
fn nobody_types_beside_luci() {
    let Some(rig) = Rig::start() else { return };
    let line = || post(&rig.app, "/console/line", &[("line", "hello")]);
    let key = |key: &str| post(&rig.app, "/console/keys", &[("key", key)]);
    assert_eq!((line().status, key("enter").status, key("escape").status), (409, 409, 409), "the keyboard is hers");
    let turn = rig.in_flight();
    rig.take(true);
    assert_eq!((line().status, key("enter").status, key("y").status), (409, 409, 409), "a turn is in flight");
    // What means "leave off" becomes the interrupt of the turn, and is not typed beside her either.
    assert_eq!(key("escape").status, 303);
    let asked = rig.app.store.read(move |c| turns::get(c, turn.id)).expect("readable");
    assert!(asked.interrupt_wanted && asked.state == TurnState::Sent);
    assert_eq!(rig.typed(), "");
    let ended = rig.app.store.write(move |tx| turns::interrupted(tx, &asked, None));
    ended.expect("interrupted");
    assert_eq!(line().status, 303);
    rig.app.wait_for("the line arrives", || rig.typed().contains("hello"));
    rig.take(false);
    assert_eq!(line().status, 409);
}

#[test]
fn a_dialog_is_answered_without_taking_the_keyboard() {
    let Some(rig) = Rig::start() else { return };
    rig.in_flight();
    stands(&rig.app, SessionState::Waiting);
    assert!(rig.app.get("/console").text().contains("only you can answer"));
    assert_eq!(post(&rig.app, "/console/keys", &[("key", "y")]).status, 303);
    assert_eq!(post(&rig.app, "/console/keys", &[("key", "escape")]).status, 303);
    rig.app.wait_for("both keys", || rig.typed() == "y\u{1b}");
}

#[test]
fn only_the_owner_types_and_whoever_may_read_sees_it() {
    let Some(rig) = Rig::start() else { return };
    rig.take(true);
    for (name, scope) in [("script", Scope::Operator), ("screen", Scope::Viewer)] {
        let token = rig.app.token(name, scope);
        let page = rig.app.bare("GET", "/console").bearer(&token).send();
        assert_eq!(page.status, 200);
        assert!(page.text().contains("ready") && page.text().contains("Only the owner types here"), "{name}");
        for (path, field) in
            [("line", ("line", "hello")), ("keys", ("key", "y")), ("keyboard", ("take", "0")), ("start", ("x", "1"))]
        {
            assert_eq!(post_as(&rig.app, &token, &format!("/console/{path}"), &[field]).status, 403, "{name} {path}");
        }
    }
    let own = rig.app.ticket("Its own");
    let worker = rig.app.token("worker", Scope::Ticket(own.parse().expect("an identifier")));
    for path in ["/console", "/console/screen?session=luci-persistent", "/console/sessions"] {
        assert_eq!(rig.app.bare("GET", path).bearer(&worker).send().status, 403, "{path}");
        let outside = rig.app.bare("GET", path).send();
        assert!(outside.status == 303 || outside.status == 401, "{path}: {}", outside.status);
    }
    assert_eq!(rig.typed(), "");
}

#[test]
fn the_last_screen_stays_when_the_agent_is_gone_and_the_history_stands_above() {
    let Some(rig) = Rig::start() else { return };
    let many: String = (0..60).map(|n| format!("line {n}\r\n")).collect();
    rig.tmux.paste(LUCI, &many).expect("pasted");
    rig.app.wait_for("the end of it", || rig.tmux.screen(LUCI).expect("readable").contains("line 59"));
    let live = rig.app.get("/console").text();
    let history = rig.app.get("/console?session=luci-persistent&lines=2000").text();
    assert!(!live.contains("line 3\n") && history.contains("line 3\n") && history.contains("line 59"), "{history}");
    assert!(!history.contains("every 1s"), "a history stands still");
    let set = rig.app.store.write(|tx| {
        let session = sessions::current(tx.conn)?.expect("open");
        sessions::down(tx, session.id, "its agent was killed", None, true)
    });
    set.expect("down");
    let down = rig.app.get("/console").text();
    assert!(down.contains("line 59") && down.contains("Its agent was killed.") && down.contains("Start again"), "{down}");
    assert_eq!(post(&rig.app, "/console/keys", &[("key", "y")]).status, 409);
    assert_eq!(post(&rig.app, "/console/start", &[]).status, 303);
    assert_eq!(rig.app.store.read(sessions::wanted).expect("readable").on, Some(true));
}

#[test]
fn before_the_first_session_there_is_a_start_and_an_unknown_one_is_not_there() {
    let app = TestApp::start();
    let page = app.get("/console");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Luci has no session yet") && page.text().contains("action=\"/console/start\""));
    for name in ["nobody", "mc-mc-99", "mc-mc-x", "%3Cscript%3E"] {
        let answer = app.get(&format!("/console?session={name}"));
        assert_eq!(answer.status, 404, "{name}");
        assert!(answer.text().contains("There is no such session") && !answer.text().contains("“<script>"), "{name}");
    }
    assert_eq!(app.get("/console/screen?session=nobody&seen=x").status, 404);
    assert_eq!(post(&app, "/console/line", &[("line", "hello")]).status, 409);
}

#[test]
fn a_headless_session_shows_the_log_of_its_newest_turn_and_takes_no_keys() {
    let app = TestApp::start();
    let session = open(&app, DriverKind::Headless, SessionState::Idle);
    assert!(app.get("/console").text().contains("Nothing was said yet"));
    let turn = Path::new(&session.dir).join("turns/3-aa");
    std::fs::create_dir_all(&turn).expect("made");
    let log = concat!(
        r#"{"type":"assistant","session_id":"s","message":{"id":"m1","role":"assistant","content":[{"type":"text","text":"I look at <b>it</b>."},{"type":"tool_use","id":"t1","name":"Read","input":{"file_path":"/w/src/app.rs"}}],"usage":{"input_tokens":3,"output_tokens":5}}}"#,
        "\n"
    );
    std::fs::write(turn.join("stream.log"), log).expect("written");
    let page = app.get("/console").text();
    assert!(page.contains("I look at &lt;b&gt;it&lt;/b&gt;.") && page.contains("Read") && page.contains("app.rs"), "{page}");
    assert!(page.contains("runs without a terminal") && !page.contains("id=\"keys\""), "{page}");
    let refused = post(&app, "/console/keys", &[("key", "y")]);
    assert!(refused.status == 409 && refused.text().contains("without a terminal"));
}
