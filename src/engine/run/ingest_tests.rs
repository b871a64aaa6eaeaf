//! Who follows which log.

use super::*;
use crate::base::clock::SystemClock;
use crate::engine::samples;
use crate::store::run::running;
use crate::store::run::runs::LaunchMark;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

#[test]
fn a_session_that_forks_has_one_follower() {
    let tmp = tempfile::tempdir().expect("a folder");
    let engine = samples::engine(tmp.path(), "", Arc::new(SystemClock::new()));
    let id = samples::promised(&engine);
    let mark = LaunchMark { run_dir: "/nowhere/1-1".to_owned(), raw_log: "/nowhere/1-stream.log".to_owned() };
    let before = engine.store.write(move |tx| runs::take_launch(tx, id, |_| mark.clone())).expect("taken").expect("it waits");
    let (end, wait) = channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let begun = Arc::new(AtomicUsize::new(0));
    let spawn = |_: Run| {
        begun.fetch_add(1, Ordering::SeqCst);
        let wait = wait.clone();
        std::thread::spawn(move || {
            let _ended = crate::engine::lock(&wait).recv();
        })
    };
    let mut followers = Followers::default();
    followers.begin(vec![before.clone()], spawn);
    let after = engine.store.write(move |tx| running::fork(tx, &before, "another")).expect("forked");
    followers.begin(vec![after], spawn);
    assert_eq!(begun.load(Ordering::SeqCst), 1, "the log is followed already");
    drop(end);
    for (_, thread) in followers.0 {
        thread.join().expect("ended");
    }
}
