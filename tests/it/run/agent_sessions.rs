//! Sessions that fork, are unknown or are elsewhere, and tickets that are moved away meanwhile.

use crate::run::rig::terminal;
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;

#[test]
fn a_ticket_that_is_moved_away_stays_there_however_its_run_comes_to_an_end() {
    let limit = agent("limit").env("LIMIT_TEXT", "API Error: Request rejected (429) · limit reached, resets in 1 seconds");
    let live = Live::start(2, &[agent("instant"), limit]);
    // The wish comes while the run is at work, as it ends, or when it is over.
    for (mode, n) in ["limit", "instant"].into_iter().flat_map(|mode| (0..6).map(move |n| (mode, n))) {
        let id = live.now(mode, "Do it");
        until("its agent", || (!live.starts_of(id).is_empty()).then_some(()));
        mission_control::base::clock::pause(std::time::Duration::from_millis(n * 30));
        let answer = live.post(&format!("/tickets/MC-{id}/move"), &[("status", "cancelled")]);
        // What is done cannot be cancelled; a move that was taken is kept.
        let stays = if answer.status == 303 { "cancelled" } else { "done" };
        assert!(answer.status == 303 || (answer.status == 422 && mode == "instant"), "{}", answer.body);
        live.stands(id, stays);
        live.tick();
        assert_eq!(live.status(id), stays, "{mode}: it stays there");
    }
}

#[test]
fn a_session_that_forks_closes_one_row_and_opens_one() {
    let live = Live::start(2, &[agent("fork")]);
    let id = live.now("fork", "Do it");
    live.stands(id, "done");
    let first = live.run_of(id).session;
    live.move_to(id, "todo");
    until("the fork", || (live.one::<i64>("select count(*) from runs") == 3).then_some(()));
    live.stands(id, "done");
    let rows: Vec<String> =
        live.all("select attempt || ' ' || reason || ' ' || state || ' ' || (session_id = (select session_id from runs where attempt = 1)) from runs order by attempt");
    assert_eq!(rows, ["1 new finished 1", "2 resume finished 1", "3 fork finished 0"]);
    let forked = live.run_of(id);
    assert_ne!(forked.session, first);
    assert_eq!(
        live.one::<String>(&format!("select session_id from tickets where id = {id}")),
        forked.session,
        "that one is the truth now"
    );
    assert_eq!(live.starts_of(id).len(), 2, "one process for both rows");
}

#[test]
fn an_unknown_session_starts_afresh_with_the_history() {
    let live = Live::start(2, &[agent("unknown")]);
    let id = live.now("unknown", "Paint the shed green");
    live.stands(id, "done");
    live.reply(id, "And the door, please");
    live.move_to(id, "todo");
    until("the cold start", || {
        (live.starts_of(id).len() >= 2 && live.one::<i64>("select count(*) from runs") == 3).then_some(())
    });
    live.stands(id, "done");
    let reasons: Vec<String> = live.all("select reason || ' ' || state from runs order by attempt");
    assert_eq!(reasons, ["new finished", "resume failed", "cold_start finished"]);
    let starts = live.starts_of(id);
    let brief = starts.last().expect("a start")["prompt"].as_str().expect("text").to_owned();
    assert!(brief.contains("Paint the shed green") && brief.contains("DONE: instantly"), "what was and what came of it");
    assert_eq!(brief.matches("And the door, please").count(), 1, "{brief}");
    assert_eq!(live.one::<i64>("select retries from tickets"), 0, "not counted");
}

#[test]
fn an_agent_that_works_elsewhere_is_not_believed() {
    let live = Live::start(2, &[agent("wrongplace")]);
    let id = live.now("wrongplace", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "wrong_place");
    assert!(terminal(&live, id).contains("/nonexistent/elsewhere"));
}
