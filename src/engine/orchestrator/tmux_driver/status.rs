//! How a live session stands, from its terminal, its process and what its hooks just told.

use crate::base::error::Result;
use crate::domain::orchestrator::session::{LUCI, Session};
use crate::domain::time::Time;
use crate::drivers::runtime::live::ProgramStatus;
use crate::drivers::runtime::live::screen::AgentScreen;
use crate::drivers::supervise::process;
use crate::drivers::tmux::Tmux;
use crate::engine::Engine;
use crate::engine::orchestrator::driver::AgentStatus;
use crate::engine::orchestrator::tmux_driver::session_observer::SessionObserver;
use crate::engine::orchestrator::tmux_driver::terminal::{ours, why_dead};
use std::path::Path;

/// The screen may lag so far behind what the hooks tell, in milliseconds.
const LAG_MS: i64 = 1_000;
/// How long an agent may take to come up before a screen we cannot read is shown to a person, in milliseconds.
const COMING_UP_MS: i64 = 45_000;
/// How long later, in milliseconds: a screen may be caught half painted.
const ODD_MS: i64 = 5_000;
/// How long tmux may take to notice that a program has ended, in milliseconds.
const ENDING_MS: i64 = 1_500;

/// Whether the process that was written down is there.
fn lives(session: &Session) -> bool {
    let pid = session.pid.and_then(|pid| i32::try_from(pid).ok());
    let start = session.pid_start.and_then(|at| u64::try_from(at).ok());
    pid.zip(start).is_some_and(|(pid, start)| process::is_same(pid, start))
}

/// How the terminal stands.
pub(crate) fn observe(engine: &Engine, session: &Session, observer: &mut SessionObserver) -> Result<AgentStatus> {
    let tmux = Tmux::at(&engine.data.tmux_socket());
    let pane = match tmux.pane(LUCI) {
        Ok(Some(pane)) => pane,
        Ok(None) => return Ok(AgentStatus::Gone(None)),
        // Without tmux her process itself says whether she is there.
        Err(e) if !lives(session) => return Ok(AgentStatus::Gone(Some(e.to_string()))),
        Err(e) => return Err(e),
    };
    if pane.dead {
        return Ok(AgentStatus::Gone(why_dead(observer.live, &tmux, &pane)));
    }
    let clock = engine.store.clock();
    let now = clock.mono_ms();
    // A process on its way out has no words any more, then it is a zombie.
    if process::command_line(pane.pid).iter().all(String::is_empty) {
        // tmux is about to notice; where something else holds the terminal open it never does.
        let ended = now - *observer.odd_since.get_or_insert(now);
        return Ok(if ended < ENDING_MS { AgentStatus::Busy } else { AgentStatus::Gone(why_dead(observer.live, &tmux, &pane)) });
    }
    if !ours(pane.pid, Path::new(&session.dir)) {
        return Ok(AgentStatus::Gone(Some("another session has the terminal".to_owned())));
    }
    if pane.in_mode {
        tmux.leave_copy_mode(LUCI)?;
    }
    let seen = match tmux.coloured(LUCI, 0) {
        Ok(text) => observer.live.screen(&text),
        // It went away in between.
        Err(_) if !tmux.exists(LUCI)? => return Ok(AgentStatus::Gone(None)),
        Err(e) => return Err(e),
    };
    let status = process::start_time(pane.pid).and_then(|start| observer.live.status(&observer.env, pane.pid, start));
    let told = observer.hooks.busy_since().is_some_and(|at| just(at, clock.now()));
    let look = decide(&seen, status.as_ref(), told);
    if look != AgentStatus::ComingUp {
        observer.odd_since = None;
        return Ok(look);
    }
    let up = session.launched_at.map_or(0, |at| clock.now().waited(at));
    let odd = now - *observer.odd_since.get_or_insert(now);
    if up < COMING_UP_MS {
        return Ok(AgentStatus::ComingUp);
    }
    Ok(if odd < ODD_MS {
        AgentStatus::Busy
    } else {
        AgentStatus::Dialog("her screen shows no input box: look at it in the console".to_owned())
    })
}

/// Whether the screen may lag behind what was told then.
fn just(told: Time, now: Time) -> bool {
    now.waited(told) < LAG_MS
}

/// What screen and status together say; `told`: her hooks said a moment ago that she works.
fn decide(seen: &AgentScreen, status: Option<&ProgramStatus>, told: bool) -> AgentStatus {
    if let Some(words) = &seen.dialog {
        return AgentStatus::Dialog(words.clone());
    }
    if seen.busy || status == Some(&ProgramStatus::Busy) {
        return AgentStatus::Busy;
    }
    match (&seen.input, status) {
        (_, Some(ProgramStatus::Waiting(what))) => AgentStatus::Dialog(format!("she waits for {what}")),
        (Some(_), _) if told => AgentStatus::Busy,
        (Some(_), _) => AgentStatus::Ready,
        (None, _) => AgentStatus::ComingUp,
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
