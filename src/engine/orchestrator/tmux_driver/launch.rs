//! Brings the agent of a session up in its terminal.

use crate::base::error::{Error, Result};
use crate::config::data_dir::make_private;
use crate::domain::orchestrator::session::{LUCI, Session};
use crate::domain::profile::Profile;
use crate::domain::run::{Failure, FailureCode};
use crate::drivers::runtime::launch::{Launch, LiveParts, SessionPlan};
use crate::drivers::runtime::launch_file::{LaunchFile, write_private};
use crate::drivers::runtime::live::LiveSession;
use crate::drivers::supervise::process;
use crate::drivers::supervise::shim;
use crate::drivers::supervise::stop;
use crate::drivers::tmux::Tmux;
use crate::engine::Engine;
use crate::engine::orchestrator::driver::ConversationStart;
use crate::engine::orchestrator::headless::words;
use crate::engine::orchestrator::tmux_driver::observed::TmuxDriver;
use crate::engine::orchestrator::tmux_driver::terminal::{live, ours, why_dead};
use crate::engine::run::launch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The terminal's size: wide enough that a marker is never wrapped.
const SIZE: (u16, u16) = (120, 40);
/// What a stray of an earlier start gets between SIGTERM and SIGKILL.
const STRAY_GRACE: Duration = Duration::from_millis(300);
/// Traces of the terminal that the server itself may have been started in.
const OF_TERMINALS: &[&str] = &["TMUX", "TMUX_PANE", "STY", "WINDOW", "COLUMNS", "LINES", "TERM_PROGRAM", "TERM_PROGRAM_VERSION"];

impl TmuxDriver {
    pub(crate) fn bring_up(&self, engine: &Engine, session: &Session, how: ConversationStart) -> Result<Option<(i64, i64)>> {
        let tmux = Tmux::at(&engine.data.tmux_socket());
        let dir = Path::new(&session.dir);
        if let Some(pane) = tmux.pane(LUCI)? {
            if !pane.dead && ours(pane.pid, dir) {
                return Ok(identity(pane.pid));
            }
            if pane.dead {
                // What it said at last, for whoever wants to know.
                let words = why_dead(live(engine, &session.profile)?, &tmux, &pane).unwrap_or_default();
                make_private(dir)?;
                write_private(&dir.join("last-words.txt"), words.as_bytes())?;
            }
            tmux.kill(LUCI)?;
        }
        let cwd = workspace(engine)?;
        make_private(dir)?;
        let launch_file = self.launch_file(engine, session, how, &cwd)?;
        launch_file.write(dir)?;
        // What an earlier start of it left running would work on, unseen.
        if !stop::end_marked("MC_SESSION_DIR", dir, STRAY_GRACE) {
            return Err(Error::Busy("something of the session's earlier start cannot be ended".to_owned()));
        }
        let exe = engine.exe.display().to_string();
        tmux.new_session(LUCI, &cwd, &[exe, "exec-agent".to_owned(), session.dir.clone()], SIZE.0, SIZE.1)?;
        Ok(tmux.pane(LUCI)?.filter(|p| !p.dead).and_then(|p| identity(p.pid)))
    }

    /// How the agent is started, with all the files it finds.
    fn launch_file(&self, engine: &Engine, session: &Session, how: ConversationStart, cwd: &Path) -> Result<LaunchFile> {
        let dir = Path::new(&session.dir);
        let profile = engine
            .config
            .profile(&session.profile)
            .ok_or_else(|| Error::Denied(format!("the profile {:?} is no longer configured", session.profile)))?;
        let settings_file = dir.join("settings.json");
        let live = live(engine, &session.profile)?;
        let rules = live.settings(&engine.exe).map_err(refused)?;
        write_private(&settings_file, rules.as_bytes())?;
        let mut env = plain(shim::scrub(std::env::vars_os(), &profile.env_from, &profile.env));
        env.retain(|name, _| !OF_TERMINALS.contains(&name.as_str()));
        env.extend((self.environment)(engine, session)?);
        env.insert("MC_HOOK_TOKEN".to_owned(), hook_token(dir)?);
        env.insert("TERM".to_owned(), "screen-256color".to_owned());
        if !["LC_ALL", "LC_CTYPE", "LANG"].iter().any(|n| env.get(*n).is_some_and(|v| v.to_lowercase().contains("utf"))) {
            env.insert("LANG".to_owned(), "C.UTF-8".to_owned());
        }
        let plan = plan(live, profile, session, how, cwd, &env);
        let launch = launch_of(engine, live, profile, session, plan, &settings_file).map_err(refused)?;
        Ok(LaunchFile { argv: launch.argv, cwd: cwd.to_owned(), env })
    }
}

/// Which conversation; and the agent's first questions are answered.
fn plan(
    live: &dyn LiveSession,
    profile: &Profile,
    session: &Session,
    how: ConversationStart,
    cwd: &Path,
    env: &BTreeMap<String, String>,
) -> SessionPlan {
    let id = session.agent_session.clone();
    // Where that fails the dialog shows on her screen, and a person answers it in the console.
    match live.answer_first_questions(profile, env, cwd) {
        Ok(None) => {}
        Ok(Some(note)) => tracing::warn!(note, "the agent's first questions could not be answered"),
        Err(e) => tracing::warn!(error = %e, "the agent's first questions could not be answered"),
    }
    match how {
        // An id that has a conversation already is refused as a new one: we were killed before we heard of it.
        ConversationStart::Fresh if !live.has_conversation(env, &id) => SessionPlan::New(id),
        ConversationStart::Fresh | ConversationStart::Resume => SessionPlan::Resume(id),
    }
}

fn launch_of(
    engine: &Engine,
    live: &dyn LiveSession,
    profile: &Profile,
    session: &Session,
    plan: SessionPlan,
    settings: &Path,
) -> std::result::Result<Launch, Failure> {
    let probe = launch::probe(engine, profile)?;
    let is_root = nix::unistd::geteuid().is_root();
    live.launch(profile, &probe, &LiveParts { session: plan, brief: &session.brief, settings, is_root, own_exe: &engine.exe })
}

/// Trying again would not help where a person must change something first.
fn refused(failure: Failure) -> Error {
    match failure.code {
        FailureCode::Refused | FailureCode::SpawnFailed => Error::Denied(words::why(&failure)),
        _ => Error::Conflict(words::why(&failure)),
    }
}

fn workspace(engine: &Engine) -> Result<PathBuf> {
    let cwd = &engine.config.workspace;
    cwd.canonicalize().map_err(|e| Error::Conflict(format!("the workspace {} cannot be entered ({e}): make it", cwd.display())))
}

/// The token of the session's hooks: one for all its starts, so that what was told before stays believed.
fn hook_token(dir: &Path) -> Result<String> {
    let file = dir.join("hook-token");
    if let Ok(kept) = std::fs::read_to_string(&file)
        && !kept.trim().is_empty()
    {
        return Ok(kept.trim().to_owned());
    }
    let token = crate::base::random::secret("mch_");
    write_private(&file, token.as_bytes())?;
    Ok(token)
}

fn identity(pid: i32) -> Option<(i64, i64)> {
    let start = process::start_time(pid)?;
    Some((i64::from(pid), i64::try_from(start).ok()?))
}

fn plain(env: BTreeMap<std::ffi::OsString, std::ffi::OsString>) -> BTreeMap<String, String> {
    env.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
