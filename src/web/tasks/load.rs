//! From rows to what the tasks' pages show.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TaskRunId;
use crate::domain::task::{MissedPolicy, Overlap, Task, stem};
use crate::domain::time::{Time, span_words};
use crate::store::task::tasks::TaskRow;
use crate::store::task::{task_runs, tasks};
use crate::web::http::request::Visit;
use crate::web::shared::waiting;
use crate::web::tasks::view::{BrokenFile, STRIP, TaskLine, Tasks, Tick};
use crate::web::tasks::view_task::TaskPage;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// Runs on one page.
const RUNS: i64 = 50;

/// Tasks in the list.
const MOST: usize = 1_000;

/// What the reader may do with tasks. A task's file is a command that runs as we do: only the owner writes one.
#[derive(Clone, Copy)]
pub struct TaskPermissions {
    /// To change.
    pub change: bool,
    /// To edit.
    pub edit: bool,
}

impl TaskPermissions {
    /// What this reader may do.
    #[must_use]
    pub fn of(visit: &Visit) -> TaskPermissions {
        TaskPermissions { change: visit.who.may_change_tickets().is_ok(), edit: visit.who.owner().is_ok() }
    }
}

/// All that the list shows.
///
/// # Errors
/// The store failed.
pub fn load(c: &Connection, config: &Config, may: TaskPermissions, now: Time) -> Result<Tasks> {
    let mut used = BTreeSet::new();
    let folder = config.tasks().display().to_string();
    let mut shown = Tasks { folder, may_change: may.change, may_edit: may.edit, ..Tasks::default() };
    for row in tasks::all(c)?.into_iter().take(MOST) {
        match tasks::read(&row, &config.scheduler.timezone) {
            Ok(task) => {
                shown.tasks.push(line(c, &row, &task)?);
                used.extend(config.profile_of(&task));
            }
            Err(broken) => shown.broken.push(BrokenFile { name: stem(&row.file).to_owned(), file: row.file, broken }),
        }
    }
    shown.paused_profiles = waiting::paused_profiles(c, now)?.into_iter().filter(|r| used.contains(&r.name)).collect();
    Ok(shown)
}

fn line(c: &Connection, row: &TaskRow, task: &Task) -> Result<TaskLine> {
    let strip = task_runs::strip(c, &task.name, STRIP)?;
    Ok(TaskLine {
        name: task.name.clone(),
        file: row.file.clone(),
        when: task.schedule.words(),
        next: row.next_due_at,
        zone: task.schedule.zone(),
        paused: row.paused,
        enabled: task.enabled,
        strip: strip.into_iter().map(|(state, at, note)| Tick { state, at, note }).collect(),
        streak: row.streak,
    })
}

/// All that the page of one task shows.
///
/// # Errors
/// The store failed.
pub fn load_one(
    c: &Connection,
    config: &Config,
    (name, before): (&str, Option<TaskRunId>),
    may: TaskPermissions,
    now: Time,
) -> Result<TaskPage> {
    let row = tasks::by_name(c, name)?;
    let read = tasks::read(&row, &config.scheduler.timezone);
    let mut runs = task_runs::of_task(c, &row.name, before, RUNS + 1)?;
    let more = runs.len() > usize::try_from(RUNS).unwrap_or(0);
    runs.truncate(usize::try_from(RUNS).unwrap_or(0));
    let (line, settings, body) = match &read {
        Ok(task) => (Some(line(c, &row, task)?), settings(task, &row), task.body.clone()),
        Err(_) => (None, Vec::new(), String::new()),
    };
    let profile = read.as_ref().ok().and_then(|task| config.profile_of(task));
    Ok(TaskPage {
        line,
        paused_profile: waiting::paused_profiles(c, now)?.into_iter().find(|r| profile.as_ref() == Some(&r.name)),
        broken: read.err().map(|broken| BrokenFile { file: row.file.clone(), name: row.name.clone(), broken }),
        name: row.name,
        body,
        settings,
        older: runs.last().map(|r| r.id).filter(|_| more),
        runs,
        may_change: may.change,
        may_edit: may.edit,
    })
}

/// How it runs, and what differs from the usual.
fn settings(task: &Task, row: &TaskRow) -> Vec<(&'static str, String)> {
    let mut found = vec![("File", format!("tasks/{}", row.file)), ("Kind", task.kind.to_string())];
    let mut add = |name, value: Option<String>| found.extend(value.map(|v| (name, v)));
    add("Command", (!task.command.is_empty()).then(|| shell_words::join(&task.command)));
    add("Profile", task.profile.clone());
    add("Folder", task.cwd.clone());
    add("Time limit", (task.timeout_ms > 0).then(|| span_words(task.timeout_ms)));
    add("Retries", (task.retries > 0).then(|| task.retries.to_string()));
    add("When missed", (task.missed != MissedPolicy::RunOnce).then(|| task.missed.to_string()));
    add("When overlapping", (task.overlap != Overlap::Skip).then(|| task.overlap.to_string()));
    add("Jitter", (task.jitter_ms > 0).then(|| span_words(task.jitter_ms)));
    let clock = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
    add("Quiet", task.quiet.map(|q| format!("{}-{}", clock(q.from), clock(q.until))));
    found
}
