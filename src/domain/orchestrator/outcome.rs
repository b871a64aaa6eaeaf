//! What became of an action that was done, and the way back from it.

use crate::domain::ids::TicketId;
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::ticket::Status;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// What an action that was done made: for links, for Undo, and for what names it by its ref.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The ticket it made or changed, `MC-12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What was there before: a status, a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The comment it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<i64>,
    /// The turn it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<i64>,
    /// It began a run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// The ticket's version after it: an Undo is for that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Links to suggested tickets that the owner did not want.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Outcome {
    /// What became of a proposal; empty where nothing did.
    #[must_use]
    pub fn of(p: &Proposal) -> Outcome {
        p.result.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// The ticket it made or changed.
    #[must_use]
    pub fn ticket(&self) -> Option<TicketId> {
        self.ticket.as_deref()?.parse().ok()
    }
}

/// Whether there is an Undo for a proposal. Whether it still works is seen when it is pressed.
#[must_use]
pub fn can_undo(p: &Proposal) -> bool {
    let outcome = Outcome::of(p);
    let word = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Status>().ok());
    let back = match (word(&outcome.to), word(&outcome.from)) {
        (Some(to), Some(from)) => from != Status::InProgress && to != Status::InProgress && !way(to, from).is_empty(),
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    };
    p.state == ProposalState::Applied
        && match p.kind {
            ActionKind::CreateTicket => !outcome.started,
            ActionKind::Move => back,
            ActionKind::Assign => outcome.from != outcome.to,
            ActionKind::Comment
            | ActionKind::Start
            | ActionKind::AnswerQuestion
            | ActionKind::Notify
            | ActionKind::Ignore
            | ActionKind::AskOwner => false,
        }
}

/// The shortest way from one status to another by legal moves, without starting anything; empty where there is none.
#[must_use]
pub fn way(from: Status, to: Status) -> Vec<Status> {
    let mut came: BTreeMap<Status, Status> = BTreeMap::new();
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front() {
        if at == to {
            let mut path = vec![to];
            while let Some(before) = path.last().and_then(|s| came.get(s)).filter(|s| **s != from) {
                path.push(*before);
            }
            path.reverse();
            return path;
        }
        for step in at.moves() {
            if *step != Status::InProgress && *step != from && !came.contains_key(step) {
                came.insert(*step, at);
                next.push_back(*step);
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_every_resting_place_there_is_a_way_back_or_it_is_said_that_there_is_none() {
        for from in Status::ALL {
            for to in Status::ALL.iter().filter(|to| *to != from) {
                let path = way(*from, *to);
                let mut at = *from;
                for step in &path {
                    assert!(at.may_move_to(*step) && *step != Status::InProgress, "{from} to {to}: {path:?}");
                    at = *step;
                }
                assert!(path.is_empty() || at == *to);
            }
        }
        assert_eq!(way(Status::Done, Status::Inbox), [Status::Todo, Status::Inbox]);
        assert_eq!(way(Status::Done, Status::InReview), [Status::InReview]);
    }
}
