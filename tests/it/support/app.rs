//! A whole server in this process, on a port and a data folder of its own.

use crate::support::http_client::{Answer, Request};
use actix_web::web;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::actor::Scope;
use mission_control::engine::Engine;
use mission_control::engine::system::check;
use mission_control::store::Store;
use mission_control::store::access::credentials;
use mission_control::web::http::server;
use mission_control::web::http::state::App;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// A server under test. Dropping it stops it and checks the invariants.
pub struct TestApp {
    pub store: Store,
    #[allow(dead_code, reason = "for tests that run the engines")]
    pub engine: Arc<Engine>,
    pub config: Arc<Config>,
    pub addr: SocketAddr,
    /// The owner's token.
    pub owner: String,
    pub app: web::Data<App>,
    closing: tokio::sync::watch::Sender<bool>,
    handle: actix_web::dev::ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

/// The program under test.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_mission-control"))
}

impl TestApp {
    /// A server whose engines do not run and that starts no worker.
    pub fn start() -> TestApp {
        TestApp::with_config("[pickup]\nmax_workers = 0\n")
    }

    /// As [`TestApp::start`], with a configuration file.
    pub fn with_config(toml: &str) -> TestApp {
        let dir = tempfile::tempdir().expect("a temp dir");
        let data = DataDir::open(&dir.path().join("data")).expect("a data folder");
        std::fs::write(data.path().join("config.toml"), toml).expect("a configuration");
        let flags = Flags { data: Some(data.path().to_owned()), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
        let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
        std::fs::create_dir_all(config.logs()).expect("a folder for logs");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Store::open(&data.database(), clock).expect("a store");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let engine = Arc::new(Engine::new(store.clone(), config.clone(), data, program(), format!("http://{addr}")));
        let (closing, closed) = tokio::sync::watch::channel(false);
        let app = web::Data::new(App {
            store: store.clone(),
            engine: engine.clone(),
            config: config.clone(),
            closing: closed,
            streams: AtomicUsize::new(0),
            reads: Default::default(),
        });
        let shared = app.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = server::serve(app, vec![listener]).expect("a server");
                tell.send(server.handle()).expect("the test waits for it");
                server.await.expect("the server ends well");
            });
        });
        let handle = told.recv().expect("the server starts");
        let mut app = TestApp {
            store,
            engine,
            config,
            addr,
            owner: String::new(),
            app: shared,
            closing,
            handle,
            thread: Some(thread),
            _dir: dir,
        };
        app.owner = app.token("owner", Scope::Owner);
        app.primed()
    }

    /// Uses the owner's token once, so that the note of its use is not a change that a test sees later.
    fn primed(self) -> TestApp {
        assert_eq!(self.get("/api/v1/tickets").status, 200);
        self.wait_for("the token's use is noted", || {
            self.store.read(|c| Ok(credentials::tokens(c)?.iter().any(|t| t.last_used_at.is_some()))).expect("readable")
        });
        self
    }

    /// The count of open streams.
    pub fn streams(&self) -> &AtomicUsize {
        &self.app.streams
    }

    /// Tells all streams that the server is to end.
    pub fn close(&self) {
        let _ = self.closing.send(true);
    }

    /// Makes a token.
    pub fn token(&self, name: &str, scope: Scope) -> String {
        let secret = mission_control::base::random::secret("mct_");
        let (kept, name) = (secret.clone(), name.to_owned());
        self.store.write(move |tx| credentials::add_token(tx, &name, &kept, scope, None)).expect("a token");
        secret
    }

    /// Opens a browser session; the value for the Cookie header.
    pub fn cookie(&self) -> String {
        let secret = mission_control::base::random::secret("mcs_");
        let kept = secret.clone();
        self.store.write(move |tx| credentials::open_session(tx, &kept, "Owner", "a test")).expect("a session");
        format!("mc_session={secret}")
    }

    /// A request without anything but what is said; `Host` is added.
    pub fn bare(&self, method: &str, path: &str) -> Request<'_> {
        let host = ("Host".to_owned(), self.addr.to_string());
        Request { app: self, method: method.to_owned(), path: path.to_owned(), headers: vec![host], body: Vec::new() }
    }

    /// A request of the owner's token.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        self.bare(method, path).bearer(&self.owner)
    }

    /// A GET of the owner's.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// A POST of the owner's.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send()
    }

    /// A PATCH of the owner's.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request("PATCH", path).json(body).send()
    }

    /// Makes a ticket; its identifier.
    pub fn ticket(&self, title: &str) -> String {
        let made = self.post("/api/v1/tickets", &serde_json::json!({ "title": title }));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["identifier"].as_str().expect("an identifier").to_owned()
    }

    /// Waits until something is so.
    pub fn wait_for(&self, what: &str, mut so: impl FnMut() -> bool) {
        let clock = SystemClock::new();
        while !so() {
            assert!(clock.mono_ms() < 10_000, "waited in vain: {what}");
            pause(Duration::from_millis(5));
        }
    }

    /// A number that changes with every row of what people work with.
    pub fn fingerprint(&self) -> Vec<i64> {
        const TABLES: &[&str] = &[
            "tickets",
            "comments",
            "runs",
            "ticket_events",
            "ticket_changes",
            "queued_messages",
            "run_reports",
            "evidence",
            "profile_pauses",
            "settings",
            "users",
            "login_links",
            "login_sessions",
            "api_tokens",
            "idempotency_keys",
            "audit",
            "turns",
            "proposals",
            "sessions",
        ];
        let sum = |c: &rusqlite::Connection, table: &str| -> mission_control::base::error::Result<Vec<i64>> {
            let mut stmt = c.prepare(&format!("select * from {table}"))?;
            let columns = stmt.column_count();
            let rows = stmt.query_map([], |r| {
                let mut text = String::new();
                for i in 0..columns {
                    text.push_str(&format!("{:?}|", r.get_ref(i)?));
                }
                Ok(text)
            })?;
            let rows: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            rows.hash(&mut hasher);
            Ok(vec![rows.len() as i64, hasher.finish() as i64])
        };
        self.store
            .read(|c| Ok(TABLES.iter().map(|t| sum(c, t)).collect::<mission_control::base::error::Result<Vec<_>>>()?.concat()))
            .expect("readable")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.close();
        // The future need not be awaited: the command is sent when it is made.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the server's thread ends well");
            }
        }
        if !std::thread::panicking() {
            let found = check::check(&self.store, 64).expect("checkable");
            assert!(found.is_empty(), "broken invariants: {found:?}");
        }
    }
}
