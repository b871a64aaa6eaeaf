//! P1: a line of an agent's output → raw log → durable row → a page's stream, flat out, beside raw batched inserts.

use super::agent;
use super::clock::{Stopwatch, wait_for};
use super::director::Director;
use super::http::Stream;
use super::report::{Gate, Report, interleave, median};
use super::server::{Server, cpu_ns};
use super::{Outcome, Plan};
use mission_control::base::clock::SystemClock;
use mission_control::domain::profile::RuntimeKind;
use mission_control::domain::run::event::NewEvent;
use mission_control::domain::run::progress::Progress;
use mission_control::domain::time::Time;
use mission_control::drivers::runtime;
use mission_control::store::Store;
use rusqlite::{Connection, params};
use std::cell::RefCell;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Tickets that run, and the pages that follow them.
pub struct Floor {
    pub server: Server,
    pub director: RefCell<Director>,
    pub names: Vec<String>,
    pub pages: Vec<Page>,
}

/// One page's stream, read by a thread of its own.
pub struct Page {
    /// The number of the last event that came.
    seen: Arc<AtomicI64>,
    /// Events that came out of order, twice or not at all.
    gaps: Arc<AtomicUsize>,
    socket: std::net::TcpStream,
    ended: Option<std::thread::JoinHandle<()>>,
}

impl Page {
    /// Follows a stream; `note` hears every line of it.
    pub fn follow(mut stream: Stream, mut note: impl FnMut(&str) + Send + 'static) -> Result<Page> {
        let (seen, gaps) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicUsize::new(0)));
        let (my_seen, my_gaps, socket) = (seen.clone(), gaps.clone(), stream.socket()?);
        let ended = std::thread::spawn(move || {
            while let Ok(Some(lines)) = stream.lines() {
                let mut last = my_seen.load(Ordering::Relaxed);
                for part in lines.split("data-seq=\"").skip(1) {
                    let seq: i64 = part.split('"').next().and_then(|s| s.parse().ok()).unwrap_or(-1);
                    if seq != last + 1 {
                        my_gaps.fetch_add(1, Ordering::Relaxed);
                    }
                    last = seq;
                }
                note(&lines);
                my_seen.store(last, Ordering::Release);
            }
        });
        Ok(Page { seen, gaps, socket, ended: Some(ended) })
    }

    pub fn seen(&self) -> i64 {
        self.seen.load(Ordering::Acquire)
    }

    pub fn gaps(&self) -> usize {
        self.gaps.load(Ordering::Relaxed)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.ended.take() {
            let _ = thread.join();
        }
    }
}

impl Floor {
    /// A server with so many tickets at work, each with its agent.
    pub fn open(at: &Path, workers: usize) -> Result<Floor> {
        let mut director = Director::new()?;
        let mut server = Server::folder(at, workers, &director.address()?)?;
        server.start()?;
        let mut ids = Vec::new();
        for n in 0..workers {
            ids.push(server.start_ticket(&format!("Work of agent {n}"))?);
        }
        let names: Vec<String> = ids.iter().map(|id| format!("MC-{id}")).collect();
        director.gather(&names)?;
        let director = RefCell::new(director);
        let floor = Floor { server, director, names, pages: Vec::new() };
        floor.all_running()?;
        Ok(floor)
    }

    /// Opens the page's stream of every ticket.
    pub fn watch(&mut self, note: impl Fn(usize) -> Box<dyn FnMut(&str) + Send>) -> Result<()> {
        for (n, name) in self.names.iter().enumerate() {
            let stream = self.server.conn()?.stream(&format!("/tickets/{name}/stream?after=0.0"))?;
            self.pages.push(Page::follow(stream, note(n))?);
        }
        self.caught_up()
    }

    /// Reads the database beside the server.
    pub fn look<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let conn = Connection::open(self.server.data.join("mc.db"))?;
        conn.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(look(&conn)?)
    }

    /// Events of each ticket, as the database has them.
    pub fn stored(&self) -> Result<Vec<i64>> {
        self.look(|c| {
            let mut stmt = c.prepare("select last_seq from tickets order by id")?;
            stmt.query_map([], |r| r.get(0))?.collect()
        })
    }

    fn all_running(&self) -> Result<()> {
        wait_for("all agents at work", 30.0, || {
            let n = self.look(|c| {
                c.query_row("select count(*) from runs where state = 'running' and log_lines > 0", [], |r| r.get::<_, i64>(0))
            });
            (usize::try_from(n.ok()?).ok()? == self.names.len()).then_some(())
        })?;
        Ok(())
    }

    /// Waits until every page shows what is stored.
    pub fn caught_up(&self) -> Result<()> {
        wait_for("the pages", 30.0, || {
            let stored = self.stored().ok()?;
            self.pages.iter().map(Page::seen).eq(stored).then_some(())
        })?;
        Ok(())
    }

    /// Tells agents something.
    pub fn tell(&self, names: &[String], what: &str) -> Result<()> {
        self.director.borrow_mut().tell(names, what)
    }

    /// Waits until they have done it.
    pub fn done(&self, names: &[String]) -> Result<()> {
        self.director.borrow_mut().done(names)
    }

    /// `agents` of them write `lines` lines in all, flat out. Lines per second until the last page has the last one.
    pub fn burst(&mut self, agents: usize, lines: u64) -> Result<f64> {
        let each = lines / agents as u64;
        let names = self.names[..agents].to_vec();
        let targets: Vec<i64> = self.pages[..agents].iter().map(|p| p.seen() + each as i64).collect();
        let began = Stopwatch::start();
        self.tell(&names, &format!("burst {each}"))?;
        self.done(&names)?;
        wait_for("the last line on the last page", 60.0, || {
            self.pages.iter().zip(&targets).all(|(p, t)| p.seen() >= *t).then_some(())
        })?;
        let took = began.seconds();
        Ok((each * agents as u64) as f64 / took)
    }
}

