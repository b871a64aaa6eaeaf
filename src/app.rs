//! Builds everything once, starts the engines in order, serves, and stops in reverse.

use crate::base::clock::{Deadline, SystemClock, pause};
use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::base::random;
use crate::cli::demo_seed;
use crate::config::Config;
use crate::config::data_dir::{DataDir, Local, make_private};
use crate::domain::actor::Scope;
use crate::drivers::supervise::process;
use crate::drivers::{git, memory};
use crate::engine::notice::{outbox, telegram};
use crate::engine::orchestrator;
use crate::engine::orchestrator::Orchestrator;
use crate::engine::run::{ingest, pickup};
use crate::engine::system::{fs_watch, housekeeping, sequences};
use crate::engine::{Engine, task};
use crate::store::Store;
use crate::store::access::credentials;
use crate::store::db::{health, settings};
use crate::web::http::server;
use crate::web::http::state::{App, Reads};
use actix_web::web;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler};

/// What is logged unless `MC_LOG` says otherwise: the beat and the socket layer tell nothing an operator needs.
const QUIET: &str = "info,tokio_cron_scheduler=warn,actix_server=warn";
/// The server is killed after its workers and before nothing else.
const SERVER_OOM: i32 = -600;
/// How long an engine that panicked rests before it is begun again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a database is left alone before it is checked beside the service.
const FIRST_PAGES: Duration = Duration::from_secs(3);
/// How long a thread is waited for that talks with somebody else's machine.
const LOOSE: Duration = Duration::from_millis(500);

/// Runs the server until it is told to end. Workers go on without it.
///
/// # Errors
/// It cannot start: the folder is in use, the address taken, the database damaged. Says what to do.
pub fn serve(config: Config) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("MC_LOG").unwrap_or_else(|_| QUIET.into()))
        .with_writer(std::io::stderr)
        .init();
    config.check_listen()?;
    server::check_tls(&config)?;
    let data = DataDir::open(&config.data)?;
    let lock = data.lock()?;
    prepare_folders(&config)?;
    let store = Store::open(&data.database(), Arc::new(SystemClock::new()))?;
    if let Some(picked) = store.read(|c| settings::get(c, settings::PICKED_PROFILE))? {
        // A profile that is gone from the configuration is no reason not to start.
        let _ = config.pick(Some(&picked));
    }
    let listener =
        TcpListener::bind(config.listen).map_err(|e| Error::Busy(format!("{} cannot be listened on: {e}", config.listen)))?;
    let url = local_url(&config, &listener)?;
    let config = Arc::new(config);
    if config.demo {
        demo_seed::seed(&store, &config)?;
    }
    let engine = Arc::new(Engine::new(store.clone(), config.clone(), data.clone(), own_program()?, url.clone()));
    if let Err(e) = process::set_oom_score_adj(i32::try_from(std::process::id()).unwrap_or(0), SERVER_OOM) {
        tracing::info!(error = %e, "the system does not let us ask to be killed late when memory runs out; going on");
    }
    sequences::keep_apart(&engine)?;
    let engines = Engines::start(&engine)?;
    leave_word(&store, &data, &url)?;
    greet(&store, &config, &url)?;
    let damage = look_for_damage(&data)?;
    let served = serve_until_told(store, engine.clone(), config, listener);
    engines.stop(&engine);
    drop(lock);
    served?;
    // The check, if it still reads, has a connection that cannot write: it may end with the process.
    damage.get().map_or(Ok(()), |what| Err(Error::Internal(what.clone())))
}

/// Looks for damage in a database that was too large to be looked at before the start. Damage ends the server, with words.
fn look_for_damage(data: &DataDir) -> Result<Arc<OnceLock<String>>> {
    let (path, found) = (data.database(), Arc::new(OnceLock::new()));
    let kept = found.clone();
    std::thread::Builder::new().name("check".to_owned()).spawn(move || {
        pause(FIRST_PAGES);
        match health::beside_service(&path) {
            Ok(None) => {}
            Ok(Some(what)) => {
                tracing::error!("{what}");
                let _ = kept.set(what);
                let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM);
            }
            Err(e) => tracing::warn!(error = %e, "the database could not be checked; going on"),
        }
    })?;
    Ok(found)
}

/// The program's own file: what a shim is started from.
///
/// # Errors
/// The system does not say.
pub fn own_program() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

fn prepare_folders(config: &Config) -> Result<()> {
    if git::init_workspace(&config.workspace)? {
        tracing::info!(path = %config.workspace.display(), "made a workspace");
    }
    // A workspace that was there before us gets a place for tasks, so that the first one is seen at once.
    std::fs::create_dir_all(config.tasks())?;
    make_private(&config.logs())
}

