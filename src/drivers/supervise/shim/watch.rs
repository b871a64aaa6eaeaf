//! Watching an agent: until it ends, somebody wants it to end, or one of its limits is reached.

use crate::base::clock::{Clock, SystemClock};
use crate::domain::run::ExitCause;
use crate::domain::time::span_words;
use crate::drivers::supervise::process;
use crate::drivers::supervise::run_dir::{RunDir, RunSpec};
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The longest time between two looks at the limits; an agent's end and a request to stop are noticed at once.
const LOOK_MS: u64 = 500;

/// The two signals a shim listens to.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    terminate: Signal,
    child: Signal,
    stop: bool,
}

impl Signals {
    /// From now on they wake us instead of what they do otherwise.
    pub(crate) fn new() -> io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, child) = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::child())?)
        };
        Ok(Signals { runtime, terminate, child, stop: false })
    }

    /// Waits for one of them, not too long; true once we were told to stop.
    fn wait(&mut self, at_most: Duration) -> bool {
        let Signals { runtime, terminate, child, stop } = self;
        *stop |= runtime.block_on(async {
            let either = async {
                tokio::select! {
                    biased;
                    _ = terminate.recv() => true,
                    _ = child.recv() => false,
                }
            };
            tokio::time::timeout(at_most, either).await.unwrap_or(false)
        });
        *stop
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentStatus {
    Code(i32),
    Signal(i32),
    /// By a signal that has no name.
    Unknown,
}

impl AgentStatus {
    pub(crate) fn code(self) -> Option<i32> {
        match self {
            AgentStatus::Code(code) => Some(code),
            AgentStatus::Signal(_) | AgentStatus::Unknown => None,
        }
    }

    pub(crate) fn signal(self) -> Option<i32> {
        match self {
            AgentStatus::Signal(signal) => Some(signal),
            // The first of those without a name: nobody reads more from it than "a signal".
            AgentStatus::Unknown => Some(34),
            AgentStatus::Code(_) => None,
        }
    }
}

/// What is known after reaping.
pub(crate) struct Reaped {
    /// The agent's status, if it was among them.
    pub(crate) agent: Option<AgentStatus>,
    /// There is still somebody whom the agent left us.
    pub(crate) children_left: bool,
}

/// Takes leave of every child that has ended: the agent, and those it left us as their subreaper.
pub(crate) fn reap(agent: i32) -> Reaped {
    let mut reaped = Reaped { agent: None, children_left: true };
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == agent => reaped.agent = Some(AgentStatus::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == agent => {
                reaped.agent = Some(AgentStatus::Signal(signal as i32));
            }
            Ok(WaitStatus::StillAlive) => return reaped,
            Ok(_) | Err(Errno::EINTR) => {}
            // Reaped, but by a signal that nix has no name for: whose it was shows in who is missing.
            Err(Errno::EINVAL) => {
                if process::start_time(agent).is_none() {
                    reaped.agent = reaped.agent.or(Some(AgentStatus::Unknown));
                }
            }
            Err(_) => {
                reaped.children_left = false;
                return reaped;
            }
        }
    }
}

/// Why the watch is over.
pub(crate) struct AgentEnd {
    pub(crate) cause: ExitCause,
    /// Set where the agent has ended by itself (and is reaped); otherwise it is still to be ended.
    pub(crate) status: Option<AgentStatus>,
    pub(crate) text: Option<String>,
}

impl AgentEnd {
    fn limit(cause: ExitCause, text: String) -> AgentEnd {
        AgentEnd { cause, status: None, text: Some(text) }
    }
}

