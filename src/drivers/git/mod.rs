//! Git, called by its arguments: worktrees for tickets, the workspace, and what a ticket has changed so far.

#[cfg(test)]
pub(crate) mod tests;

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, Result};
use crate::domain::ids::TicketId;
use crate::domain::time::Time;
use crate::drivers::exec;
use crate::drivers::exec::{Bounds, ExecFault, Finished};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// For everything that only reads.
const QUICK: Duration = Duration::from_secs(20);
/// For checking out a tree.
const SLOW: Duration = Duration::from_secs(180);
/// How long something that git left behind may hold its output open.
const HELD_OPEN: Duration = Duration::from_secs(5);
/// The most that git may say, in bytes: the list of changed files of a very large repository.
const OUTPUT_MAX: usize = 64 * 1024 * 1024;

/// A ticket's own checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// Its top.
    pub path: PathBuf,
    /// Where the agent works: the same folder within it as was asked for within the repository, if it is there.
    pub cwd: PathBuf,
    /// Its branch.
    pub branch: String,
    /// The commit that its changes are counted from.
    pub base_commit: String,
    /// It was not there before.
    pub made: bool,
}

/// What has changed since a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiffStat {
    /// Files, those not yet added included.
    pub files: u64,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
}

/// The version of git; none where there is no git.
#[must_use]
pub fn version() -> Option<String> {
    let text = ask(Path::new("/"), &["version"])?;
    Some(text.trim_start_matches("git version ").to_owned())
}

/// Whether a folder lies in a git checkout.
#[must_use]
pub fn is_git(cwd: &Path) -> bool {
    repo_root(cwd).is_some()
}

/// The top of the *main* checkout of the repository that a folder lies in, also when asked from a worktree of it.
#[must_use]
pub fn repo_root(cwd: &Path) -> Option<PathBuf> {
    // Above it nothing of git's: no need to ask.
    if !cwd.canonicalize().ok()?.ancestors().any(|above| above.join(".git").exists()) {
        return None;
    }
    let text = ask(cwd, &["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir"])?;
    let (top, git_dir, common_dir) = three_lines(&text)?;
    if git_dir == common_dir {
        return Some(PathBuf::from(top));
    }
    let list = ask(cwd, &["worktree", "list", "--porcelain"])?;
    let (main, rest) = list.strip_prefix("worktree ")?.split_once('\n')?;
    (!rest.starts_with("bare")).then(|| PathBuf::from(main))
}

/// The ticket's worktree in the repository that `cwd` lies in, within `folder` of it: made from the repository's own HEAD, or the one that
/// is there. What stands in its way is moved aside, never deleted.
pub fn worktree(cwd: &Path, folder: &str, ticket: TicketId) -> Result<Worktree> {
    // Two at once would fall over each other's lock files.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let repo = repo_root(cwd).ok_or_else(|| Error::Conflict(format!("{} is no git repository", cwd.display())))?;
    let head = ask(&repo, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).ok_or_else(|| {
        Error::Conflict(format!("the repository {} has no commit yet: a worktree needs one to start from", repo.display()))
    })?;
    let path = repo.join(folder).join(format!("mc-mc-{}", ticket.0));
    let branch = format!("worktree-mc-mc-{}", ticket.0);
    let made = !is_worktree_of(&path, &repo) || is_half_made(&path)?;
    if made {
        exclude(&repo, &format!("{folder}/"))?;
        add(&repo, &path, &branch)?;
    }
    let now_at = ask(&path, &["rev-parse", "HEAD"]).unwrap_or_else(|| head.clone());
    Ok(Worktree {
        cwd: same_place(cwd, folder, &repo, &path),
        // The agent may have gone on to another branch.
        branch: ask(&path, &["branch", "--show-current"]).filter(|b| !b.is_empty()).unwrap_or(branch),
        base_commit: ask(&repo, &["merge-base", &head, &now_at]).unwrap_or(now_at),
        path,
        made,
    })
}

