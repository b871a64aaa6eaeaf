//! The world of one seed: a store, a server over it that can die at any moment, and the outside that goes on without it.

use crate::luci::{PlayedDriver, Program};
use crate::model::Model;
use crate::moment::{Crash, Hands, arm};
use crate::played::{Outside, PlayedChats, PlayedHost, Stage, Threads};
use crate::shims::Shims;
use crate::step::{self, Change, Step, What};
use fastrand::Rng;
use mission_control::base::clock::Clock;
use mission_control::base::error::{Error, Result};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::ids::RunId;
use mission_control::domain::inbox::{InboxPriority, Source};
use mission_control::engine::inbox::drain;
use mission_control::engine::notice::outbox::Outbox;
use mission_control::engine::orchestrator::Orchestrator;
use mission_control::engine::run::ingest::Follower;
use mission_control::engine::run::{pickup, reaper};
use mission_control::engine::system::housekeeping;
use mission_control::engine::{Engine, task};
use mission_control::store::inbox::items;
use mission_control::store::inbox::items::NewItem;
use mission_control::store::run::runs;
use mission_control::store::{Store, Tx};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

const TOML: &str = "\
[pickup]\nmax_workers = 3\n[orchestrator]\ndriver = \"headless\"\nsoft_tokens = 70000\nhard_tokens = 90000\n\
[profiles.other]\nruntime = \"demo\"\n[scheduler]\ntimezone = \"UTC\"\nmax_running = 2\n\
[telegram]\ntoken_env = \"TELEGRAM_BOT\"\nchats = [7, 8]\nquiet = \"22:00-07:00\"\ntimezone = \"Europe/Berlin\"\n";

/// Where worlds begin: around the days on which clocks are changed, at the end of a year, on any day.
const BEGINNINGS: &[i64] = &[1_792_885_800_000, 1_774_740_600_000, 1_798_757_000_000, 1_795_262_400_000];

/// Files of tasks that come, change and go.
const FILES: &[&str] = &["a.md", "b.md", "night.md", "agent.md"];
const BROKEN: &str = "schedule: nonsense";

/// What is wrong: which invariant, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub which: String,
    pub what: String,
}

impl Wrong {
    pub fn new(which: &str, what: impl Into<String>) -> Wrong {
        Wrong { which: which.to_owned(), what: what.into() }
    }
}

/// Good, or what is wrong.
pub type Verdict = std::result::Result<(), Wrong>;

/// A server: all of it is lost when it dies.
pub struct Server {
    pub engine: Arc<Engine>,
    pub luci: Orchestrator,
    pub outbox: Outbox,
    pub followers: BTreeMap<RunId, Follower>,
    pub threads: Threads,
}

/// What is undone would hold the engine that holds it: the store and its threads would stay, world after world.
impl Drop for Server {
    fn drop(&mut self) {
        while self.threads.next().is_some() {}
    }
}

pub struct World {
    pub server: Server,
    pub store: Store,
    pub config: Arc<Config>,
    pub data: DataDir,
    pub hands: Arc<Hands>,
    pub stage: Stage,
    pub model: Model,
    _root: tempfile::TempDir,
}

impl World {
    pub fn new(seed: u64) -> World {
        let root = scratch();
        let (data_path, workspace) = (root.path().join("data"), root.path().join("work"));
        for folder in ["tasks", "logs"] {
            fs::create_dir_all(workspace.join(folder)).expect("a folder");
        }
        let data = DataDir::open(&data_path).expect("a data folder");
        let file = data_path.join("config.toml");
        fs::write(&file, TOML).expect("written");
        let flags = Flags { data: Some(data_path), workspace: Some(workspace), config: Some(file), ..Flags::default() };
        let token = |name: &str| (name == "TELEGRAM_BOT").then(|| "4242:abcdefghijABCDEFGHIJ0123456789_-xyz".to_owned());
        let config = Arc::new(Config::load(&flags, &token, &|_| None).expect("the configuration is good"));
        fs::write(data.database(), blank()).expect("written");
        let hands = Arc::new(Hands::at(BEGINNINGS[usize::try_from(seed % 4).expect("small")]));
        let store = Store::open(&data.database(), hands.clone()).expect("a store");
        let outside = Outside {
            dice: Rng::with_seed(seed),
            calm: false,
            shims: Shims::default(),
            luci: Program::default(),
            messages: 0,
            hands: hands.clone(),
        };
        let stage = Stage(Arc::new(Mutex::new(outside)));
        let server = boot(&store, &config, &data, &stage);
        let model = Model::new(&data.database());
        let world = World { server, store, config, data, hands, stage, model, _root: root };
        world.task("steady.md", "schedule: \"7 * * * *\"\ncommand: [\"true\"]\nmissed: skip", "");
        world
    }

