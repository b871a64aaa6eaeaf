//! Luci's answers to what was asked in a chat.

use crate::base::error::Result;
use crate::domain::notice::{Button, Notice, Press};
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::proposal::{Proposal, ProposalState};
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::{Turn, TurnState};
use crate::domain::text::cut_chars;
use crate::engine::Engine;
use crate::store::notice::{notifications, telegram as link};
use crate::store::orchestrator::{proposals, turns};

/// Answers of Luci's that were asked for in a chat go back there.
pub(crate) fn tell(engine: &Engine) -> Result<()> {
    while let Some((id, chat)) = engine.store.read(link::turn_over)? {
        engine.store.write(move |tx| {
            let turn = turns::get(tx.conn, id)?;
            let (text, buttons) = answer_words(&turn, &proposals::of_turn(tx.conn, id)?);
            let key = format!("turn:{id}:{}", turn.change);
            notifications::answer(tx, chat, &Notice { key, text, buttons, ..Notice::default() }, false)?;
            link::turn_told(tx, id)
        })?;
    }
    Ok(())
}

fn answer_words(turn: &Turn, proposals: &[Proposal]) -> (String, Vec<Button>) {
    let error = turn.error.as_deref().unwrap_or("no reason is known");
    let mut text = match turn.state {
        TurnState::Answered => proposal_block::words(turn.response.as_deref().unwrap_or_default()).trim().to_owned(),
        TurnState::Failed => format!("Luci could not answer: {error}"),
        TurnState::Cancelled | TurnState::Pending | TurnState::Claimed | TurnState::Sent => {
            "That message to Luci was withdrawn.".to_owned()
        }
    };
    let mut buttons = Vec::new();
    for p in proposals.iter().filter(|p| p.state == ProposalState::Open) {
        let headline = Action::read(&p.body).map_or_else(|_| p.kind.to_string(), |a| a.headline());
        text.push_str(&format!("\n\nSuggests: {headline}"));
        buttons.push(Button::new(&format!("Do it: {}", cut_chars(&headline, 40).0), &Press::Do(p.id)));
    }
    (text, buttons)
}
