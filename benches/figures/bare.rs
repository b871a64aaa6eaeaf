//! What the server is measured against: actix alone, in a process of its own. It says hello and hands the same bytes to
//! all who listen; with `beat` it also keeps the scheduler that the server keeps.

use super::clock::{Stopwatch, pause};
use super::http::Conn;
use super::server::Process;
use actix_web::{App, HttpResponse, HttpServer, web};
use futures_util::{StreamExt, future};
use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio_cron_scheduler::{Job, JobScheduler};
use tokio_stream::wrappers::BroadcastStream;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// What is said to all.
type Said = broadcast::Sender<web::Bytes>;

/// Serves until it is killed. `args`: the file for its address, and perhaps `beat`.
pub fn main(args: &[String]) -> ExitCode {
    let Some(file) = args.first() else { return ExitCode::FAILURE };
    match serve(Path::new(file), args.get(1).is_some_and(|a| a == "beat")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn serve(file: &Path, beat: bool) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let part = file.with_extension("part");
    std::fs::write(&part, listener.local_addr()?.to_string())?;
    std::fs::rename(part, file)?;
    let said = web::Data::new(broadcast::channel::<web::Bytes>(4_096).0);
    actix_web::rt::System::new().block_on(async move {
        let _beat = if beat { Some(beating().await?) } else { None };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(said.clone())
                .route("/hello", web::get().to(async || "hello"))
                .route("/say", web::post().to(say))
                .route("/stream", web::get().to(stream))
        })
        .workers(2)
        .tcp_nodelay(true)
        .listen(listener)?
        .run();
        Ok(server.await?)
    })
}

async fn beating() -> Result<JobScheduler> {
    let scheduler = JobScheduler::new().await?;
    scheduler.add(Job::new_repeated(Duration::from_secs(60), |_, _| {})?).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

async fn say(said: web::Data<Said>, body: web::Bytes) -> HttpResponse {
    // Nobody may listen yet.
    let _ = said.send(body);
    HttpResponse::NoContent().finish()
}

async fn stream(said: web::Data<Said>) -> HttpResponse {
    let all = BroadcastStream::new(said.subscribe()).filter_map(|m| future::ready(m.ok().map(Ok::<_, actix_web::Error>)));
    HttpResponse::Ok().content_type("text/event-stream").streaming(all)
}

/// The bare server while it runs.
pub struct Bare {
    child: Child,
    pub address: SocketAddr,
    /// Milliseconds from its start to the first answer.
    pub started_in: f64,
}

impl Bare {
    /// Starts it and waits until it answers.
    pub fn start(root: &Path, more: &[&str]) -> Result<Bare> {
        let file = root.join("bare.address");
        let _ = std::fs::remove_file(&file);
        let began = Stopwatch::start();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare").arg(&file).args(more).stdin(Stdio::null());
        let child = command.spawn()?;
        let mut bare = Bare { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), started_in: 0.0 };
        // Polled as closely as the server itself.
        bare.address = loop {
            match std::fs::read_to_string(&file).ok().and_then(|t| t.parse().ok()) {
                Some(address) => break address,
                None if began.seconds() > 30.0 => return Err("the bare server does not start".into()),
                None => pause(Duration::from_micros(200)),
            }
        };
        loop {
            match bare.conn().and_then(|mut c| Ok(c.get("/hello", "")?)) {
                Ok(_) => break,
                Err(e) if began.seconds() > 30.0 => return Err(e),
                Err(_) => pause(Duration::from_micros(200)),
            }
        }
        bare.started_in = began.millis();
        Ok(bare)
    }

    /// A connection.
    pub fn conn(&self) -> Result<Conn> {
        Ok(Conn::open(self.address, "none")?)
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
