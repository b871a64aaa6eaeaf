//! Failures, refused logins and limits: what is tried again, when, and what blocks the ticket.

use crate::run::rig::{FIELDS, fields, terminal};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use mission_control::base::clock::{Clock, SystemClock};

#[test]
fn a_refused_login_blocks_the_ticket_and_rests_the_profile_until_a_person_acts() {
    let live = Live::start(2, &[agent("auth"), agent("instant")]);
    let id = live.now("auth", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "auth_failure");
    assert!(terminal(&live, id).contains("Log the agent in again"));
    assert_eq!(live.all::<Option<i64>>("select until from profile_pauses where profile = 'auth'"), [None]);
    // Others of that profile wait without an attempt; other profiles go on.
    let next = live.todo("auth", "Do it, too");
    let other = live.now("instant", "Do it");
    live.stands(other, "done");
    live.tick();
    assert_eq!(live.status(next), "todo");
    assert_eq!(live.starts_of(next).len(), 0);
    // A person's reply is the push: it is tried again, and refused again.
    live.reply(id, "logged in again");
    until("the second try", || (live.starts_of(id).len() == 2).then_some(()));
    live.stands(id, "blocked");
}

#[test]
fn a_limit_gives_the_ticket_back_until_the_reset() {
    let live = Live::start(2, &[agent("limit")]);
    let id = live.now("limit", "Do it");
    live.stands(id, "todo");
    let run = live.run_of(id);
    assert_eq!(run.failure, "rate_limit");
    let (not_before, retries): (i64, i64) =
        (live.one(&format!("select not_before from tickets where id = {id}")), live.one("select retries from tickets"));
    let wait = not_before - SystemClock::new().now().0;
    assert!((500_000..=600_000).contains(&wait), "in ten minutes, as it said: {wait} ms");
    assert_eq!(retries, 0, "not counted");
    assert_eq!(live.all::<Option<i64>>("select until from profile_pauses where profile = 'limit'"), [Some(not_before)]);
    assert!(terminal(&live, id).contains("goes on by itself"));
    live.tick();
    live.tick();
    assert_eq!((live.status(id).as_str(), live.starts_of(id).len()), ("todo", 1), "and nothing is tried meanwhile");
}

#[test]
fn a_limit_that_resets_goes_on_by_itself() {
    let live = Live::start(
        2,
        &[agent("limit").env("LIMIT_TEXT", "API Error: Request rejected (429) · limit reached, resets in 1 seconds")],
    );
    let id = live.now("limit", "Do it");
    let run = until("the first end", || (!live.comments(id, "terminal_state").is_empty()).then(|| live.run_of(id)));
    assert_eq!(run.failure, "rate_limit");
    let at: Option<i64> = live.one("select max(retry_at) from runs");
    if at.is_some_and(|at| at - SystemClock::new().now().0 < 20_000) {
        until("the second try", || (live.starts_of(id).len() >= 2).then_some(()));
    }
    live.move_to(id, "cancelled");
    live.stands(id, "cancelled");
}

#[test]
fn an_agent_that_fails_again_and_again_is_tried_with_pauses_and_then_blocked() {
    let live = Live::start_with(2, &[agent("code1").with("retry_limit = 2")], "retry_backoff = \"150ms\"");
    let id = live.now("code1", "Do it");
    live.stands(id, "blocked");
    let told = live.comments(id, "terminal_state");
    assert_eq!(told.len(), 3, "one for each end");
    for comment in &told {
        assert_eq!(fields(comment), FIELDS);
        assert!(comment.contains("something went wrong"), "with the end of stderr: {comment}");
    }
    assert!(told[0].contains("**status:** todo") && told[0].contains("goes on by itself at"), "{}", told[0]);
    assert!(told[2].contains("**status:** blocked") && told[2].contains("**human_input_required:** yes"), "{}", told[2]);
    let gaps: Vec<i64> = live.all(
        "select n.created_at - p.ended_at from runs n join runs p on p.ticket_id = n.ticket_id and p.attempt = n.attempt - 1 order by n.id",
    );
    assert!(gaps.len() == 2 && gaps[0] >= 100 && gaps[1] >= 550, "four times as long each time: {gaps:?}");
    live.tick();
    assert_eq!(live.starts_of(id).len(), 3, "and then nothing more by itself");
}

#[test]
fn an_agent_that_recovers_has_its_slate_wiped() {
    let live = Live::start(2, &[agent("retries")]);
    let id = live.now("retries", "Do it");
    live.stands(id, "done");
    assert_eq!(
        live.all::<String>("select reason || ' ' || state from runs order by id"),
        ["new failed", "retry failed", "retry finished"]
    );
    assert_eq!(live.one::<i64>("select retries from tickets"), 0);
}
