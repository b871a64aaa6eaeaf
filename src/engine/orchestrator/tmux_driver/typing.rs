//! Puts a turn into the agent's input box: only where nothing else stands in it, and Enter only once all of it is there.

use crate::base::clock::{Deadline, pause};
use crate::base::error::{Error, Result};
use crate::config::data_dir::make_private;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::drivers::runtime::launch_file::write_private;
use crate::drivers::runtime::live::LiveSession;
use crate::drivers::runtime::live::screen::{AgentScreen, InputBox};
use crate::drivers::tmux::Key;
use crate::engine::Engine;
use crate::engine::orchestrator::driver::{AgentStatus, NotSent, RetypeOutcome};
use crate::engine::orchestrator::tmux_driver::observed::TmuxDriver;
use crate::engine::orchestrator::tmux_driver::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a paste may take to be seen.
const PASTED: Duration = Duration::from_secs(3);
/// How long the box may take to show what a key did.
const KEY_SHOWS: Duration = Duration::from_millis(600);
/// Enter that shows no effect so long is pressed once more.
const ENTER_AGAIN: Duration = Duration::from_millis(1_500);
/// How long the agent may take to have it; after that, `harvest` looks on.
const TAKEN: Duration = Duration::from_secs(3);
/// Between two looks.
const STEP: Duration = Duration::from_millis(8);
/// Times the input box is cleared before it is left to a person.
const CLEARED_AT_MOST: u32 = 4;

type Sent = std::result::Result<(), NotSent>;