/// Makes an empty (or missing) folder the workspace: a repository with one commit. False where something is there.
pub fn init_workspace(root: &Path) -> Result<bool> {
    let root = std::path::absolute(root)?;
    if fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some()) {
        return Ok(false);
    }
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err(Error::Conflict(format!("{} cannot be a workspace", root.display())));
    };
    fs::create_dir_all(parent)?;
    // Made beside it and moved in one step: whoever is interrupted leaves no half workspace.
    let new = parent.join(format!(".{}.new", name.to_string_lossy()));
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    fs::create_dir(&new)?;
    fs::write(new.join("README.md"), WORKSPACE_README)?;
    for folder in ["tasks", "contracts", "wiki"] {
        fs::create_dir(new.join(folder))?;
        fs::write(new.join(folder).join(".gitkeep"), "")?;
    }
    tell(&new, &["init", "--quiet", "--initial-branch=main"], QUICK)?;
    for (key, value) in [("user.name", "Mission Control"), ("user.email", "mission-control@localhost")] {
        if ask(&new, &["config", key]).is_none_or(|v| v.is_empty()) {
            tell(&new, &["config", "--local", key, value], QUICK)?;
        }
    }
    tell(&new, &["add", "--all"], QUICK)?;
    tell(&new, &["-c", "commit.gpgsign=false", "commit", "--quiet", "--message=A new workspace"], QUICK)?;
    fs::rename(&new, &root)?;
    Ok(true)
}

/// What lies in a new workspace, for whoever opens it.
const WORKSPACE_README: &str = "# Workspace\n
Agents without a repository of their own work here.\n
- `tasks/`: what runs on a schedule, one file each\n- `contracts/`: what each role owes\n- `wiki/`: what is worth knowing\n";

/// What has changed in a worktree since a commit, committed or not.
#[must_use]
pub fn diff_stat(worktree: &Path, base: &str) -> Option<DiffStat> {
    // A commit's name, so that it can never be an option.
    if base.is_empty() || !base.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let diff = ask(worktree, &["diff", "--numstat", "-M", "--no-ext-diff", "--no-textconv", base, "--"])?;
    let new = ask(worktree, &["ls-files", "--others", "--exclude-standard"])?;
    let mut stat = DiffStat { files: new.lines().count() as u64, ..DiffStat::default() };
    for line in diff.lines() {
        let mut columns = line.split('\t');
        // A binary file has `-` for numbers.
        let mut number = || columns.next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        stat.files += 1;
        stat.added += number();
        stat.removed += number();
    }
    Some(stat)
}

fn three_lines(text: &str) -> Option<(&str, &str, &str)> {
    let mut lines = text.lines();
    Some((lines.next()?, lines.next()?, lines.next()?))
}

fn is_worktree_of(path: &Path, repo: &Path) -> bool {
    let top = path.is_dir().then(|| ask(path, &["rev-parse", "--path-format=absolute", "--show-toplevel"])).flatten();
    // In a folder that is no worktree git answers for the repository around it.
    top.is_some_and(|top| path.canonicalize().is_ok_and(|p| p == Path::new(&top)))
        && repo_root(path).is_some_and(|main| main == repo)
}

/// Whether its checkout was cut short: git keeps a lock on a worktree that says so until it is whole.
fn is_half_made(path: &Path) -> Result<bool> {
    let Some(git_dir) = ask(path, &["rev-parse", "--path-format=absolute", "--git-dir"]) else { return Ok(true) };
    let lock = Path::new(&git_dir).join("locked");
    if !fs::read_to_string(&lock).is_ok_and(|text| text.starts_with("initializing")) {
        return Ok(false);
    }
    // The git of a server that was killed works on; it is not disturbed before its time is up.
    let since = fs::metadata(&lock)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let since = Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    if u128::try_from(SystemClock::new().now().waited(since)).unwrap_or(0) < SLOW.as_millis() {
        return Err(Error::Busy(format!("git is still making the worktree {}", path.display())));
    }
    Ok(true)
}

