//! Real repositories in temporary folders.

use super::*;
use crate::drivers::runtime::WORKTREES;

struct Repo {
    _tmp: tempfile::TempDir,
    root: PathBuf,
}

/// A repository with a commit of `src/main.rs`.
fn repo() -> Repo {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path().canonicalize().unwrap().join("shop front");
    fs::create_dir_all(root.join("src")).unwrap();
    run(&root, &["init", "-q", "-b", "main"]);
    run(&root, &["config", "user.name", "Ada"]);
    run(&root, &["config", "user.email", "ada@localhost"]);
    fs::write(root.join("src/main.rs"), "one\ntwo\nthree\n").unwrap();
    commit(&root, "first");
    Repo { _tmp: tmp, root }
}

fn run(cwd: &Path, args: &[&str]) {
    tell(cwd, args, QUICK).unwrap();
}

/// Commits all that changed; the commit.
pub(crate) fn commit(cwd: &Path, message: &str) -> String {
    run(cwd, &["add", "-A"]);
    run(cwd, &["commit", "-q", "-m", message]);
    ask(cwd, &["rev-parse", "HEAD"]).unwrap()
}

fn words(e: Result<Worktree>) -> String {
    e.unwrap_err().to_string()
}

const TICKET: TicketId = TicketId(7);

#[test]
fn git_is_there_and_says_its_version() {
    assert!(version().unwrap().starts_with(|c: char| c.is_ascii_digit()));
}

#[test]
fn the_root_is_the_main_checkout_from_wherever_one_asks() {
    let r = repo();
    assert_eq!(repo_root(&r.root), Some(r.root.clone()));
    assert_eq!(repo_root(&r.root.join("src")), Some(r.root.clone()));
    let tree = worktree(&r.root, WORKTREES, TICKET).unwrap();
    assert_eq!(repo_root(&tree.path.join("src")), Some(r.root.clone()));
    assert_eq!(repo_root(&r.root.join("no such folder")), None);
    let outside = tempfile::tempdir().unwrap();
    assert!(!is_git(outside.path()));
    assert!(words(worktree(outside.path(), WORKTREES, TICKET)).contains("is no git repository"));
}

#[test]
fn a_worktree_starts_at_the_local_head_and_is_used_again() {
    let r = repo();
    fs::write(r.root.join("local.txt"), "not pushed").unwrap();
    let head = commit(&r.root, "local only");
    let made = worktree(&r.root, WORKTREES, TICKET).unwrap();
    assert_eq!(made.path, r.root.join(".claude/worktrees/mc-mc-7"));
    assert_eq!((made.branch.as_str(), &made.base_commit, made.made), ("worktree-mc-mc-7", &head, true));
    assert_eq!(made.cwd, made.path);
    assert!(made.path.join("local.txt").exists());
    assert_eq!(ask(&r.root, &["status", "--porcelain"]).unwrap(), "", "the repository stays clean");

    fs::write(made.path.join("work.txt"), "w").unwrap();
    commit(&made.path, "work");
    fs::write(r.root.join("meanwhile.txt"), "m").unwrap();
    commit(&r.root, "meanwhile");
    let again = worktree(&r.root, WORKTREES, TICKET).unwrap();
    assert_eq!(again, Worktree { made: false, ..made });
    assert!(again.path.join("work.txt").exists());
    let excluded = fs::read_to_string(r.root.join(".git/info/exclude")).unwrap();
    assert_eq!(excluded.matches(".claude/worktrees/").count(), 1);
}

#[test]
fn the_exclusion_is_written_once_and_spares_the_last_line() {
    let r = repo();
    fs::create_dir_all(r.root.join(".git/info")).unwrap();
    fs::write(r.root.join(".git/info/exclude"), "*.swp").unwrap();
    worktree(&r.root, WORKTREES, TICKET).unwrap();
    worktree(&r.root, WORKTREES, TicketId(8)).unwrap();
    assert_eq!(fs::read_to_string(r.root.join(".git/info/exclude")).unwrap(), "*.swp\n.claude/worktrees/\n");
}

#[test]
fn the_agent_works_in_the_same_subfolder() {
    let r = repo();
    let tree = worktree(&r.root.join("src"), WORKTREES, TICKET).unwrap();
    assert_eq!(tree.cwd, tree.path.join("src"));
    fs::create_dir(r.root.join("untracked")).unwrap();
    let tree = worktree(&r.root.join("untracked"), WORKTREES, TICKET).unwrap();
    assert_eq!(tree.cwd, tree.path, "a folder that no commit has is not there");
    let from_itself = worktree(&tree.path, WORKTREES, TICKET).unwrap();
    assert_eq!(from_itself.cwd, tree.path);
}

#[test]
fn a_tree_that_was_removed_by_hand_comes_back_on_its_branch_in_spite_of_a_lock() {
    let r = repo();
    let tree = worktree(&r.root, WORKTREES, TICKET).unwrap();
    fs::write(tree.path.join("work.txt"), "w").unwrap();
    commit(&tree.path, "work");
    run(&r.root, &["worktree", "lock", "--reason", "an agent (pid 5748)", tree.path.to_str().unwrap()]);
    assert_eq!(worktree(&r.root, WORKTREES, TICKET).unwrap(), Worktree { made: false, ..tree.clone() });
    fs::remove_dir_all(&tree.path).unwrap();
    let back = worktree(&r.root, WORKTREES, TICKET).unwrap();
    assert_eq!(back, tree);
    assert!(back.path.join("work.txt").exists());
}

