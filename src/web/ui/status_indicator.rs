//! Luci's status in the top bar of every page.

use crate::domain::time::Time;
use crate::web::ui::stream::partial;
use crate::web::ui::when;
use maud::{Markup, html};

/// What Luci is doing, as pages say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrchestratorStatus {
    /// Nobody has spoken with her yet: the first message starts her.
    #[default]
    NotStarted,
    /// Her agent is being brought up.
    Starting,
    /// Ready.
    Idle,
    /// Works on a turn, since then.
    Working(Time),
    /// A dialog is open that only a person can answer, in the console.
    Dialog,
    /// Her profile rests: a limit, a refused login.
    Paused,
    /// A person has the keyboard in the console.
    Keyboard,
    /// Stopped by a person.
    Stopped,
    /// Her agent went away; it is brought back by itself.
    Down,
    /// Her agent does not come up any more: waits for a person's Start.
    Broken,
}

impl OrchestratorStatus {
    /// The key of its colour in the style sheet.
    #[must_use]
    pub fn st(self) -> &'static str {
        match self {
            OrchestratorStatus::NotStarted | OrchestratorStatus::Idle | OrchestratorStatus::Stopped => "todo",
            OrchestratorStatus::Starting | OrchestratorStatus::Working(_) => "progress",
            OrchestratorStatus::Dialog | OrchestratorStatus::Keyboard | OrchestratorStatus::Paused => "input",
            OrchestratorStatus::Down | OrchestratorStatus::Broken => "blocked",
        }
    }

    /// A word or two, to be read after "Luci".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            OrchestratorStatus::NotStarted => "starts with your first message",
            OrchestratorStatus::Starting => "starts",
            OrchestratorStatus::Idle => "is idle",
            OrchestratorStatus::Working(_) => "works",
            OrchestratorStatus::Dialog => "waits for you",
            OrchestratorStatus::Paused => "rests",
            OrchestratorStatus::Keyboard => "is in your hands",
            OrchestratorStatus::Stopped => "is stopped",
            OrchestratorStatus::Down => "is being brought back",
            OrchestratorStatus::Broken => "cannot start",
        }
    }
}

/// The lamp, `#luci-is`. Quiet while there is nothing to say.
#[must_use]
pub fn lamp(s: OrchestratorStatus, now: Time) -> Markup {
    html! {
        a.luci-is #luci-is href="/luci" data-st=(s.st()) {
            i {}
            span {
                "Luci"
                @match s {
                    OrchestratorStatus::NotStarted | OrchestratorStatus::Idle => {},
                    OrchestratorStatus::Working(since) => { b { " works, " (when::span(since, now)) } },
                    OrchestratorStatus::Starting | OrchestratorStatus::Dialog | OrchestratorStatus::Paused | OrchestratorStatus::Keyboard | OrchestratorStatus::Stopped | OrchestratorStatus::Down | OrchestratorStatus::Broken => {
                        b { " " (s.words()) }
                    },
                }
            }
        }
    }
}

/// The fragment that brings the lamp up to date.
#[must_use]
pub fn lamp_partial(s: OrchestratorStatus, now: Time) -> Markup {
    partial("#luci-is", "outerMorph", &lamp(s, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lamp_says_how_long_she_works_and_is_silent_while_all_is_well() {
        let now = Time(1_795_264_860_000);
        let works = lamp(OrchestratorStatus::Working(now.plus_ms(-12_000)), now).into_string();
        assert!(works.contains("works, ") && works.contains(">12 s<") && works.contains("href=\"/luci\""), "{works}");
        assert!(!lamp(OrchestratorStatus::Idle, now).into_string().contains("<b>"));
        assert!(lamp(OrchestratorStatus::Broken, now).into_string().contains("cannot start"));
    }
}
