//! P6, P13, P14 and P20: what a page costs beside its parts, a reconnect beside its read, a search in much beside one in
//! little, and a poll that finds nothing new.

use super::bare::Bare;
use super::clock::Stopwatch;
use super::http::Conn;
use super::pages::times;
use super::report::{Gate, Report, interleave, median};
use super::server::{Process, Server, cpu_ns};
use super::{Outcome, Plan, seed};
use mission_control::base::clock::SystemClock;
use mission_control::config::{Config, Flags};
use mission_control::domain::ids::{EventId, TicketId};
use mission_control::domain::orchestrator::session::LUCI;
use mission_control::domain::ticket::Status;
use mission_control::store::Store;
use mission_control::store::inbox::items;
use mission_control::store::run::{events, runs};
use mission_control::store::ticket::filter::Filter;
use mission_control::store::ticket::{changes, lists};
use mission_control::web::board::load::load_board;
use mission_control::web::board::query::Query;
use mission_control::web::board::view::{Board, board as view};
use mission_control::web::shared::orchestrator_status::orchestrator_status;
use mission_control::web::shared::waiting;
use mission_control::web::ui::Ctx;
use mission_control::web::ui::shell;
use mission_control::web::ui::shell::{Nav, Shell};
use rusqlite::Connection;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Processor time of this thread so far, in milliseconds.
fn mine_ms() -> f64 {
    cpu_ns(Path::new("/proc/thread-self/schedstat")) / 1e6
}

fn ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(a, b)| b / a).collect()
}

fn both(pairs: &[(f64, f64)], unit: &str) -> String {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    format!("{:.3} {unit} against {:.3} {unit}", median(&b), median(&a))
}

/// P6: the board over HTTP beside its SQL, its markup and a hello, each alone.
pub fn parts(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p6"), 0, "none")?;
    seed::board(plan, &server.data, 1_000)?;
    server.start()?;
    let flags = Flags { data: Some(server.data.clone()), ..Flags::default() };
    let config = Config::load(&flags, &|_| None, &|_| None)?;
    let copy = plan.root.join("p6-copy");
    std::fs::create_dir_all(&copy)?;
    seed::board(plan, &copy, 1_000)?;
    let store = Store::open(&copy.join("mc.db"), Arc::new(SystemClock::new()))?;
    let bare = Bare::start(&plan.root, &[])?;
    let (mut hello, mut board) = (bare.conn()?, server.conn()?);
    let count = plan.pick(100, 40);
    times(&mut board, "/board", "", count)?;
    let mut notes = (Vec::new(), Vec::new(), Vec::new());
    let pairs = interleave(
        plan.pairs(),
        || {
            let hello = median(&times(&mut hello, "/hello", "", count)?);
            let (mut sql, mut maud) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let began = Stopwatch::start();
                let (found, shell) = loaded(&store, &config)?;
                sql.push(began.millis());
                let began = Stopwatch::start();
                let now = store.clock().now();
                let main = view(&found, "/board/stream?after=1", Ctx { now, seed: "0123456789abcdef" });
                std::hint::black_box(shell::page(&shell, &main).into_string());
                maud.push(began.millis());
            }
            let (sql, maud) = (median(&sql), median(&maud));
            notes.0.push(sql);
            notes.1.push(maud);
            notes.2.push(hello);
            Ok(sql + maud + hello)
        },
        || Ok(median(&times(&mut board, "/board", "", count)?)),
    )?;
    let note = format!(
        "{} (SQL {:.2}, markup {:.2}, hello {:.2} ms)",
        both(&pairs, "ms"),
        median(&notes.0),
        median(&notes.1),
        median(&notes.2)
    );
    report.ratios("P6", "the board over HTTP / SQL + markup + hello", &ratios(&pairs), Gate::AtMost(1.3), note);
    Ok(())
}