/// The figure.
pub fn flat_out(plan: &Plan, report: &mut Report) -> Outcome {
    let lines: u64 = plan.pick(40_000, 16_000);
    let mut floor = Floor::open(&plan.root.join("p1"), 8)?;
    floor.watch(|_| Box::new(|_| {}))?;
    let mut raw = Raw::open(&plan.root.join("raw.db"), lines)?;
    for agents in [1, 2, 8] {
        floor.burst(agents, lines / 4)?;
        let before = (raw.cpu_ms, raw.seq, floor.server.cpu_ms()?, floor.stored()?.iter().sum::<i64>());
        let pairs = interleave(plan.pairs(), || raw.insert(), || floor.burst(agents, lines))?;
        let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let what = format!("line → row → page, {agents} agent{} flat out", if agents == 1 { "" } else { "s" });
        let note = format!("{:.0} lines/s against {:.0} raw rows/s in batches of 256", median(&b), median(&a));
        report.ratios("P1", &what, &ratios, Gate::AtLeast(0.35), note);
        let raw_us = (raw.cpu_ms - before.0) * 1e3 / (raw.seq - before.1) as f64;
        let lines = floor.stored()?.iter().sum::<i64>() - before.3;
        let line_us = (floor.server.cpu_ms()? - before.2) * 1e3 / lines as f64;
        let note = format!("{line_us:.1} µs of the server a line, {raw_us:.1} µs a raw row");
        report.once("P1", "  its processor time against a raw row's", line_us / raw_us, "×", Gate::None, note);
    }
    floor.caught_up()?;
    let gaps: usize = floor.pages.iter().map(Page::gaps).sum();
    let shown: i64 = floor.pages.iter().map(Page::seen).sum();
    let rows: i64 = floor.look(|c| c.query_row("select count(*) from ticket_events", [], |r| r.get(0)))?;
    report.holds("P1", "no gap: pages = database, each number once", gaps == 0 && shown == rows, format!("{shown} events"));
    Ok(())
}

/// The same rows, inserted by hand as fast as it goes with the same durability.
struct Raw {
    conn: Connection,
    rows: Vec<NewEvent>,
    seq: i64,
    /// Processor time so far.
    cpu_ms: f64,
}

impl Raw {
    fn open(path: &Path, lines: u64) -> Result<Raw> {
        // The store makes its own schema; what follows then has the file alone.
        drop(Store::open(path, Arc::new(SystemClock::new()))?);
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "cache_size", -8000)?;
        let mut progress = Progress::default();
        let rows = (1..=lines)
            .flat_map(|n| runtime::of(RuntimeKind::Claude).read_line(agent::line(n).as_bytes(), n as i64, Time(0), &mut progress))
            .collect();
        Ok(Raw { conn, rows, seq: 0, cpu_ms: 0.0 })
    }

    /// Rows per second.
    fn insert(&mut self) -> Result<f64> {
        let mine = Path::new("/proc/thread-self/schedstat");
        let (began, cpu) = (Stopwatch::start(), cpu_ns(mine));
        for batch in self.rows.chunks(256) {
            let tx = self.conn.transaction()?;
            {
                let mut stmt = tx.prepare_cached(
                    "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, tool, context, input, content,
                       truncated, is_error, sub_agent, call_id, created_at)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                )?;
                for e in batch {
                    self.seq += 1;
                    stmt.execute(params![
                        1,
                        self.seq,
                        1,
                        1,
                        e.line,
                        e.kind.as_str(),
                        e.tool,
                        e.context,
                        e.input,
                        e.content,
                        e.truncated,
                        e.is_error,
                        e.sub_agent,
                        e.call_id,
                        0
                    ])?;
                }
            }
            tx.commit()?;
        }
        self.cpu_ms += (cpu_ns(mine) - cpu) / 1e6;
        Ok(self.rows.len() as f64 / began.seconds())
    }
}
