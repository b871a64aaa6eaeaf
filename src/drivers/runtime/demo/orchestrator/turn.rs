//! The demo agent in the orchestrator's place, unattended: one message in, one answer out, as stream-json.

use crate::drivers::runtime::demo::agent::Stage;
use crate::drivers::runtime::demo::orchestrator::memory;
use crate::drivers::runtime::demo::orchestrator::{Ending, think};
use std::time::Duration;

/// Plays one turn and returns the exit code.
pub(crate) fn play(stage: &mut Stage<'_>, resumes: bool, model: &str, prompt: &str) -> u8 {
    let mut known = match memory::open(&stage.state, &stage.session, resumes) {
        Ok(known) => known,
        Err(_) if resumes => return stage.unknown_session(),
        Err(why) => {
            eprintln!("{why}");
            return 1;
        }
    };
    let thought = think(&mut known, prompt);
    if let Err(e) = memory::remember(&stage.state, &stage.session, &known) {
        eprintln!("demo: the conversation cannot be remembered: {e}");
    }
    stage.tokens = known.tokens;
    stage.init(model);
    if let (1.., Some(ms)) = (thought.steps, thought.every_ms) {
        stage.pace_ms = ms / 2;
    }
    for n in 1..=thought.steps {
        stage.bash("ls", &format!("step {n} of {}", thought.steps));
    }
    match thought.ending {
        Ending::Said(text) => stage.ends_well(&text),
        Ending::Failed => stage.ends_in_failure(),
        Ending::Limited => stage.ends_at_limit(),
        Ending::Hang => {
            stage.say("demo: you told me to hang.");
            loop {
                crate::base::clock::pause(Duration::from_secs(60));
            }
        }
    }
}
