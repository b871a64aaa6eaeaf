//! The demo agent in the orchestrator's place, unattended: one message in, one answer out, as stream-json.

use crate::drivers::runtime::demo::common::DemoEnding;
use crate::drivers::runtime::demo::orchestrator::memory;
use crate::drivers::runtime::demo::orchestrator::think;
use crate::drivers::runtime::demo::stream_writer::StreamWriter;
use std::time::Duration;

/// Plays one turn and returns the exit code.
pub(crate) fn play(writer: &mut StreamWriter<'_>, resumes: bool, model: &str, prompt: &str) -> u8 {
    let mut known = match memory::open(&writer.state, &writer.session, resumes) {
        Ok(known) => known,
        Err(_) if resumes => return writer.unknown_session(),
        Err(why) => {
            eprintln!("{why}");
            return 1;
        }
    };
    let thought = think(&mut known, prompt);
    if let Err(e) = memory::remember(&writer.state, &writer.session, &known) {
        eprintln!("demo: the conversation cannot be remembered: {e}");
    }
    writer.tokens = known.tokens;
    writer.init(model);
    if let (1.., Some(ms)) = (thought.steps, thought.every_ms) {
        writer.pace_ms = ms / 2;
    }
    for n in 1..=thought.steps {
        writer.bash("ls", &format!("step {n} of {}", thought.steps));
    }
    match thought.ending {
        DemoEnding::Reply(text) => writer.ends_well(&text),
        DemoEnding::Failed => writer.ends_in_failure(),
        DemoEnding::Limited => writer.ends_at_limit(),
        DemoEnding::Hang => {
            writer.say("demo: you told me to hang.");
            loop {
                crate::base::clock::pause(Duration::from_secs(60));
            }
        }
    }
}