fn add(repo: &Path, path: &Path, branch: &str) -> Result<()> {
    if path.symlink_metadata().is_ok() && fs::remove_dir(path).is_err() {
        fs::rename(path, aside(path))?;
    }
    let place = path.to_str().ok_or_else(|| Error::Conflict(format!("{} is not UTF-8", path.display())))?;
    // A tree that was removed by hand is still on git's list, and an agent that was killed has left its lock there.
    let _unlocked = ask(repo, &["worktree", "unlock", place]);
    let _pruned = ask(repo, &["worktree", "prune"]);
    let known = ask(repo, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).is_some();
    let args: &[&str] = if known {
        &["worktree", "add", "--quiet", place, branch]
    } else {
        &["worktree", "add", "--quiet", "--no-track", "-b", branch, place, "HEAD"]
    };
    tell(repo, args, SLOW)
}

/// A free name beside a path.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = |n: &u32| path.with_file_name(format!("{name}.aside-{n}"));
    (1..u32::MAX).map(|n| free(&n)).find(|p| p.symlink_metadata().is_err()).unwrap_or_else(|| free(&0))
}

/// Keeps a pattern out of the repository's `git status`, for this clone only.
fn exclude(repo: &Path, pattern: &str) -> Result<()> {
    let Some(file) = ask(repo, &["rev-parse", "--path-format=absolute", "--git-path", "info/exclude"]) else {
        return Ok(());
    };
    let file = PathBuf::from(file);
    let text = fs::read_to_string(&file).unwrap_or_default();
    if text.lines().any(|l| l.trim() == pattern) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut out = OpenOptions::new().create(true).append(true).open(&file)?;
    out.write_all(format!("{newline}{pattern}\n").as_bytes())?;
    Ok(())
}

/// The folder within the worktree that `cwd` is within the repository.
fn same_place(cwd: &Path, folder: &str, repo: &Path, worktree: &Path) -> PathBuf {
    let inner = cwd.canonicalize().ok().and_then(|c| c.strip_prefix(repo).ok().map(Path::to_path_buf));
    match inner {
        Some(inner) if !inner.starts_with(folder) && worktree.join(&inner).is_dir() => {
            // Joining an empty path would leave a slash at the end.
            if inner.as_os_str().is_empty() { worktree.to_path_buf() } else { worktree.join(inner) }
        }
        Some(_) | None => worktree.to_path_buf(),
    }
}

/// Git's answer without the last newline; none where it fails.
fn ask(cwd: &Path, args: &[&str]) -> Option<String> {
    let done = git(cwd, args, QUICK).ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim_end_matches('\n').to_owned())
}

/// Has git do something; its own words where it does not.
fn tell(cwd: &Path, args: &[&str], limit: Duration) -> Result<()> {
    let done = git(cwd, args, limit)?;
    if done.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&done.stderr);
    let said = stderr.trim().trim_start_matches("fatal: ");
    let what = args.iter().find(|a| !a.starts_with('-') && !a.contains('=')).copied().unwrap_or_default();
    Err(Error::Conflict(format!("git {what} failed in {}: {said}", cwd.display())))
}

/// One call: never a shell, never a question, none of the repository's own programs, and not for ever.
fn git(cwd: &Path, args: &[&str], limit: Duration) -> io::Result<Finished> {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false"])
        .args(args)
        .current_dir(cwd)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        // Set where we were started by git ourselves, and then about another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_COMMON_DIR");
    let bounds = Bounds { time: limit, held_open: HELD_OPEN, output: OUTPUT_MAX, leave_nothing: false };
    match exec::run(command, None, bounds) {
        // Half an answer would be a wrong one.
        Ok(done) if done.cut => Err(io::Error::other(format!("git {} said more than {OUTPUT_MAX} bytes", args.join(" ")))),
        Ok(done) => Ok(done),
        Err(ExecFault::TimedOut(limit)) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("git {} took longer than {} s", args.join(" "), limit.as_secs())))
        }
        Err(ExecFault::NotStarted(e) | ExecFault::Lost(e)) => Err(e),
    }
}
