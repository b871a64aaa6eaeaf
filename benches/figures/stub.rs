//! The path of a line with the store left out: the same file watch, parser, doorbell, stream and markup, but rows live
//! in memory. It is a process of its own, like the server it is compared with.

use super::clock::pause;
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use mission_control::base::clock::SystemClock;
use mission_control::base::doorbell::Topic;
use mission_control::base::error::Result;
use mission_control::config::data_dir::{DataDir, Local};
use mission_control::config::{Config, Flags};
use mission_control::domain::ids::{EventId, RunId, TicketId};
use mission_control::domain::profile::RuntimeKind;
use mission_control::domain::run::event::Event;
use mission_control::domain::run::progress::Progress;
use mission_control::domain::time::Time;
use mission_control::drivers::runtime;
use mission_control::engine::Engine;
use mission_control::engine::system::fs_watch;
use mission_control::store::Store;
use mission_control::web::http::auth::Principal;
use mission_control::web::http::state::{App, Reads};
use mission_control::web::sse::page_stream;
use mission_control::web::sse::page_stream::{Feed, Piece};
use mission_control::web::ticket::view_live::appended;
use mission_control::web::ui::Ctx;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

type Rows = Arc<Mutex<BTreeMap<i64, Vec<Event>>>>;

/// Serves until it is killed. `args`: the data folder, and how many logs there are.
pub fn main(args: &[String]) -> ExitCode {
    let (Some(data), Some(count)) = (args.first(), args.get(1).and_then(|n| n.parse().ok())) else { return ExitCode::FAILURE };
    match serve(Path::new(data), count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// Where the n-th log is.
pub fn log(data: &Path, n: i64) -> PathBuf {
    data.join("logs").join(format!("{n}-stream.log"))
}

fn serve(data: &Path, count: i64) -> Result<()> {
    let dir = DataDir::open(data)?;
    let store = Store::open(&dir.database(), Arc::new(SystemClock::new()))?;
    let flags = Flags { data: Some(data.to_owned()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None)?);
    let engine = Arc::new(Engine::new(store.clone(), config.clone(), dir.clone(), PathBuf::new(), String::new()));
    let _wake = fs_watch::watch(&data.join("logs"), &dir.runs(), store.doorbell.clone())?;
    let engines = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let rows: Rows = Arc::default();
    for n in 1..=count {
        let (store, rows, path, handle) = (store.clone(), rows.clone(), log(data, n), engines.handle().clone());
        std::thread::spawn(move || follow(&store, &rows, TicketId(n), &path, &handle));
    }
    let (_close, closing) = watch::channel(false);
    let app = web::Data::new(App { store, engine, config, closing, streams: AtomicUsize::new(0), reads: Reads::default() });
    let rows = web::Data::new(rows);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    dir.tell_local(&Local {
        url: format!("http://{}", listener.local_addr()?),
        token: "none".to_owned(),
        pid: std::process::id(),
    })?;
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            ActixApp::new().app_data(app.clone()).app_data(rows.clone()).route("/tickets/{n}/stream", web::get().to(stream))
        })
        .workers(2)
        .tcp_nodelay(true)
        .listen(listener)?
        .run();
        Ok(server.await?)
    })
}

/// As the ingest engine follows a log, but what it read goes into memory.
fn follow(store: &Store, rows: &Rows, ticket: TicketId, path: &Path, rt: &tokio::runtime::Handle) {
    let mut ear = store.doorbell.listen(Topic::Log(fs_watch::log_id(path)));
    let mut file = loop {
        match File::open(path) {
            Ok(file) => break file,
            Err(_) => pause(Duration::from_millis(5)),
        }
    };
    let (mut rest, mut progress, mut line_no, mut seq) = (Vec::new(), Progress::default(), 0, 0);
    loop {
        ear.hush();
        if file.read_to_end(&mut rest).is_ok_and(|n| n > 0)
            && let Some(last) = rest.iter().rposition(|b| *b == b'\n')
        {
            let now = store.clock().now();
            let mut found = Vec::new();
            for line in rest[..last].split(|b| *b == b'\n') {
                line_no += 1;
                found.extend(runtime::of(RuntimeKind::Claude).read_line(line, line_no, now, &mut progress));
            }
            rest.drain(..=last);
            // What the store would be given with them.
            let state = serde_json::to_string(&progress).unwrap_or_default();
            std::hint::black_box(state);
            let mut all = rows.lock().expect("nobody panics while holding it");
            all.entry(ticket.0).or_default().extend(found.into_iter().map(|what| {
                seq += 1;
                Event { id: EventId(seq), ticket, seq, run: RunId(1), attempt: 1, created_at: now, what }
            }));
            drop(all);
            store.doorbell.ring(Topic::Ticket(ticket));
        }
        rt.block_on(ear.wait(Duration::from_millis(400)));
    }
}

#[derive(Clone)]
struct MemoryFeed {
    rows: Rows,
    ticket: TicketId,
    at: usize,
}

impl Feed for MemoryFeed {
    fn next(&mut self, _: &Connection, now: Time) -> Result<Option<Piece>> {
        let events: Vec<Event> = {
            let all = self.rows.lock().expect("nobody panics while holding it");
            all.get(&self.ticket.0).into_iter().flat_map(|e| e[self.at..].iter().take(200).cloned()).collect()
        };
        if events.is_empty() {
            return Ok(None);
        }
        self.at += events.len();
        let more = events.len() == 200;
        Ok(Some(Piece { id: self.at.to_string(), html: appended(&events, Ctx { now, seed: "" }).0, more }))
    }
}

async fn stream(req: HttpRequest, app: web::Data<App>, rows: web::Data<Rows>, path: web::Path<i64>) -> HttpResponse {
    let ticket = TicketId(path.into_inner());
    let feed = MemoryFeed { rows: rows.get_ref().clone(), ticket, at: 0 };
    page_stream::stream(&req, &app, &Principal::inside(), Topic::Ticket(ticket), feed)
}
