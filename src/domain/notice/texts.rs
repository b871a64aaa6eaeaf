//! What notices say: tickets that need a person, profiles that rest, an orchestrator that does not come up.

use crate::domain::notice::{Button, Press};
use crate::domain::run::question;
use crate::domain::run::verdict;
use crate::domain::ticket::{Status, Ticket};

/// A notice's text and its buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The text; its first line is the headline.
    pub text: String,
    /// What can be done about it at once.
    pub buttons: Vec<Button>,
}

/// A ticket that its run left to a person. `said` is what the run said of its work, or why it failed. None where the
/// status asks for nobody.
#[must_use]
pub fn needs(ticket: &Ticket, to: Status, said: &str) -> Option<Words> {
    let (id, title) = (ticket.id, ticket.title.as_str());
    let plain = verdict::prefix(said).map_or_else(|| said.to_owned(), |(_, rest)| rest);
    let plain = verdict::without_sentinel(&plain).trim();
    match to {
        Status::NeedsInput => {
            let buttons = question::of_comment(said).options.iter().map(|o| Button::new(o, &Press::Answer(id))).collect();
            Some(Words { text: format!("{id} asks: {title}\n\n{plain}\n\nReply to this message to answer."), buttons })
        }
        Status::InReview => {
            let buttons = vec![Button::new("Approve", &Press::Approve(id)), Button::new("Return", &Press::Return(id))];
            Some(Words { text: format!("{id} is ready for review: {title}\n\n{plain}"), buttons })
        }
        Status::Blocked => Some(Words {
            text: format!("{id} is blocked: {title}\n\n{plain}"),
            buttons: vec![Button::new("Retry", &Press::Retry(id))],
        }),
        Status::Inbox | Status::Todo | Status::InProgress | Status::Done | Status::Cancelled => None,
    }
}

/// A profile that rests until a person mends something.
#[must_use]
pub fn paused(profile: &str, why: &str) -> Words {
    Words {
        text: format!("Profile {profile} rests: {why}\n\nNothing more is started with it. Mend it, then let it go on."),
        buttons: vec![Button::new("Let it go on", &Press::Resume(profile.to_owned()))],
    }
}

/// The orchestrator does not come up and nobody tries any more.
#[must_use]
pub fn luci_broken(why: &str) -> Words {
    Words {
        text: format!("Luci is down and does not come up by herself\n\n{why}\n\nStart her on the page."),
        buttons: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::ticket;

    #[test]
    fn a_question_comes_with_its_options() {
        let words = needs(&ticket(), Status::NeedsInput, "QUESTION: Which region?\n\n- eu\n- us").expect("told");
        assert!(words.text.starts_with("MC-12 asks: Move the bucket\n\nWhich region?"), "{}", words.text);
        let told: Vec<_> = words.buttons.iter().map(|b| (b.label.as_str(), b.action.as_str())).collect();
        assert_eq!(told, [("eu", "answer:MC-12"), ("us", "answer:MC-12")]);
    }

    #[test]
    fn a_review_can_be_approved_or_returned_and_a_blocked_one_retried() {
        let actions = |to| needs(&ticket(), to, "REVIEW: look").expect("told").buttons.into_iter().map(|b| b.action);
        assert_eq!(actions(Status::InReview).collect::<Vec<_>>(), ["approve:MC-12", "return:MC-12"]);
        assert_eq!(actions(Status::Blocked).collect::<Vec<_>>(), ["retry:MC-12"]);
        assert_eq!(needs(&ticket(), Status::Done, "x"), None);
    }
}
