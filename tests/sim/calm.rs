//! The calm after a seed: nothing goes wrong any more, and everything must come to rest within a bounded time.

use crate::step::Engine;
use crate::world::{Verdict, World, Wrong};
use fastrand::Rng;
use mission_control::store::orchestrator::sessions;
use mission_control::store::run::pauses;

/// Time between two rounds.
const STRIDE_MS: i64 = 5 * 60_000;
/// Longer than any wait of ours, quiet hours and the longest back-off: nothing may take more.
const LONGEST_MS: i64 = 12 * 3_600_000;

/// What could be left: its name, its table, the rows it would be, and what is told of one. Tasks go on, and with them reports and digests: of these what
/// was there when the calm began must come to its end.
const LEFT: &[(&str, &str, &str, &str)] = &[
    ("live runs", "", "runs where state in ('starting', 'running')", "id || ' ' || state"),
    ("tickets in progress", "", "tickets where status = 'in_progress'", "id"),
    (
        "open turns",
        "turns",
        "turns where state in ('pending', 'claimed', 'sent')",
        "id || ' ' || origin || ' ' || state || ', session ' || (select coalesce(state || ' ' || coalesce(note, '') || coalesce(retry_at, 0), '') from sessions order by id desc limit 1)",
    ),
    ("undecided items", "orchestrator_inbox", "orchestrator_inbox where status in ('pending', 'claimed')", "id || ' ' || status"),
    (
        "live task runs",
        "task_runs",
        "task_runs where state in ('waiting', 'running')",
        "task || ' ' || kind || ' ' || state || ', due ' || coalesce(due_at, 0) || ', not before ' || coalesce(not_before, 0)",
    ),
    ("waiting notices", "notifications", "notifications where state in ('pending', 'sending')", "key || ' ' || state"),
    (
        "unheard replies",
        "",
        "queued_messages where state in ('pending', 'claimed')
           and ticket_id in (select t.id from tickets t join runs r on r.ticket_id = t.id where t.status in ('in_review', 'needs_input')
             and r.id = (select max(id) from runs where ticket_id = t.id) and r.state = 'finished')",
        "'MC-' || ticket_id || ' ' || state",
    ),
    (
        "tickets that are ready",
        "",
        "tickets t where t.status = 'todo' and t.needs_approval = 0 and not exists (
           select 1 from ticket_links l join tickets b on b.id = l.blocker_id
           where l.blocked_id = t.id and b.status not in ('done', 'cancelled'))",
        "id",
    ),
];

impl World {
    /// Brings everything to rest.
    pub fn calm_down(&mut self) -> Verdict {
        {
            let mut out = self.stage.set();
            out.calm = true;
            out.dice = Rng::with_seed(1);
        }
        // A run whose file is broken waits until somebody mends it.
        self.mend_files();
        let newest = |(_, table, ..): &(&str, &str, &str, &str)| match *table {
            "" => i64::MAX,
            table => self.model.one(&format!("select coalesce(max(id), 0) from {table}")),
        };
        let newest: Vec<i64> = LEFT.iter().map(newest).collect();
        let began = self.hands.wall();
        let mut left = Vec::new();
        for round in 0..LONGEST_MS / STRIDE_MS {
            self.round(round)?;
            left = self.left(&newest);
            if left.is_empty() {
                return self.look_closely();
            }
            self.hands.advance(STRIDE_MS);
        }
        Err(Wrong::new(
            "stuck",
            format!("after {} min, at {}: {}", (self.hands.wall() - began) / 60_000, self.hands.wall(), left.join(", ")),
        ))
    }

    fn round(&mut self, round: i64) -> Verdict {
        // What only a person can do, a person does.
        self.write(move |tx| {
            sessions::want_keyboard(tx, false)?;
            if round % 10 == 0 {
                sessions::want(tx, true)?;
                for profile in ["demo", "other"] {
                    pauses::resume(tx, profile)?;
                }
            }
            Ok(())
        })?;
        for engine in [Engine::Pickup, Engine::Beside, Engine::Beside, Engine::Beside, Engine::Ingest, Engine::Tasks] {
            self.tick(engine)?;
        }
        for _ in 0..4 {
            self.tick(Engine::Luci)?;
            self.stage.set().luci_answers();
        }
        {
            let mut out = self.stage.set();
            out.keep_limits();
            out.finish_agents();
        }
        for engine in [Engine::Ingest, Engine::Pickup, Engine::Tasks, Engine::Outbox] {
            self.tick(engine)?;
        }
        self.look()
    }

    fn left(&self, newest: &[i64]) -> Vec<String> {
        let count = |((name, _, rows, told), newest): (&(&str, &str, &str, &str), &i64)| {
            let found: Vec<String> = self.model.all(&format!("select {told} || '' from {rows} and id <= {newest}"));
            found.first().map(|first| format!("{} {name} ({first})", found.len()))
        };
        let mut left: Vec<String> = LEFT.iter().zip(newest).filter_map(count).collect();
        let agents = self.stage.set().shims.live.iter().filter(|s| !s.is_task()).count();
        if agents > 0 {
            left.push(format!("{agents} agents"));
        }
        left
    }
}