impl TmuxDriver {
    pub(crate) fn type_in(
        &self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> Sent {
        let marker = turn.marker();
        if marker.is_empty() {
            return Err(NotSent::NotNow("the turn is not claimed".to_owned()));
        }
        match self.look_now(engine, session).map_err(not_now)? {
            AgentStatus::Ready => {}
            other => return Err(NotSent::NotNow(in_words(&other))),
        }
        let terminal = Terminal::of(engine, session).map_err(not_now)?;
        put(session, turn, &terminal)?;
        if let Err(e) = sending() {
            clear(&terminal)?;
            return Err(not_now(e));
        }
        // How it stood before says nothing any more.
        self.forget_looks();
        // From here on it may be in the agent's hands: what fails now is for `harvest` to find out.
        if terminal.keys(&[Key::Enter]).is_ok() {
            self.wait_taken(engine, session, &terminal, &marker);
        }
        Ok(())
    }

    /// Waits until the agent has it. One Enter more, where the text still stands in the box.
    fn wait_taken(&self, engine: &Engine, session: &Session, terminal: &Terminal, marker: &str) {
        let (late, over) = (Deadline::after(ENTER_AGAIN), Deadline::after(TAKEN));
        let mut again = true;
        while !over.is_over() {
            if self.has(engine, session, marker) {
                return;
            }
            let held = || terminal.screen().ok().and_then(|s| s.input).is_some_and(|b| b.holds(marker));
            if again && late.is_over() {
                again = false;
                if held() && !self.has(engine, session, marker) {
                    // Not sent is found out by `harvest`.
                    let _pressed = terminal.keys(&[Key::Enter]);
                }
            }
            pause(STEP);
        }
    }
}

/// What was typed and stands in the box still: Enter is pressed once more, or, where a person wants it interrupted, the box is
/// cleared. An agent that only was slow has taken it by the first Enter, and what comes behind that finds an empty box.
pub(crate) fn enter_again(terminal: &Terminal, session: &Session, turn: &Turn) -> Result<RetypeOutcome> {
    let seen = terminal.screen()?;
    let Some(input) = seen.input.filter(|_| !seen.busy) else { return Ok(RetypeOutcome::Unclear) };
    let marker = turn.marker();
    if !input.holds(&marker) {
        return Ok(RetypeOutcome::Nothing);
    }
    if turn.interrupt_wanted {
        return Ok(if clear(terminal).is_ok() { RetypeOutcome::Nothing } else { RetypeOutcome::Unclear });
    }
    let ours = [harmless(terminal.live, &turn.words()), in_file(session, turn).1];
    if input.shell || !ours.iter().any(|text| terminal.live.holds_only(&input, text, &marker)) {
        return Ok(RetypeOutcome::Unclear);
    }
    terminal.keys(&[Key::Enter])?;
    Ok(RetypeOutcome::Asked)
}

/// Puts the turn's prompt into the box, and nothing else. The marker goes last and by itself, where it is never folded: once
/// it is seen, all that was typed before it is in the picture, even what a server that was killed had left on its way.
fn put(session: &Session, turn: &Turn, terminal: &Terminal) -> Sent {
    let mut last = Ok(());
    for attempt in 0..3 {
        clear(terminal)?;
        // A text that the box shows otherwise than we know it goes by way of a file.
        let text = if attempt < 2 { harmless(terminal.live, &turn.words()) } else { by_file(session, turn).map_err(not_now)? };
        terminal.paste(&text).map_err(not_now)?;
        // One paste right behind another may be taken for a part of it.
        last = shows(terminal, |input| !input.is_clean());
        if last.is_ok() {
            terminal.paste(&turn.marker()).map_err(not_now)?;
            last = arrived(terminal, &text, &turn.marker());
        }
        if last.is_ok() {
            return last;
        }
    }
    // Whatever came of it must not stand there for the next one.
    clear(terminal)?;
    last
}

/// The words that lead to a message which could not be pasted, and is in its file now.
fn by_file(session: &Session, turn: &Turn) -> Result<String> {
    let (file, words) = in_file(session, turn);
    make_private(file.parent().unwrap_or(&file))?;
    write_private(&file, turn.words().as_bytes())?;
    Ok(words)
}

/// The file of such a message, and the words that lead to it.
fn in_file(session: &Session, turn: &Turn) -> (PathBuf, String) {
    let file = Path::new(&session.dir).join("messages").join(format!("{}.md", turn.id.0));
    let words = format!("Your message is in the file {}: read it whole and answer it.\n\n", file.display());
    (file, words)
}

/// Empties the input box, and makes sure.
fn clear(terminal: &Terminal) -> Sent {
    let mut interrupted = false;
    for round in 0..=CLEARED_AT_MOST {
        let Some(input) = terminal.screen().map_err(not_now)?.input else {
            return Err(NotSent::NotNow("its input box is not there".to_owned()));
        };
        if input.is_clean() {
            return Ok(());
        }
        let keys = if input.text.is_empty() {
            // An empty line of a shell: back to prompts.
            vec![Key::Backspace]
        } else if round < 2 || interrupted {
            // Each takes the line before the cursor, then the line's end.
            vec![Key::CtrlU; 2 * input.lines + 1]
        } else {
            // Takes it all, wherever the cursor stands; a second one would end the program.
            interrupted = true;
            vec![Key::CtrlC]
        };
        terminal.keys(&keys).map_err(not_now)?;
        wait_changed(terminal, &input);
    }
    Err(NotSent::NotNow("its input box holds text that cannot be cleared: look at it in the console".to_owned()))
}

fn wait_changed(terminal: &Terminal, before: &InputBox) {
    let deadline = Deadline::after(KEY_SHOWS);
    while !deadline.is_over() {
        pause(STEP);
        match terminal.screen() {
            Ok(AgentScreen { input: Some(now), .. }) if now == *before => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Waits until all of it is in the box. Something else beside it may be gone with the next picture.
fn arrived(terminal: &Terminal, text: &str, marker: &str) -> Sent {
    let mut mixed: Option<Deadline> = None;
    let mut over = false;
    shows(terminal, |input| {
        let only = !input.shell && terminal.live.holds_only(input, text, marker);
        over = !only && input.holds(marker) && mixed.get_or_insert_with(|| Deadline::after(KEY_SHOWS)).is_over();
        only || over
    })?;
    if over { Err(NotSent::NotNow("something else stands in its input box".to_owned())) } else { Ok(()) }
}

/// Waits until the box looks as it should.
fn shows(terminal: &Terminal, mut as_it_should: impl FnMut(&InputBox) -> bool) -> Sent {
    let deadline = Deadline::after(PASTED);
    loop {
        if terminal.screen().map_err(not_now)?.input.is_some_and(|input| as_it_should(&input)) {
            return Ok(());
        }
        if deadline.is_over() {
            return Err(NotSent::NotNow("the paste did not show in its input box".to_owned()));
        }
        pause(STEP);
    }
}

/// A prompt that is nothing but a prompt, whatever it begins with.
fn harmless(live: &dyn LiveSession, prompt: &str) -> String {
    if prompt.trim_start().starts_with(live.order_signs()) { format!("Message:\n{prompt}") } else { prompt.to_owned() }
}

fn not_now(e: Error) -> NotSent {
    NotSent::NotNow(e.to_string())
}

fn in_words(look: &AgentStatus) -> String {
    match look {
        AgentStatus::Gone(why) => why.clone().unwrap_or_else(|| "its program is gone".to_owned()),
        AgentStatus::ComingUp => "it comes up".to_owned(),
        AgentStatus::Ready => "it is ready".to_owned(),
        AgentStatus::Busy => "it works".to_owned(),
        AgentStatus::Dialog(words) => format!("a dialog is open: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::RuntimeKind;
    use crate::drivers::runtime;

    #[test]
    fn a_message_is_never_taken_for_an_order() {
        let demo = runtime::of(RuntimeKind::Demo).live().expect("it can be kept in a terminal");
        for order in ["/clear", "!rm -rf x", "  /exit", "#note"] {
            assert_eq!(harmless(demo, order), format!("Message:\n{order}"));
        }
        assert_eq!(harmless(demo, "see /etc"), "see /etc");
    }
}
