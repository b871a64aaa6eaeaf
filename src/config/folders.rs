//! The workspace's folders as last looked at: each is a project without a line in the configuration. The disk may be slow, so
//! whoever may wait looks, and whoever must not (an async thread, the writer) asks what was seen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Names of folders.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<BTreeSet<String>>);

impl Folders {
    /// Lists a folder. One that cannot be listed leaves what was seen before.
    pub(crate) fn look(&self, root: &Path) {
        let Ok(entries) = std::fs::read_dir(root) else { return };
        let seen = entries.flatten().filter(|e| e.path().is_dir()).filter_map(|e| e.file_name().into_string().ok()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Whether a folder of this name was there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Flags};

    #[test]
    fn a_project_is_checked_without_a_look_at_the_disk() {
        let dir = tempfile::tempdir().expect("a folder");
        let (workspace, file) = (dir.path().join("work"), dir.path().join("config.toml"));
        std::fs::create_dir_all(workspace.join("old")).expect("made");
        std::fs::write(&file, format!("[workspace]\nroot = {:?}\n", workspace.display().to_string())).expect("written");
        let flags = Flags { data: Some(dir.path().join("data")), config: Some(file), ..Flags::default() };
        let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
        std::fs::create_dir(workspace.join("new")).expect("made");
        let known = |name: &str| config.check_project(name).is_ok();
        assert_eq!((known("Old"), known("New"), known("general")), (true, false, true), "as it was looked at at the start");
        config.look_for_projects();
        assert!(known("New"));
        std::fs::remove_dir_all(&workspace).expect("it was there");
        assert!(known("New"), "nor is it looked at now");
    }
}