    /// Takes one step, and says what is wrong then.
    pub fn take(&mut self, step: &Step) -> Verdict {
        self.stage.set().dice = Rng::with_seed(step.dice);
        let crash = if let What::Tick(_, crash) = step.what { crash } else { None };
        arm(crash);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.happens(step)));
        arm(None);
        match outcome {
            Ok(outcome) => outcome?,
            Err(what) if what.is::<Crash>() => self.crash(),
            Err(what) => {
                let words = what.downcast_ref::<String>().cloned();
                let words = words.or_else(|| what.downcast_ref::<&str>().map(|w| (*w).to_owned()));
                match words {
                    Some(words) => return Err(Wrong::new("panic", words)),
                    None => resume_unwind(what),
                }
            }
        }
        self.look()
    }

    fn happens(&mut self, step: &Step) -> Verdict {
        match &step.what {
            What::Pass(ms) => {
                self.hands.advance(*ms);
                self.stage.set().keep_limits();
                Ok(())
            }
            What::Put(ms) => {
                self.hands.put(*ms);
                Ok(())
            }
            What::Person(act) => self.person(*act),
            What::Agent(word) => {
                self.stage.set().agent(*word);
                Ok(())
            }
            What::Luci(deed) => {
                self.stage.set().luci(*deed);
                Ok(())
            }
            What::File(change) => {
                self.file(*change);
                Ok(())
            }
            What::Post => self.post(),
            What::Tick(engine, _) => self.tick(*engine),
            What::Crash => {
                self.crash();
                Ok(())
            }
        }
    }

    /// The server dies and another begins: nothing of its memory stays.
    pub fn crash(&mut self) {
        self.server = boot(&self.store, &self.config, &self.data, &self.stage);
    }

    pub fn tick(&mut self, engine: step::Engine) -> Verdict {
        let server = &mut self.server;
        let e = server.engine.clone();
        match engine {
            step::Engine::Pickup => fine("pickup", pickup::tick(&e)),
            step::Engine::Reaper => fine("reaper", reaper::tick(&e)),
            step::Engine::Drain => fine("drain", drain::tick(&e, drain::Pace::Cycle)),
            step::Engine::Ingest => self.ingest(),
            step::Engine::Beside => {
                if let Some(work) = server.threads.next() {
                    work();
                }
                Ok(())
            }
            step::Engine::Luci => fine("orchestrator", server.luci.tick(&e)),
            step::Engine::Tasks => fine("scheduler", task::tick(&e)),
            step::Engine::Outbox => fine("outbox", server.outbox.tick(&e)),
            step::Engine::Housekeeping => fine("housekeeping", housekeeping::tidy(&e)),
        }
    }

    /// What the followers' threads do.
    fn ingest(&mut self) -> Verdict {
        let engine = self.server.engine.clone();
        let server = &mut self.server;
        let live = self.store.read(runs::live).map_err(|e| Wrong::new("error", e.to_string()))?;
        for run in live.iter().filter(|r| r.launched_at.is_some()) {
            server.followers.entry(run.id).or_insert_with(|| Follower::of(run.id));
        }
        let mut over = Vec::new();
        for (id, follower) in &mut server.followers {
            match follower.step(&engine) {
                Ok(true) => {}
                Ok(false) => over.push(*id),
                Err(e) => {
                    fine("ingest", Err::<(), _>(e))?;
                    over.push(*id);
                }
            }
        }
        over.into_iter().for_each(|id| drop(server.followers.remove(&id)));
        Ok(())
    }

    fn post(&mut self) -> Verdict {
        let n = self.dice(1 << 20);
        let new = NewItem {
            source: [Source::Api, Source::SelfHeal, Source::Pickup][n % 3],
            source_id: (!n.is_multiple_of(4)).then(|| format!("thing-{}", n % 5)),
            message: format!("report {n}"),
            priority: [InboxPriority::Critical, InboxPriority::Normal, InboxPriority::Normal, InboxPriority::Low][n / 8 % 4],
        };
        if let Some(id) = self.write(move |tx| items::post(tx, &new))? {
            self.model.items.insert(id.0, "pending".to_owned());
        }
        Ok(())
    }

    fn file(&mut self, change: Change) {
        let name = FILES[self.dice(FILES.len())];
        match change {
            Change::Remove => drop(fs::remove_file(self.config.tasks().join(name))),
            Change::Break => self.task(name, BROKEN, ""),
            Change::Write => {
                let schedule = ["*/10 * * * *", "30 2 * * *", "0 0 * * *", "*/3 * * * *", "15 */2 * * *"][self.dice(5)];
                let overlap = ["skip", "queue", "kill_old"][self.dice(3)];
                let missed = ["run_once", "skip"][self.dice(2)];
                let notify = ["inbox", "direct", "both"][self.dice(3)];
                let zone = ["UTC", "Europe/Berlin", "Australia/Lord_Howe"][self.dice(3)];
                let (kind, body) = match (name, self.dice(3)) {
                    ("agent.md", _) => ("kind: agent", "Look around."),
                    (_, 0) => ("kind: background\ncommand: [\"true\"]", ""),
                    (_, _) => ("command: [\"true\"]\ntimeout: 5m", ""),
                };
                let more = ["", "retries: 2", "jitter: 5m", "quiet: 22:00-07:00", "enabled: false", "retries: 1\njitter: 90s"]
                    [self.dice(6)];
                let front = format!(
                    "schedule: \"{schedule}\"\ntimezone: {zone}\noverlap: {overlap}\nmissed: {missed}\nnotify: {notify}\n{kind}\n{more}"
                );
                self.task(name, &front, body);
            }
        }
    }

    /// Somebody mends the files that are broken.
    pub fn mend_files(&self) {
        for name in FILES {
            if fs::read_to_string(self.config.tasks().join(name)).is_ok_and(|text| text.contains(BROKEN)) {
                self.task(name, "schedule: \"0 0 * * *\"\ncommand: [\"true\"]", "");
            }
        }
    }

    fn task(&self, file: &str, front: &str, body: &str) {
        let path = self.config.tasks().join(file);
        let temp = path.with_extension("tmp");
        fs::write(&temp, format!("---\n{front}\n---\n{body}\n")).expect("written");
        fs::rename(temp, path).expect("moved");
    }

    /// A number below this, left to chance.
    pub fn dice(&self, below: usize) -> usize {
        self.stage.set().dice.usize(..below)
    }

    /// What somebody asks of the store. What was refused in words was refused; a fault of ours is wrong.
    pub fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> std::result::Result<Option<T>, Wrong> {
        match self.store.write(f) {
            Ok(value) => Ok(Some(value)),
            Err(Error::Internal(why)) => Err(Wrong::new("error", why)),
            Err(_) => Ok(None),
        }
    }
}