/// Waits until the agent ends, or has to be ended.
pub(crate) fn watch(dir: &RunDir, spec: &RunSpec, agent: i32, signals: &mut Signals) -> AgentEnd {
    let stderr = dir.stderr();
    let clock = SystemClock::new();
    let mut limits = Limits::new(spec);
    let step = Duration::from_millis(limits.step());
    loop {
        let stop = signals.wait(step);
        if let Some(status) = reap(agent).agent {
            return AgentEnd { cause: ExitCause::Exited, status: Some(status), text: None };
        }
        if stop {
            return AgentEnd { cause: ExitCause::Stopped, status: None, text: None };
        }
        let now = u64::try_from(clock.mono_ms()).unwrap_or(0);
        if let Some((cause, text)) = limits.reached(now, size(&spec.raw_log), size(&stderr)) {
            return AgentEnd::limit(cause, text);
        }
    }
}

/// A file's size; 0 where there is none.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map(|m| m.len()).unwrap_or(0)
}

/// The limits of a run, counted in milliseconds since its start.
struct Limits {
    wall_clock: u64,
    silence: u64,
    log_cap: u64,
    last_size: u64,
    last_output: u64,
}

impl Limits {
    fn new(spec: &RunSpec) -> Limits {
        let or_none = |limit| if limit == 0 { u64::MAX } else { limit };
        Limits {
            wall_clock: or_none(spec.wall_clock_ms),
            silence: or_none(spec.silence_ms),
            log_cap: or_none(spec.log_cap),
            last_size: size(&spec.raw_log),
            last_output: 0,
        }
    }

    /// How often to look: often enough for the shortest limit.
    fn step(&self) -> u64 {
        (self.wall_clock.min(self.silence) / 10).clamp(10, LOOK_MS)
    }

    fn reached(&mut self, now: u64, raw_log: u64, stderr: u64) -> Option<(ExitCause, String)> {
        if raw_log != self.last_size {
            self.last_size = raw_log;
            self.last_output = now;
        }
        let words = |ms: u64| span_words(i64::try_from(ms).unwrap_or(i64::MAX));
        if raw_log.max(stderr) > self.log_cap {
            Some((ExitCause::LogCap, format!("more than {} bytes of output", self.log_cap)))
        } else if now >= self.wall_clock {
            Some((ExitCause::WallClock, format!("ran for {}", words(self.wall_clock))))
        } else if now - self.last_output >= self.silence {
            Some((ExitCause::Silence, format!("no output for {}", words(self.silence))))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(wall_clock: u64, silence: u64, log_cap: u64) -> Limits {
        Limits { wall_clock, silence, log_cap, last_size: 0, last_output: 0 }
    }

    fn cause(reached: Option<(ExitCause, String)>) -> Option<ExitCause> {
        reached.map(|(cause, _)| cause)
    }

    #[test]
    fn every_byte_of_output_starts_the_silence_anew() {
        let mut l = limits(u64::MAX, 1000, u64::MAX);
        assert_eq!(cause(l.reached(999, 0, 0)), None);
        assert_eq!(cause(l.reached(999, 1, 0)), None);
        assert_eq!(cause(l.reached(1998, 1, 500)), None);
        assert_eq!(l.reached(1999, 1, 900), Some((ExitCause::Silence, "no output for 1 s".to_owned())));
    }

    #[test]
    fn the_cap_counts_either_stream_and_wall_clock_ends_a_talkative_agent() {
        assert_eq!(cause(limits(u64::MAX, u64::MAX, 10).reached(1, 10, 10)), None);
        assert_eq!(cause(limits(u64::MAX, u64::MAX, 10).reached(1, 11, 0)), Some(ExitCause::LogCap));
        assert_eq!(cause(limits(u64::MAX, u64::MAX, 10).reached(1, 0, 11)), Some(ExitCause::LogCap));
        assert_eq!(cause(limits(50, 10, u64::MAX).reached(50, 7, 0)), Some(ExitCause::WallClock));
    }

    #[test]
    fn a_limit_of_zero_is_no_limit() {
        // All of them are 0 in it.
        let spec = RunSpec::sample();
        let mut l = Limits::new(&spec);
        assert_eq!(cause(l.reached(u64::MAX - 1, 1 << 60, 1 << 60)), None);
        assert_eq!(l.step(), LOOK_MS);
    }
}
