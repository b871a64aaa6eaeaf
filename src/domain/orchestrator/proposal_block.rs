//! The one documented block of an answer: its last fenced JSON object with the key `mc_actions`, with nothing behind it.

use crate::domain::orchestrator::action::{Action, CreateTicket, TicketRef, in_words};
use crate::domain::text::shortened;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Actions of one answer, children counted.
pub const ACTIONS_MAX: usize = 50;
/// Bytes of a block.
const BLOCK_MAX: usize = 500_000;
/// Places that an object without a fence may begin at, looked at from the end.
const PLACES: usize = 400;
const KEY: &str = "\"mc_actions\"";

/// What an answer holds beside its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The answer without the block.
    pub text: String,
    /// What it suggests, in order; parts of a ticket as actions of their own.
    pub actions: Vec<Action>,
}

/// Reads the block of an answer. None where there is none, or where it is the example of [`contract`], told again.
///
/// # Errors
/// Everything that is wrong with it, in sentences.
pub fn read(answer: &str) -> Result<Option<Found>, Vec<String>> {
    let Some((words, json)) = locate(answer) else { return Ok(None) };
    let actions = read_json(json)?;
    if read_json(EXAMPLE).is_ok_and(|example| example == actions) {
        return Ok(None);
    }
    Ok(Some(Found { text: words.to_owned(), actions }))
}

/// An answer without its block, be that good or not: what people read.
#[must_use]
pub fn words(answer: &str) -> &str {
    locate(answer).map_or(answer, |(words, _)| words)
}

/// What is wrong with actions as a whole: names that stand there twice or nowhere, circles, too many.
#[must_use]
pub fn wrong_together(actions: &[Action]) -> Vec<String> {
    let mut wrong = Vec::new();
    if actions.len() > ACTIONS_MAX {
        wrong.push(too_many(actions.len()));
    }
    let mut made: BTreeMap<&str, &Action> = BTreeMap::new();
    for action in actions {
        if let Some(name) = action.name()
            && made.insert(name, action).is_some()
        {
            wrong.push(format!("The ref {name:?} stands at two tickets: each needs its own."));
        }
    }
    for (n, action) in actions.iter().enumerate() {
        for name in action.needs() {
            if !made.contains_key(name) {
                wrong.push(format!("{} names {name:?}, but no create_ticket of the block has that ref.", title(n, action)));
            }
        }
    }
    if let Some(name) = circle(&made) {
        wrong
            .push(format!("The ticket with ref {name:?} would have to exist before itself: take one parent or blocked_by away."));
    }
    wrong
}

/// The paragraph of the role contract that tells how to suggest actions.
#[must_use]
pub fn contract() -> &'static str {
    concat!(
        "## Suggesting actions\n\nTo have something done, end your answer with ONE block, the last thing in it, like this:\n\n```json\n",
        include_str!("proposal_block_example.json"),
        "```\n\nKinds and fields (? = may be left out): \
create_ticket {ref?, title, description?, role?, project?, priority?: critical|high|normal|low, work_class?: \
code|ui|mobile|architecture|task, parent?, blocked_by?: [...], children?: [create_ticket...], start?: true}; \
comment {ticket, body}; move {ticket, status}; assign {ticket, role}; start {ticket}; answer_question {ticket, answer}; \
notify {text}; ignore {reason?, items?: [numbers]}; ask_owner {question, options?: [...]}. \
A ticket is named \"MC-12\", or by the ref of a create_ticket in the same block. At most 50 actions; no other kinds or fields. \
The owner sees each action as a card and decides; nothing is done until then, unless that kind was allowed to you. \
Write the words for the owner before the block, and no block where there is nothing to do. A block that stands anywhere \
but at the very end is not read.\n",
    )
}

const EXAMPLE: &str = include_str!("proposal_block_example.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    mc_actions: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct KindOnly {
    kind: String,
}

fn read_json(json: &str) -> Result<Vec<Action>, Vec<String>> {
    if json.len() > BLOCK_MAX {
        return Err(vec![format!("The block is longer than {BLOCK_MAX} bytes.")]);
    }
    let block: Block =
        serde_json::from_str(json).map_err(|e| vec![format!("The block cannot be read: {}.", shortened(&e.to_string(), 400))])?;
    if block.mc_actions.len() > ACTIONS_MAX {
        return Err(vec![too_many(block.mc_actions.len())]);
    }
    let (mut actions, mut wrong) = (Vec::new(), Vec::new());
    for (n, raw) in block.mc_actions.iter().enumerate() {
        match serde_json::from_str::<Action>(raw.get()) {
            Ok(action) => actions.push(action),
            Err(e) => {
                let kind = serde_json::from_str::<KindOnly>(raw.get())
                    .map(|k| format!(" ({})", shortened(&k.kind, 40)))
                    .unwrap_or_default();
                wrong.push(format!("Action {}{kind}: {}.", n + 1, in_words(&e)));
            }
        }
    }
    // Before anything is done for each of them: a block has room for thousands of children.
    let n = actions.iter().map(counted).sum::<usize>();
    if n > ACTIONS_MAX {
        return Err(vec![too_many(n)]);
    }
    let actions = spread(actions, &mut wrong);
    for (n, action) in actions.iter().enumerate() {
        wrong.extend(action.wrong().into_iter().map(|what| format!("{}: {what}.", title(n, action))));
    }
    if wrong.is_empty() {
        wrong.extend(wrong_together(&actions));
    }
    if wrong.is_empty() { Ok(actions) } else { Err(wrong) }
}

fn too_many(n: usize) -> String {
    format!("There are {n} actions; at most {ACTIONS_MAX} are allowed in one answer.")
}

