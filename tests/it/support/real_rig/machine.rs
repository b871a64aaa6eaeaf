//! What is around the server: its process, configuration, repository and PATH.

use super::{EXE, Wishes};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(super) fn pid(child: &Child) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"))
}

/// A folder with everything that is on PATH but tmux.
pub(super) fn path_without_tmux(at: &Path) -> String {
    let bin = at.join("bin");
    fs::create_dir_all(&bin).expect("made");
    let path = std::env::var_os("PATH").expect("there is a PATH");
    for entry in std::env::split_paths(&path).filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        if entry.file_name() != "tmux" {
            // The first of a name wins, as on PATH itself.
            let _ = std::os::unix::fs::symlink(entry.path(), bin.join(entry.file_name()));
        }
    }
    bin.display().to_string()
}

pub(super) fn serve(data: &Path, home: &Path, path: &str) -> Child {
    let log = File::options().create(true).append(true).open(data.join("server.log")).expect("made");
    Command::new(EXE)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("HOME", home)
        .env("PATH", path)
        .env("MC_LOG", "info")
        .env_remove("MC_REAL_CLI")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .process_group(0)
        .spawn()
        .expect("the server starts")
}

pub(super) fn config(cli: &str, model: &str, repo: &Path, home: &Path, wishes: &Wishes) -> String {
    let login = if wishes.subscriber { "CLAUDE_CODE_OAUTH_TOKEN" } else { "ANTHROPIC_API_KEY" };
    let env = json!({
        "ANTHROPIC_BASE_URL": model, login: "dummy-local", "HOME": home, "CLAUDE_CONFIG_DIR": home.join(".claude"),
        "IS_SANDBOX": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": wishes.max_retries.to_string(),
    });
    let env: Vec<String> = env.as_object().expect("made so").iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let profile = |name: &str| {
        format!(
            "[profiles.{name}]\nruntime = \"claude\"\ncommand = [{}]\neffort = \"max\"\npermission_mode = \"bypassPermissions\"\n\
             retry_limit = {}\nexit_grace = \"20s\"\nsilence_limit = \"{}\"\nenv = {{ {} }}\n",
            json!(cli),
            wishes.retry_limit,
            wishes.silence,
            env.join(", ")
        )
    };
    format!(
        "[pickup]\nevery = \"1s\"\nretry_backoff = \"200ms\"\nstop_grace = \"2s\"\n[defaults]\nprofile = \"real\"\n\
         [[projects]]\nname = \"work\"\ncwd = {}\n\
         [orchestrator]\ndigests = false\n{}\n{}{}",
        json!(repo),
        wishes.orchestrator,
        profile("real"),
        profile("second"),
    )
}

/// A repository with one commit, or with a remote that knows only the first of two.
pub(super) fn repository(at: &Path, remote: bool) {
    fs::create_dir_all(at).expect("made");
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["config", "user.name", "Ann"]);
    git(at, &["config", "user.email", "ann@example.org"]);
    let commit = |file: &str| {
        fs::write(at.join(file), "x\n").expect("written");
        git(at, &["add", "-A"]);
        git(at, &["commit", "-q", "-m", file]);
    };
    commit("first.txt");
    if remote {
        let far = at.with_extension("remote.git");
        git(at, &["init", "-q", "--bare", "-b", "main", far.to_str().expect("a plain path")]);
        git(at, &["remote", "add", "origin", far.to_str().expect("a plain path")]);
        git(at, &["push", "-q", "-u", "origin", "main"]);
        git(at, &["remote", "set-head", "origin", "main"]);
        commit("only-here.txt");
    }
}

pub(super) fn git(at: &Path, args: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(at)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is installed");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
