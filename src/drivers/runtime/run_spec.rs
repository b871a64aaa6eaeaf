//! The one builder of what a shim is to start: whoever a run is for, its limits, its environment and its end are put together
//! here.

use crate::domain::profile::Profile;
use crate::drivers::supervise::run_dir::RunSpec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Workers and tasks are killed first when memory runs out.
pub const WORKER_OOM: i32 = 600;
/// The orchestrator is killed late.
pub const ORCHESTRATOR_OOM: i32 = -800;

/// A specification that is being put together. Without limits, as likely a victim as a worker.
#[derive(Debug)]
pub struct SpecBuilder(RunSpec);

impl SpecBuilder {
    /// The run of this number for this subject (`MC-12`), as these words in this folder, writing to this log.
    #[must_use]
    pub fn new(run: i64, subject: String, argv: Vec<String>, cwd: PathBuf, raw_log: PathBuf) -> SpecBuilder {
        SpecBuilder(RunSpec {
            run,
            ticket: subject,
            argv,
            cwd,
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log,
            log_cap: 0,
            wall_clock_ms: 0,
            silence_ms: 0,
            stop_grace_ms: 0,
            oom_score_adj: WORKER_OOM,
        })
    }

    /// Adds variables; a later one of the same name wins.
    #[must_use]
    pub fn env(mut self, more: impl IntoIterator<Item = (String, String)>) -> SpecBuilder {
        self.0.env.extend(more);
        self
    }

    /// Names of variables that come from our own environment.
    #[must_use]
    pub fn env_from(mut self, names: &[String]) -> SpecBuilder {
        self.0.env_from.extend_from_slice(names);
        self
    }

    /// The limits of a profile.
    #[must_use]
    pub fn limits_of(self, profile: &Profile) -> SpecBuilder {
        self.limits(profile.log_cap, profile.wall_clock_limit_ms, profile.silence_limit_ms)
    }

    /// Bytes of output, milliseconds in all, milliseconds without output; 0 is no limit.
    #[must_use]
    pub fn limits(mut self, log_cap: u64, wall_clock_ms: i64, silence_ms: i64) -> SpecBuilder {
        self.0.log_cap = log_cap;
        self.0.wall_clock_ms = u64::try_from(wall_clock_ms).unwrap_or(0);
        self.0.silence_ms = u64::try_from(silence_ms).unwrap_or(0);
        self
    }

    /// Its place in the queue of the kernel's out-of-memory killer.
    #[must_use]
    pub fn oom_score_adj(mut self, n: i32) -> SpecBuilder {
        self.0.oom_score_adj = n;
        self
    }

    /// The whole: ended with this grace, and with our own program first on its path.
    #[must_use]
    pub fn build(mut self, own_exe: &Path, stop_grace_ms: u64) -> RunSpec {
        self.0.stop_grace_ms = stop_grace_ms;
        own_program_first(&mut self.0.env, own_exe);
        self.0
    }
}

/// Puts the folder of our own program first on the path, so that `mission-control done` is this one.
pub fn own_program_first(env: &mut BTreeMap<String, String>, own_exe: &Path) {
    let own = own_exe.parent().map(|p| p.display().to_string()).unwrap_or_default();
    let path = env.get("PATH").cloned().or_else(|| std::env::var("PATH").ok()).unwrap_or_else(|| "/usr/bin:/bin".to_owned());
    env.insert("PATH".to_owned(), format!("{own}:{path}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::RuntimeKind;

    #[test]
    fn a_specification_has_its_profiles_limits_and_our_program_first() {
        let mut profile = Profile::new("x", RuntimeKind::Demo);
        (profile.log_cap, profile.wall_clock_limit_ms, profile.silence_limit_ms) = (7, 8, -1);
        let spec = SpecBuilder::new(3, "MC-1".to_owned(), vec!["a".to_owned()], "/w".into(), "/l".into())
            .env([("PATH".to_owned(), "/theirs".to_owned()), ("A".to_owned(), "1".to_owned())])
            .env([("A".to_owned(), "2".to_owned())])
            .env_from(&["KEY".to_owned()])
            .limits_of(&profile)
            .build(Path::new("/opt/mc/mission-control"), 9);
        assert_eq!((spec.log_cap, spec.wall_clock_ms, spec.silence_ms, spec.stop_grace_ms), (7, 8, 0, 9));
        assert_eq!((spec.env["PATH"].as_str(), spec.env["A"].as_str()), ("/opt/mc:/theirs", "2"));
        assert_eq!((spec.env_from.len(), spec.oom_score_adj, spec.run), (1, WORKER_OOM, 3));
    }
}