/// How many actions one is, its children counted.
fn counted(action: &Action) -> usize {
    fn tickets(new: &CreateTicket) -> usize {
        1 + new.children.iter().map(tickets).sum::<usize>()
    }
    action.new_ticket().map_or(1, tickets)
}

fn title(n: usize, action: &Action) -> String {
    match action {
        Action::CreateTicket(new) => {
            format!("Action {} (create_ticket {:?})", n + 1, new.title.chars().take(40).collect::<String>())
        }
        other => format!("Action {} ({})", n + 1, other.kind()),
    }
}

/// Makes an action of each part, naming its parent by a ref.
fn spread(actions: Vec<Action>, wrong: &mut Vec<String>) -> Vec<Action> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    fn names(new: &CreateTicket, taken: &mut BTreeSet<String>) {
        taken.extend(new.name.clone());
        new.children.iter().for_each(|c| names(c, taken));
    }
    for action in &actions {
        if let Action::CreateTicket(new) = action {
            names(new, &mut taken);
        }
    }
    let mut flat = Vec::new();
    for action in actions {
        match action {
            Action::CreateTicket(new) => spread_one(new, &mut taken, &mut flat, wrong),
            other => flat.push(other),
        }
    }
    flat
}

fn spread_one(mut new: CreateTicket, taken: &mut BTreeSet<String>, flat: &mut Vec<Action>, wrong: &mut Vec<String>) {
    let children = std::mem::take(&mut new.children);
    if !children.is_empty() && new.name.is_none() {
        let free = (1..).map(|n| format!("part-{n}")).find(|name| !taken.contains(name)).expect("numbers do not end");
        taken.insert(free.clone());
        new.name = Some(free);
    }
    let parent = new.name.clone();
    flat.push(Action::CreateTicket(new));
    for mut child in children {
        if child.parent.is_some() {
            let title = shortened(&child.title, 40);
            wrong.push(format!("The child {title:?} names a parent: its parent is the ticket it stands in."));
        }
        child.parent = parent.clone().map(TicketRef::Made);
        spread_one(child, taken, flat, wrong);
    }
}

/// A ref that would have to exist before itself.
fn circle<'a>(made: &BTreeMap<&'a str, &'a Action>) -> Option<&'a str> {
    // What needs nothing more is taken away until nothing changes; what is left goes in a circle.
    let mut left: BTreeMap<&str, Vec<&str>> = made.iter().map(|(name, action)| (*name, action.needs())).collect();
    loop {
        let free: Vec<&str> =
            left.iter().filter(|(_, needs)| !needs.iter().any(|n| left.contains_key(n))).map(|(name, _)| *name).collect();
        if free.is_empty() {
            return left.keys().next().and_then(|name| made.get_key_value(name)).map(|(name, _)| *name);
        }
        free.iter().for_each(|name| drop(left.remove(name)));
    }
}

/// The words before the block, and the block's JSON.
fn locate(answer: &str) -> Option<(&str, &str)> {
    let whole = answer.trim_end();
    let at = whole.rfind(KEY)?;
    match fenced(whole) {
        Some((start, body)) if body.contains(KEY) => Some((whole[..start].trim_end(), body)),
        Some(_) => None,
        None if whole.ends_with('}') => unfenced(whole, at),
        None => None,
    }
}

/// The last fence, where the text ends with it: where it begins, and what is in it.
fn fenced(whole: &str) -> Option<(usize, &str)> {
    let last = whole.rfind('\n').map_or(0, |n| n + 1);
    let (mark, info) = fence(&whole[last..])?;
    if !info.is_empty() {
        return None;
    }
    let before = &whole[..last];
    let mut end = before.len();
    while end > 0 {
        let start = before[..end - 1].rfind('\n').map_or(0, |n| n + 1);
        if let Some((opened, info)) = fence(&before[start..end]) {
            // A longer fence around is somebody's quotation; another language is somebody's code.
            let ours = opened == mark && (info.is_empty() || info.eq_ignore_ascii_case("json"));
            return Some(if ours { (start, &before[end..]) } else { (start, "") });
        }
        end = start;
    }
    None
}

/// A fence's mark and what stands behind it.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end();
    let inner = line.trim_start_matches(' ');
    let marks = inner.bytes().take_while(|b| *b == b'`').count();
    let (mark, info) = inner.split_at(marks);
    (marks >= 3 && line.len() - inner.len() <= 3 && !info.contains('`')).then(|| (mark, info.trim()))
}

/// An object at the end of a text, around the place of its key.
fn unfenced(whole: &str, key: usize) -> Option<(&str, &str)> {
    let starts = whole[..key].rmatch_indices('{').take(PLACES).map(|(at, _)| at);
    let mut broken = None;
    for start in starts {
        let json = &whole[start..];
        let line = whole[..start].rfind('\n').map_or(0, |n| n + 1);
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
            Ok(fields) if fields.contains_key("mc_actions") => return Some((before(&whole[..start]), json)),
            Ok(_) => {}
            Err(_) if whole[start + 1..].trim_start().starts_with(KEY) && whole[line..start].trim().is_empty() => {
                broken = broken.or(Some((before(&whole[..start]), json)));
            }
            Err(_) => {}
        }
    }
    broken
}

/// Words before an object; a fence that was opened for it and never closed does not belong to them.
fn before(words: &str) -> &str {
    let words = words.trim_end();
    let line = words.rfind('\n').map_or(0, |n| n + 1);
    match fence(&words[line..]) {
        Some((_, info)) if info.is_empty() || info.eq_ignore_ascii_case("json") => words[..line].trim_end(),
        Some(_) | None => words,
    }
}

#[cfg(test)]
#[path = "proposal_block_tests.rs"]
mod tests;
