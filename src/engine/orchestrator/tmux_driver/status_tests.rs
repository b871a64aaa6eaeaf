//! Ready is only what nothing speaks against.

use super::*;
use crate::drivers::runtime::live::screen::InputBox;

#[test]
fn what_was_told_by_a_clock_that_ran_ahead_is_long_ago() {
    let now = Time(1_000_000);
    assert!(just(now, now) && just(now.plus_ms(-900), now));
    assert!(!just(now.plus_ms(-1_100), now) && !just(now.plus_ms(3_600_000), now));
}

#[test]
fn ready_is_only_what_nothing_speaks_against() {
    let idle = AgentScreen { input: Some(InputBox::default()), ..AgentScreen::default() };
    let busy = AgentScreen { busy: true, ..idle.clone() };
    let asks = AgentScreen { dialog: Some("Which one?".to_owned()), ..AgentScreen::default() };
    let waiting = ProgramStatus::Waiting("permission prompt".to_owned());
    assert_eq!(decide(&idle, None, false), AgentStatus::Ready);
    assert_eq!(decide(&idle, Some(&ProgramStatus::Idle), false), AgentStatus::Ready);
    assert_eq!(decide(&idle, Some(&ProgramStatus::Busy), false), AgentStatus::Busy);
    assert_eq!(decide(&idle, None, true), AgentStatus::Busy);
    assert_eq!(decide(&busy, Some(&ProgramStatus::Idle), false), AgentStatus::Busy);
    assert_eq!(decide(&asks, Some(&ProgramStatus::Idle), false), AgentStatus::Dialog("Which one?".to_owned()));
    assert_eq!(decide(&idle, Some(&waiting), false), AgentStatus::Dialog("she waits for permission prompt".to_owned()));
    assert_eq!(decide(&AgentScreen::default(), Some(&ProgramStatus::Idle), false), AgentStatus::ComingUp);
}