/// What the board's page reads, in the two reads that it does.
fn loaded(store: &Store, config: &Config) -> Result<(Board, Shell)> {
    let now = store.clock().now();
    let (found, _) = store.read(|c| Ok((load_board(c, config, &Query::default(), now)?, changes::newest(c)?)))?;
    let (needs, running, luci, reports) = store.read(|c| {
        let reports = items::waiting_count(c, waiting::REPORTS_COUNTED)?;
        Ok((waiting::needs_count(c)?, runs::live(c)?.len(), orchestrator_status(c)?, reports))
    })?;
    let shell = Shell {
        title: "Board".to_owned(),
        here: Nav::Board,
        needs,
        reports,
        running: i64::try_from(running)?,
        slots: 0,
        luci,
        now,
        user_name: "Owner".to_owned(),
        crumbs: Vec::new(),
        q: String::new(),
    };
    Ok((found, shell))
}

/// P13: a reader comes back with the number of the last event it saw.
pub fn replay(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p13"), 0, "none")?;
    seed::large(plan, &server.data)?;
    server.start()?;
    let conn = Connection::open(server.data.join("mc.db"))?;
    for k in [1_000_i64, 100] {
        let (ticket, from) = (TicketId(seed::TALKER), k + 1);
        let ids: Vec<i64> = {
            let mut stmt = conn.prepare("select id from ticket_events where ticket_id = ?1 order by seq desc limit ?2")?;
            let mut ids = stmt.query_map([ticket.0, from], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
            ids.reverse();
            ids
        };
        let (seen, wanted) = (ids[0], &ids[1..]);
        let (mut wrong, mut walls) = (0, (Vec::new(), Vec::new()));
        let pairs = interleave(
            plan.pairs(),
            || {
                let (mut all, cpu) = (Vec::new(), mine_ms());
                for _ in 0..10 {
                    let began = Stopwatch::start();
                    let found = events::after(&conn, ticket, EventId(seen), None, k)?;
                    all.push(began.millis());
                    if found.len() != wanted.len() {
                        return Err("the read alone found something else".into());
                    }
                }
                walls.0.push(median(&all));
                Ok((mine_ms() - cpu) / 10.0)
            },
            || {
                let (mut all, cpu) = (Vec::new(), server.cpu_ms()?);
                for _ in 0..10 {
                    let began = Stopwatch::start();
                    let got = come_back(&server, ticket, seen, wanted.len())?;
                    all.push(began.millis());
                    wrong += usize::from(got != wanted);
                }
                walls.1.push(median(&all));
                Ok((server.cpu_ms()? - cpu) / 10.0)
            },
        )?;
        let gate = if k == 1_000 { Gate::AtMost(3.0) } else { Gate::None };
        let what = format!("{k} events replayed to one who comes back / the SQL read alone");
        report.ratios("P13", &format!("{what}: processor"), &ratios(&pairs), gate, both(&pairs, "ms"));
        let walls: Vec<(f64, f64)> = walls.0.into_iter().zip(walls.1).collect();
        report.ratios("P13", "  the same: time until the last has come", &ratios(&walls), Gate::None, both(&walls, "ms"));
        report.holds("P13", "exactly the next ones, each once", wrong == 0, format!("{k} events after {seen}"));
    }
    Ok(())
}

/// The numbers of the events that come after `seen`.
fn come_back(server: &Server, ticket: TicketId, seen: i64, count: usize) -> Result<Vec<i64>> {
    let mut stream =
        server.conn()?.stream_with(&format!("/api/v1/tickets/{ticket}/stream"), &format!("Last-Event-ID: {seen}\r\n"))?;
    let mut got = Vec::with_capacity(count);
    while got.len() < count {
        let Some(lines) = stream.lines()? else { break };
        got.extend(lines.lines().filter_map(|l| l.strip_prefix("id:")?.trim().parse::<i64>().ok()));
    }
    Ok(got)
}

/// P14: words looked for among 100,000 tickets and among 1,000.
pub fn search(plan: &Plan, report: &mut Report) -> Outcome {
    let mut conns = Vec::new();
    for n in [1_000, 100_000] {
        let at = plan.root.join(format!("p14-{n}"));
        std::fs::create_dir_all(&at)?;
        seed::board(plan, &at, n)?;
        conns.push(Connection::open(at.join("mc.db"))?);
    }
    let [few, many] = conns.as_slice() else { return Err("two databases were made".into()) };
    let plain = |q: &str| Filter { q: Some(q.to_owned()), ..Filter::default() };
    let rare = Filter { status: Some(Status::Blocked), ..plain("parser") };
    for (what, filter, gate) in [
        ("newest 50, words that all have", plain("parser form"), Gate::AtMost(3.0)),
        ("the same among blocked ones alone", rare, Gate::AtMost(5.0)),
        ("newest 50, and a beginning that 11,111 numbers have", plain("form 9"), Gate::None),
    ] {
        let look = |conn: &Connection| -> Result<f64> {
            let before = mine_ms();
            let rounds = 20;
            for _ in 0..rounds {
                std::hint::black_box(lists::list(conn, &filter, None, 50)?);
            }
            Ok((mine_ms() - before) / f64::from(rounds))
        };
        look(few)?;
        look(many)?;
        let pairs = interleave(plan.pairs(), || look(few), || look(many))?;
        report.ratios("P14", &format!("search, 100,000 / 1,000: {what}"), &ratios(&pairs), gate, both(&pairs, "ms"));
    }
    Ok(())
}

/// P20: the polls of an open page, when nothing has changed.
pub fn polls(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p20"), 0, "none")?;
    seed::board(plan, &server.data, 1_000)?;
    // Nobody is at work, as when nothing changes.
    Connection::open(server.data.join("mc.db"))?.execute_batch(
        "update runs set state = 'finished', ended_at = created_at;
         update tickets set status = 'in_review' where status = 'in_progress';",
    )?;
    server.start()?;
    let bare = Bare::start(&plan.root, &[])?;
    let count = plan.pick(1_500, 400);
    let screen = format!("/console/screen?session={LUCI}&");
    for (name, path, id) in [("the sessions", "/console/sessions?", "sessions-seen"), ("the screen", &screen, "term-seen")] {
        let mut conn = server.conn()?;
        let page = conn.get("/console", "")?;
        let mark = value_of(&String::from_utf8_lossy(&page.body), id).ok_or("the page has no mark")?;
        let path = format!("{path}seen={mark}");
        let htmx = "HX-Request: true\r\nHX-Request-Type: partial\r\n";
        let answer = conn.ask("GET", &path, htmx, "")?;
        report.holds("P20", &format!("poll of {name}, unchanged: 204"), answer.status == 204, answer.status.to_string());
        let bytes = answer.head_bytes + answer.body.len();
        report.once("P20", &format!("poll of {name}, unchanged: bytes"), bytes as f64, "B", Gate::AtMost(300.0), "");
        let mut hello = bare.conn()?;
        let pairs = interleave(
            plan.pairs(),
            || cost(bare.process(), &mut hello, "/hello", "", count),
            || cost(server.process()?, &mut conn, &path, htmx, count),
        )?;
        let what = format!("poll of {name}, unchanged / hello: processor");
        report.ratios("P20", &what, &ratios(&pairs), Gate::AtMost(2.0), both(&pairs, "ms"));
    }
    Ok(())
}

/// The server's processor time for one request, in milliseconds.
fn cost(of: Process, conn: &mut Conn, path: &str, more: &str, count: usize) -> Result<f64> {
    let before = of.cpu_ms()?;
    for _ in 0..count {
        conn.ask("GET", path, more, "")?;
    }
    Ok((of.cpu_ms()? - before) / count as f64)
}

/// The value of a hidden field.
fn value_of(page: &str, id: &str) -> Option<String> {
    let field = page.split('<').find(|tag| tag.contains(&format!("id=\"{id}\"")))?;
    Some(field.split("value=\"").nth(1)?.split('"').next()?.to_owned())
}
