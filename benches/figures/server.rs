//! The real server as a process of its own, with agents of ours, in a temporary folder. Dropping it stops all of it.

use super::clock::{Stopwatch, pause, wait_for};
use super::http::Conn;
use mission_control::config::data_dir::{DataDir, Local};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program that is measured.
pub const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A data folder, and the server that works on it while it is up.
pub struct Server {
    pub data: PathBuf,
    program: PathBuf,
    up: Option<Up>,
}

struct Up {
    child: Child,
    local: Local,
    address: SocketAddr,
}

impl Server {
    /// A fresh data folder for at most `workers` agents of ours, who ask `director` what to do. Nothing runs yet.
    pub fn folder(at: &Path, workers: usize, director: &str) -> Result<Server> {
        let data = DataDir::open(at)?;
        let me = std::env::current_exe()?;
        let text = format!(
            "[pickup]\nmax_workers = {workers}\n[orchestrator]\ndigests = false\n[defaults]\nprofile = \"bench\"\n[profiles.bench]\nruntime = \"claude\"\n\
             command = [{:?}, \"agent\"]\nconcurrency = 64\nenv = {{ BENCH_DIRECTOR = {director:?} }}\n",
            me.display().to_string()
        );
        fs::write(data.path().join("config.toml"), text)?;
        Ok(Server { data: at.to_owned(), program: PathBuf::from(EXE), up: None })
    }

    /// The same folder, served by another program.
    pub fn of(mut self, program: PathBuf) -> Server {
        self.program = program;
        self
    }

    /// Starts it and waits until it answers. Milliseconds from the start to the first answer.
    pub fn start(&mut self) -> Result<f64> {
        self.start_until("/api/v1/health")
    }

    /// As [`Server::start`], the first answer being that to `path`.
    pub fn start_until(&mut self, path: &str) -> Result<f64> {
        let _ = fs::remove_file(self.data.join("local.json"));
        let began = Stopwatch::start();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.data.join("server.log"))?;
        let child = Command::new(&self.program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .env("MC_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let dir = DataDir::open(&self.data)?;
        // Polled closely: this wait is itself a figure.
        let local = loop {
            match dir.local() {
                Some(local) => break local,
                None if began.seconds() > 30.0 => return Err("the server does not start".into()),
                None => pause(Duration::from_micros(200)),
            }
        };
        let address: SocketAddr = local.url.trim_start_matches("http://").parse()?;
        self.up = Some(Up { child, local, address });
        loop {
            match self.conn().and_then(|mut c| Ok(c.get(path, "")?)) {
                Ok(_) => return Ok(began.millis()),
                Err(e) if began.seconds() > 30.0 => return Err(e),
                Err(_) => pause(Duration::from_micros(200)),
            }
        }
    }

    fn up(&self) -> Result<&Up> {
        self.up.as_ref().ok_or_else(|| "the server is down".into())
    }

    /// A connection of the owner's.
    pub fn conn(&self) -> Result<Conn> {
        let up = self.up()?;
        Ok(Conn::open(up.address, &up.local.token)?)
    }

    /// The server's process.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.up()?.child.id())
    }

    /// SIGTERM. Seconds until it was gone, and its exit code.
    pub fn stop(&mut self) -> Result<(f64, Option<i32>)> {
        let mut up = self.up.take().ok_or("the server is down")?;
        let began = Stopwatch::start();
        kill(Pid::from_raw(i32::try_from(up.child.id())?), Signal::SIGTERM)?;
        let ended = wait_for("the server's end", 40.0, || up.child.try_wait().ok().flatten());
        match ended {
            Ok(status) => Ok((began.seconds(), status.code())),
            Err(e) => {
                let _ = up.child.kill();
                let _ = up.child.wait();
                Err(e.into())
            }
        }
    }

    /// Makes a ticket that starts at once; its number.
    pub fn start_ticket(&self, title: &str) -> Result<i64> {
        let mut conn = self.conn()?;
        let body = serde_json::json!({ "mode": "implement_now", "message": title }).to_string();
        let answer = conn.ask("POST", "/api/v1/session_start", "Content-Type: application/json\r\n", &body)?;
        let told: serde_json::Value = serde_json::from_slice(&answer.body)?;
        told["ticket"]["id"].as_i64().ok_or_else(|| format!("no ticket: {} {told}", answer.status).into())
    }

    /// What it uses.
    pub fn process(&self) -> Result<Process> {
        Ok(Process(self.pid()?))
    }

    /// Processor time that it has used so far, in milliseconds.
    pub fn cpu_ms(&self) -> Result<f64> {
        self.process()?.cpu_ms()
    }

    /// Resident memory now and at its peak since the last [`Server::forget_peak`], in MB.
    pub fn memory_mb(&self) -> Result<(f64, f64)> {
        self.process()?.memory_mb()
    }

    /// Where it listens, and the owner's token.
    pub fn door(&self) -> Result<(SocketAddr, String)> {
        let up = self.up()?;
        Ok((up.address, up.local.token.clone()))
    }

    /// Lets the peak begin anew.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.pid()?), "5")?)
    }

    /// The run folders.
    pub fn runs(&self) -> Vec<RunDir> {
        let Ok(entries) = fs::read_dir(self.data.join("runs")) else { return Vec::new() };
        entries.flatten().map(|e| RunDir::open(&e.path())).collect()
    }
}

/// A process that is measured from outside.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Processor time that its threads have used so far, in milliseconds. Threads that have ended are not counted.
    pub fn cpu_ms(self) -> Result<f64> {
        let mut ns = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0))?.flatten() {
            ns += cpu_ns(&task.path().join("schedstat"));
        }
        Ok(ns / 1e6)
    }

    /// Resident memory now and at its peak, in MB.
    pub fn memory_mb(self) -> Result<(f64, f64)> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let of = |key: &str| -> Option<f64> {
            let line = text.lines().find(|l| l.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
        };
        Ok((of("VmRSS:").ok_or("no VmRSS")?, of("VmHWM:").ok_or("no VmHWM")?))
    }
}

/// Processor time of a thread, from its `schedstat`.
pub fn cpu_ns(schedstat: &Path) -> f64 {
    let text = fs::read_to_string(schedstat).unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.up.is_some()
            && let Err(e) = self.stop()
        {
            eprintln!("{e}");
        }
        for dir in self.runs() {
            if !stop::stop_run(&dir, Duration::from_millis(300)).verified {
                eprintln!("processes of {} are still there", dir.path().display());
            }
        }
        // What it logged is worth seeing only where something went wrong.
        let log = fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        for line in log.lines().take(5) {
            eprintln!("\n  server: {line}");
        }
    }
}
