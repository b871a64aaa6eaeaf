//! What is kept of a test: a story for whoever looks at its failure, recordings of its agents.

use super::Rig;
use std::fs;
use std::path::Path;

impl Rig {
    /// All that is known of the tickets, for a person who looks at a failed test.
    pub(super) fn story(&self) -> String {
        let mut all = String::new();
        let tickets: i64 = self.one("select count(*) from tickets", []).unwrap_or(0);
        for ticket in 1..=tickets {
            all.push_str(&format!("MC-{ticket} {} {:#?}\n", self.status(ticket), self.runs(ticket)));
            for e in self.events(ticket) {
                all.push_str(&format!(
                    "  {} {} {:?} {}\n",
                    e.kind,
                    e.tool,
                    e.content.chars().take(300).collect::<String>(),
                    e.context
                ));
            }
        }
        let turns: i64 = self.one("select count(*) from turns", []).unwrap_or(0);
        for id in 1..=turns {
            all.push_str(&format!("turn {id}: {:?}\n", self.turn(id)));
        }
        let session: Option<String> =
            self.one("select state || ' ' || driver || ' ' || coalesce(note, '') from sessions order by id desc", []);
        format!("{all}session: {session:?}, pause: {:?}", self.pause())
    }

    /// Keeps what the agents printed: the recordings in `tests/streams` are made so.
    pub(super) fn record(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("made");
        for entry in fs::read_dir(self.data.join("workspace/logs")).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.ends_with("-stream.log") && entry.file_type().is_ok_and(|t| t.is_file()) {
                fs::copy(entry.path(), folder.join(format!("{}.{name}", self.name))).expect("copied");
            }
        }
    }
}