#[test]
fn a_checkout_that_was_cut_short_is_made_anew_once_its_git_must_be_dead() {
    let r = repo();
    let tree = worktree(&r.root, WORKTREES, TICKET).unwrap();
    let lock = r.root.join(".git/worktrees/mc-mc-7/locked");
    // The second was begun before the clock was put back: nobody waits until that has caught up.
    for begun in ["4 minutes ago", "tomorrow"] {
        fs::remove_dir_all(tree.path.join("src")).unwrap();
        fs::write(&lock, "initializing").unwrap();
        assert!(matches!(worktree(&r.root, WORKTREES, TICKET), Err(Error::Busy(_))));
        run(&r.root, &["-c", &format!("alias.age=!touch -d '{begun}' .git/worktrees/mc-mc-7/locked"), "age"]);
        assert_eq!(worktree(&r.root, WORKTREES, TICKET).unwrap(), tree);
        assert!(tree.path.join("src/main.rs").exists());
        assert!(!lock.exists());
    }
}

#[test]
fn what_stands_in_the_way_is_moved_aside() {
    let r = repo();
    let path = r.root.join(".claude/worktrees/mc-mc-7");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("precious.txt"), "p").unwrap();
    assert!(worktree(&r.root, WORKTREES, TICKET).unwrap().made);
    assert!(path.with_file_name("mc-mc-7.aside-1").join("precious.txt").exists());
}

#[test]
fn a_repository_without_a_commit_is_refused_in_words() {
    let tmp = tempfile::tempdir().unwrap();
    run(tmp.path(), &["init", "-q"]);
    assert!(words(worktree(tmp.path(), WORKTREES, TICKET)).contains("has no commit yet"));
}

#[test]
fn a_branch_that_is_checked_out_elsewhere_is_said_to_be() {
    let r = repo();
    run(&r.root, &["checkout", "-q", "-b", "worktree-mc-mc-7"]);
    let said = words(worktree(&r.root, WORKTREES, TICKET));
    assert!(said.contains("git worktree failed") && said.contains("shop front"), "{said}");
}

#[test]
fn many_at_once_do_not_fall_over_each_other() {
    let r = repo();
    std::thread::scope(|s| {
        let all: Vec<_> = (1..=6)
            .map(|n| {
                s.spawn({
                    let root = &r.root;
                    move || worktree(root, WORKTREES, TicketId(n))
                })
            })
            .collect();
        for one in all {
            assert!(one.join().unwrap().unwrap().made);
        }
    });
}

#[test]
fn the_repositorys_hooks_do_not_run_for_us() {
    let r = repo();
    let hook = r.root.join(".git/hooks/post-checkout");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\ntouch \"$(git rev-parse --show-toplevel)/hooked\"\n").unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tree = worktree(&r.root, WORKTREES, TICKET).unwrap();
    assert!(!tree.path.join("hooked").exists());
}

#[test]
fn changes_are_counted_committed_or_not() {
    let r = repo();
    let tree = worktree(&r.root, WORKTREES, TICKET).unwrap();
    let stat = || diff_stat(&tree.path, &tree.base_commit).unwrap();
    assert_eq!(stat(), DiffStat::default());
    fs::write(tree.path.join("done.txt"), "1\n2\n").unwrap();
    commit(&tree.path, "done");
    fs::write(tree.path.join("src/main.rs"), "one\nthree\nfour\n").unwrap();
    fs::write(tree.path.join("new\nname.txt"), "n").unwrap();
    fs::write(tree.path.join("image.bin"), [0, 159, 1, 0]).unwrap();
    run(&tree.path, &["add", "image.bin"]);
    assert_eq!(stat(), DiffStat { files: 4, added: 3, removed: 1 });
    assert_eq!(diff_stat(&tree.path, "--output=/tmp/x"), None);
    assert_eq!(diff_stat(&r.root.join("gone"), &tree.base_commit), None);
}

#[test]
fn a_new_workspace_is_a_repository_with_one_commit_and_is_left_alone_afterwards() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path().canonicalize().unwrap().join("data/workspace");
    assert!(init_workspace(&root).unwrap());
    assert_eq!(ask(&root, &["rev-list", "--count", "HEAD"]).unwrap(), "1");
    assert_eq!(ask(&root, &["status", "--porcelain"]).unwrap(), "");
    for file in ["README.md", "tasks/.gitkeep", "contracts/.gitkeep", "wiki/.gitkeep"] {
        assert!(root.join(file).is_file(), "{file}");
    }
    assert!(worktree(&root, WORKTREES, TICKET).unwrap().made);
    assert!(!init_workspace(&root).unwrap());

    let empty = tmp.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::create_dir(tmp.path().join(".empty.new")).unwrap();
    assert!(init_workspace(&empty).unwrap(), "an interrupted attempt is no hindrance");
    let used = tmp.path().join("used");
    fs::create_dir(&used).unwrap();
    fs::write(used.join("notes.txt"), "mine").unwrap();
    assert!(!init_workspace(&used).unwrap());
    assert_eq!(fs::read_dir(&used).unwrap().count(), 1);
}

#[test]
fn git_that_takes_too_long_is_ended() {
    let r = repo();
    let waits = git(&r.root, &["-c", "alias.wait=!sleep 600", "wait"], Duration::from_millis(50));
    assert_eq!(waits.map(|_| ()).unwrap_err().kind(), io::ErrorKind::TimedOut);
}
