//! Whatever becomes of the measurement (it ends, fails, is interrupted, is killed), nothing of it is left: it runs as a
//! child, all that it starts carries a mark, and this process, which measures nothing, clears away after it.

use super::clock::pause;
use mission_control::drivers::supervise::stop::end_marked;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The mark in the environment of all that is started: this run's folder.
pub const MARK: &str = "FIGURES_ROOT";

/// Runs this program again as the one that measures, and clears away what it leaves.
pub fn keep(args: &[String]) -> ExitCode {
    match kept(args) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn kept(args: &[String]) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let folder = tempfile::Builder::new().prefix("mc-figures-").tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = {
        let _inside = runtime.enter();
        use tokio::signal::unix::{SignalKind, signal};
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]
    };
    let mut measuring = Command::new(std::env::current_exe()?).args(args).env(MARK, folder.path()).spawn()?;
    let [mut int, mut term, mut hup] = told;
    let status = runtime.block_on(async {
        loop {
            if let Ok(Some(status)) = measuring.try_wait() {
                return Some(status);
            }
            let told = async {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                    _ = hup.recv() => {}
                }
            };
            if tokio::time::timeout(Duration::from_millis(50), told).await.is_ok() {
                return None;
            }
        }
    });
    if status.is_none() {
        eprintln!("\ninterrupted: stopping what was started");
        let _ = measuring.kill();
        let _ = measuring.wait();
    }
    clear(folder.path());
    folder.close()?;
    let code = status.and_then(|s| s.code()).and_then(|c| u8::try_from(c).ok()).unwrap_or(130);
    Ok(ExitCode::from(code))
}

fn clear(root: &Path) {
    for _ in 0..3 {
        // A process that is being started while one looks is found the next time.
        if !end_marked(MARK, root, Duration::from_secs(3)) {
            eprintln!("processes of {} are still there", root.display());
        }
        pause(Duration::from_millis(50));
    }
}