/// An engine may say that it could not, never that something is wrong within.
fn fine<T>(who: &str, outcome: Result<T>) -> Verdict {
    match outcome {
        Err(Error::Internal(why)) => Err(Wrong::new("error", format!("{who}: {why}"))),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn boot(store: &Store, config: &Arc<Config>, data: &DataDir, stage: &Stage) -> Server {
    let threads = Threads::default();
    let host = PlayedHost { stage: stage.clone(), threads: threads.clone() };
    let engine = Engine::new(
        store.clone(),
        config.clone(),
        data.clone(),
        "/nonexistent/mission-control".into(),
        "http://127.0.0.1:1".into(),
    );
    let driver = PlayedDriver(stage.clone());
    Server {
        engine: Arc::new(engine.on_host(Box::new(host))),
        luci: Orchestrator::new(Box::new(driver.clone()), Box::new(driver)),
        outbox: Outbox::over(Some(Box::new(PlayedChats(stage.clone())))),
        followers: BTreeMap::new(),
        threads,
    }
}

/// A folder for one world: in memory where the machine has such a place.
fn scratch() -> tempfile::TempDir {
    let place = std::env::var_os("MC_SIM_DIR").map(PathBuf::from).unwrap_or_else(|| "/dev/shm".into());
    let place = if place.is_dir() { place } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("mc-sim-").tempdir_in(place).expect("a folder")
}

/// An empty database of the present schema: made once, copied for each world.
fn blank() -> &'static [u8] {
    static BLANK: OnceLock<Vec<u8>> = OnceLock::new();
    BLANK.get_or_init(|| {
        let root = scratch();
        let path = root.path().join("blank.db");
        let clock: Arc<dyn Clock> = Arc::new(Hands::at(BEGINNINGS[0]));
        drop(Store::open(&path, clock).expect("a store"));
        let conn = rusqlite::Connection::open(&path).expect("opened");
        conn.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("folded back");
        drop(conn);
        fs::read(&path).expect("read")
    })
}
