//! Luci's lamp in the top bar: how she stands, on every page.

use crate::domain::time::Time;
use crate::web::ui::stream::partial;
use crate::web::ui::when;
use maud::{Markup, html};

/// How Luci stands, as pages say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Nobody has spoken with her yet: the first message starts her.
    #[default]
    Asleep,
    /// Her agent is being brought up.
    Starting,
    /// Ready.
    Idle,
    /// Works on a turn, since then.
    Works(Time),
    /// A dialog is open that only a person can answer, in the console.
    Dialog,
    /// Her profile rests: a limit, a refused login.
    Resting,
    /// A person has the keyboard in the console.
    Keyboard,
    /// Stopped by a person.
    Stopped,
    /// Her agent went away; it is brought back by itself.
    Down,
    /// Her agent does not come up any more: waits for a person's Start.
    Broken,
}

impl Standing {
    /// The key of its colour in the style sheet.
    #[must_use]
    pub fn st(self) -> &'static str {
        match self {
            Standing::Asleep | Standing::Idle | Standing::Stopped => "todo",
            Standing::Starting | Standing::Works(_) => "progress",
            Standing::Dialog | Standing::Keyboard | Standing::Resting => "input",
            Standing::Down | Standing::Broken => "blocked",
        }
    }

    /// A word or two, to be read after "Luci".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Standing::Asleep => "starts with your first message",
            Standing::Starting => "starts",
            Standing::Idle => "is idle",
            Standing::Works(_) => "works",
            Standing::Dialog => "waits for you",
            Standing::Resting => "rests",
            Standing::Keyboard => "is in your hands",
            Standing::Stopped => "is stopped",
            Standing::Down => "is being brought back",
            Standing::Broken => "cannot start",
        }
    }
}

/// The lamp, `#luci-is`. Quiet while there is nothing to say.
#[must_use]
pub fn lamp(s: Standing, now: Time) -> Markup {
    html! {
        a.luci-is #luci-is href="/luci" data-st=(s.st()) {
            i {}
            span {
                "Luci"
                @match s {
                    Standing::Asleep | Standing::Idle => {},
                    Standing::Works(since) => { b { " works, " (when::span(since, now)) } },
                    Standing::Starting | Standing::Dialog | Standing::Resting | Standing::Keyboard | Standing::Stopped | Standing::Down | Standing::Broken => {
                        b { " " (s.words()) }
                    },
                }
            }
        }
    }
}

/// The fragment that brings the lamp up to date.
#[must_use]
pub fn lamp_partial(s: Standing, now: Time) -> Markup {
    partial("#luci-is", "outerMorph", &lamp(s, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lamp_says_how_long_she_works_and_is_silent_while_all_is_well() {
        let now = Time(1_795_264_860_000);
        let works = lamp(Standing::Works(now.plus_ms(-12_000)), now).into_string();
        assert!(works.contains("works, ") && works.contains(">12 s<") && works.contains("href=\"/luci\""), "{works}");
        assert!(!lamp(Standing::Idle, now).into_string().contains("<b>"));
        assert!(lamp(Standing::Broken, now).into_string().contains("cannot start"));
    }
}