fn local_url(config: &Config, listener: &TcpListener) -> Result<String> {
    let at = listener.local_addr()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let host = if at.ip().is_unspecified() { "127.0.0.1".to_owned() } else { at.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Ok(format!("{scheme}://{host}:{}", at.port()))
}

/// The engines' threads, their runtime and the cron beat.
struct Engines {
    runtime: tokio::runtime::Runtime,
    threads: Vec<JoinHandle<()>>,
    /// May hang in a call to somebody else's machine for a while: not waited for long.
    loose: Vec<JoinHandle<()>>,
    _fs_watch: Option<fs_watch::FsWatch>,
    beat: JobScheduler,
}

impl Engines {
    fn start(engine: &Arc<Engine>) -> Result<Engines> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("engines").enable_all().build()?;
        let watch = match fs_watch::watch(&engine.config.logs(), &engine.data.runs(), engine.store.doorbell.clone()) {
            Ok(watch) => {
                if let Err(e) = watch.also_tasks(&engine.config.tasks()) {
                    tracing::info!(error = %e, "changed tasks are found by polling");
                }
                Some(watch)
            }
            Err(e) => {
                tracing::warn!(error = %e, "live updates come by polling");
                None
            }
        };
        let mut threads = Vec::new();
        let bodies = [
            ("ingest", ingest::run as fn(&Arc<Engine>, &tokio::runtime::Handle)),
            ("pickup", pickup::run),
            ("scheduler", task::run),
        ];
        for (name, body) in bodies {
            let (engine, handle) = (engine.clone(), runtime.handle().clone());
            threads.push(keep_up(name, &engine.clone(), move || body(&engine, &handle))?);
        }
        let (mine, handle) = (engine.clone(), runtime.handle().clone());
        let luci = move || orchestrator::run(&mine, &handle, Orchestrator::with_drivers());
        threads.push(keep_up("orchestrator", engine, luci)?);
        let (mine, handle) = (engine.clone(), runtime.handle().clone());
        let mut loose = vec![keep_up("outbox", engine, move || outbox::run(&mine, &handle))?];
        let mine = engine.clone();
        loose.push(keep_up("telegram", engine, move || telegram::run(&mine))?);
        let beat = runtime.block_on(beat(engine)).map_err(|e| Error::Internal(format!("scheduler: {e}")))?;
        Ok(Engines { runtime, threads, loose, _fs_watch: watch, beat })
    }

    fn stop(mut self, engine: &Arc<Engine>) {
        engine.stop();
        let _ = self.runtime.block_on(self.beat.shutdown());
        for thread in self.threads {
            let _ = thread.join();
        }
        // Cut off in the middle of a call they lose nothing: what was not written down is done once more.
        let late = Deadline::after(LOOSE);
        while !late.is_over() && self.loose.iter().any(|t| !t.is_finished()) {
            pause(Duration::from_millis(5));
        }
        self.runtime.shutdown_background();
    }
}

/// Starts an engine on a thread of its own. One that panics is told of and begun again: it keeps nothing in memory that
/// would be missed, and without it the server would answer and do nothing.
fn keep_up(name: &'static str, engine: &Arc<Engine>, body: impl Fn() + Send + 'static) -> Result<JoinHandle<()>> {
    let engine = engine.clone();
    let kept_up = move || {
        while catch_unwind(AssertUnwindSafe(&body)).is_err() && !engine.is_stopping() {
            tracing::error!(name, "an engine panicked and is begun again");
            pause(AGAIN);
        }
    };
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(kept_up)?)
}

/// Does something beside the beat, which must go on. Where no thread can be begun, it is for the next beat to do.
fn aside(name: &str, body: impl FnOnce() + Send + 'static) {
    drop(std::thread::Builder::new().name(name.to_owned()).spawn(body));
}

/// The cron beat: pickup each minute (as configured), housekeeping each hour, free memory given back every few seconds. It
/// only rings; the engines do the work.
async fn beat(engine: &Arc<Engine>) -> std::result::Result<JobScheduler, tokio_cron_scheduler::JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let bell = engine.store.doorbell.clone();
    let every = std::time::Duration::from_secs(engine.config.pickup_every_s);
    scheduler.add(Job::new_repeated(every, move |_, _| bell.ring(Topic::Pickup))?).await?;
    let mine = engine.clone();
    // Hourly and not at a time of night: this machine may sleep then.
    let housekeeping = Job::new_repeated(std::time::Duration::from_secs(3_600), move |_, _| {
        let mine = mine.clone();
        // It has said what it could not do.
        aside("housekeeping", move || drop(housekeeping::tidy(&mine)));
    })?;
    scheduler.add(housekeeping).await?;
    let give_back = Job::new_repeated(memory::GIVE_BACK, |_, _| aside("give-back", memory::give_back))?;
    scheduler.add(give_back).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

/// Leaves the local programs a token that is good until the next start.
fn leave_word(store: &Store, data: &DataDir, url: &str) -> Result<()> {
    let token = random::secret("mct_");
    let kept = token.clone();
    store.write(move |tx| {
        credentials::revoke_local_tokens(tx)?;
        credentials::add_token(tx, &format!("local-{}", random::uuid()), &kept, Scope::Owner, None)
    })?;
    data.tell_local(&Local { url: url.to_owned(), token, pid: std::process::id() })
}

fn greet(store: &Store, config: &Config, url: &str) -> Result<()> {
    let shown = config.base_url.clone().unwrap_or_else(|| url.to_owned());
    if store.read(credentials::owner)?.is_some() {
        println!("Mission Control is at {shown}");
    } else {
        let secret = random::secret("mcl_");
        let kept = secret.clone();
        store.write(move |tx| credentials::add_link(tx, &kept))?;
        println!("Mission Control is at {shown}\nLog in once with {}/login?token={secret}", shown.trim_end_matches('/'));
    }
    Ok(())
}

fn serve_until_told(store: Store, engine: Arc<Engine>, config: Arc<Config>, listener: TcpListener) -> Result<()> {
    let (close, closing) = watch::channel(false);
    let app = web::Data::new(App { store, engine, config, closing, streams: AtomicUsize::new(0), reads: Reads::default() });
    actix_web::rt::System::new().block_on(async move {
        let server = server::serve(app, vec![listener])?;
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            told_to_end().await;
            // Open streams would hold the server up: they are told first.
            let _ = close.send(true);
            handle.stop(true).await;
        });
        server.await.map_err(Error::from)
    })
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut term), Ok(mut int)) => {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        }
        (_, _) => std::future::pending().await,
    }
}
