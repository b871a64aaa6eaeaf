//! What an update does: words become tickets, replies or turns; buttons do what they say. All inside the transaction that
//! takes the update.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::{NoticeId, TicketId};
use crate::domain::notice::{Button, ButtonsState, Notice, Press, Stored};
use crate::domain::orchestrator::proposal::ProposalState;
use crate::domain::orchestrator::turn::TurnOrigin;
use crate::domain::ticket::Status;
use crate::domain::ticket::draft;
use crate::domain::ticket::draft::Message;
use crate::drivers::telegram::{Inbound, InboundKind, InboundMessage};
use crate::engine::notice::telegram::words;
use crate::store::Tx;
use crate::store::access::credentials;
use crate::store::notice::{notifications, telegram as link};
use crate::store::orchestrator::actions;
use crate::store::orchestrator::effects::ActionsCx;
use crate::store::orchestrator::sessions;
use crate::store::orchestrator::turns;
use crate::store::orchestrator::turns::NewTurn;
use crate::store::run::{pauses, runs};
use crate::store::ticket::lifecycle;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::NewTicket;
use std::sync::Arc;

/// An update from a chat that is allowed.
pub(crate) struct Heard {
    /// The bot that heard it.
    pub bot: i64,
    /// The chat.
    pub chat: i64,
    /// What came.
    pub update: Inbound,
    /// A line about the file that came with it.
    pub file: Option<String>,
    /// What is configured.
    pub config: Arc<Config>,
}

impl Heard {
    /// What is kept of it.
    pub fn kind(&self) -> &'static str {
        match self.update.what {
            InboundKind::Message(_) => "message",
            InboundKind::Pressed { .. } => "press",
            InboundKind::Other => "other",
        }
    }

    /// Answers in the chat.
    fn say(&self, tx: &Tx<'_>, text: String, ticket: Option<TicketId>, buttons: Vec<Button>) -> Result<()> {
        self.say_or_ask(tx, text, ticket, buttons, false)
    }

    fn say_or_ask(&self, tx: &Tx<'_>, text: String, ticket: Option<TicketId>, buttons: Vec<Button>, ask: bool) -> Result<()> {
        let key = format!("re:{}:{}", self.bot, self.update.update);
        notifications::answer(tx, self.chat, &Notice { key, text, buttons, ticket, urgent: false }, ask)
    }
}

/// Does what the update says. A short word for whoever pressed a button.
///
/// # Errors
/// It cannot be done: then nothing of it was.
pub(crate) fn act(tx: &Tx<'_>, heard: &Heard) -> Result<Option<String>> {
    let name = credentials::owner(tx.conn)?.map_or_else(|| "Owner".to_owned(), |(name, _)| name);
    let actor = Actor::Telegram { name };
    match &heard.update.what {
        InboundKind::Message(said) => message(tx, heard, said, &actor).map(|()| None),
        InboundKind::Pressed { message, data, .. } => press(tx, heard, *message, data, &actor).map(Some),
        InboundKind::Other => Ok(None),
    }
}

/// What a message asks for.
enum Ask<'a> {
    Help,
    Status,
    Stop(&'a str),
    New(&'a str),
    Luci(&'a str),
    Unknown,
    Words,
}

fn ask(text: &str) -> Ask<'_> {
    let Some(command) = text.strip_prefix('/') else { return Ask::Words };
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    // In a group it is `/status@the_bot`.
    let word = word.split_once('@').map_or(word, |(word, _)| word).to_ascii_lowercase();
    let rest = rest.trim();
    match word.as_str() {
        "start" | "help" => Ask::Help,
        "status" => Ask::Status,
        "stop" => Ask::Stop(rest),
        "new" => Ask::New(rest),
        "luci" => Ask::Luci(rest),
        _ => Ask::Unknown,
    }
}

fn message(tx: &Tx<'_>, heard: &Heard, said: &InboundMessage, actor: &Actor) -> Result<()> {
    let text = said.text.trim();
    let about = match said.reply_to {
        Some(to) => notifications::by_message(tx.conn, heard.chat, to)?,
        None => None,
    };
    let ticket = about.as_ref().and_then(|s| s.notice.ticket);
    let with_luci = about.as_ref().is_some_and(|s| s.notice.key.starts_with("turn:"));
    match (ask(text), ticket) {
        (Ask::Help, _) => heard.say(tx, words::HELP.to_owned(), None, Vec::new()),
        (Ask::Status, _) => heard.say(tx, words::status(tx.conn, tx.now)?, None, Vec::new()),
        (Ask::Stop(which), ticket) => stop(tx, heard, which, ticket, actor),
        (Ask::New(rest), _) => new_ticket(tx, heard, rest, actor),
        (Ask::Luci(rest), _) => luci(tx, heard, rest, actor),
        (Ask::Unknown, _) => heard.say(tx, format!("That command is not known.\n\n{}", words::HELP), None, Vec::new()),
        (Ask::Words, Some(ticket)) => reply(tx, heard, ticket, text, actor),
        (Ask::Words, None) if with_luci => luci(tx, heard, text, actor),
        (Ask::Words, None) if text.is_empty() && heard.file.is_none() => {
            heard.say(tx, "Only text, photos and documents are read here.".to_owned(), None, Vec::new())
        }
        (Ask::Words, None) => new_ticket(tx, heard, text, actor),
    }
}

/// The words, and the line about the file that came with them.
fn with_file(heard: &Heard, text: &str) -> String {
    [Some(text), heard.file.as_deref()].into_iter().flatten().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn new_ticket(tx: &Tx<'_>, heard: &Heard, text: &str, actor: &Actor) -> Result<()> {
    let message = Message { text, attached: heard.file.as_deref(), ..Message::default() };
    let mut draft = draft::read(&message, heard.config.as_ref())?;
    let notes = std::mem::take(&mut draft.notes);
    let made = tickets::create(tx, &NewTicket::drafted(draft), actor)?;
    let mut text = format!("{} is in {}: {}", made.id, made.status.label(), made.title.as_str());
    for note in notes {
        text.push_str(&format!("\n{note}"));
    }
    heard.say(tx, text, Some(made.id), vec![Button::new("Start", &Press::Start(made.id))])
}

fn reply(tx: &Tx<'_>, heard: &Heard, id: TicketId, text: &str, actor: &Actor) -> Result<()> {
    let body = with_file(heard, text);
    if body.is_empty() {
        return Err(Error::field("reply", "is empty: write or send something"));
    }
    let word = reply_with(tx, heard, id, &body, actor)?;
    heard.say(tx, word, Some(id), Vec::new())
}

fn reply_with(tx: &Tx<'_>, heard: &Heard, id: TicketId, body: &str, actor: &Actor) -> Result<String> {
    let before = tickets::get(tx.conn, id)?;
    let live = runs::live_of(tx.conn, id)?.is_some();
    lifecycle::reply(tx, id, body, actor, heard.config.as_ref())?;
    Ok(match (live, before.status.needs_person()) {
        (true, _) => format!("{id} gets your words when its run ends"),
        (false, true) => format!("{id} goes on with your words"),
        (false, false) => format!("InboundMessage on {id}; it stands in {}", before.status.label()),
    })
}

fn stop(tx: &Tx<'_>, heard: &Heard, which: &str, about: Option<TicketId>, actor: &Actor) -> Result<()> {
    let named = which.split_whitespace().next().map(str::parse::<TicketId>).transpose();
    let named = named.map_err(|_| Error::field("/stop", "names no ticket: write /stop MC-12"))?;
    let id = named.or(about).ok_or_else(|| Error::field("/stop", "names no ticket: write /stop MC-12"))?;
    lifecycle::stop(tx, id, None, actor)?;
    heard.say(tx, format!("{id} is being stopped"), Some(id), Vec::new())
}

fn luci(tx: &Tx<'_>, heard: &Heard, text: &str, actor: &Actor) -> Result<()> {
    let turn = turns::send(
        tx,
        &NewTurn {
            origin: TurnOrigin::Human,
            author: actor.name().to_owned(),
            message: with_file(heard, text),
            client_id: Some(format!("telegram:{}:{}", heard.bot, heard.update.update)),
        },
    )?;
    link::expects(tx, turn.id, heard.chat)?;
    let off = sessions::wanted(tx.conn)?.on == Some(false);
    let word = match (off, turn.position) {
        (true, _) => "Luci is stopped: it waits until she is started on the page".to_owned(),
        (false, Some(n)) if n > 0 => format!("Luci gets it after {n} before it"),
        (false, _) => "Luci has it".to_owned(),
    };
    heard.say(tx, word, None, Vec::new())
}

fn press(tx: &Tx<'_>, heard: &Heard, message: i64, data: &str, actor: &Actor) -> Result<String> {
    let numbers = data.split_once(':').and_then(|(id, n)| Some((NoticeId(id.parse().ok()?), n.parse::<usize>().ok()?)));
    let (id, n) = numbers.ok_or_else(|| Error::not_found("that button"))?;
    let stored = notifications::get(tx.conn, id).map_err(|_| Error::not_found("that button"))?;
    let button = stored.notice.buttons.get(n).ok_or_else(|| Error::not_found("that button"))?;
    let press = Press::parse(&button.action).ok_or_else(|| Error::not_found("that button"))?;
    if stored.chat != Some(heard.chat) {
        return Err(Error::not_found("that button"));
    }
    // Of a message that was sent and not written down, only the press tells.
    notifications::seen_as(tx, id, heard.chat, message)?;
    if stored.buttons_state != ButtonsState::Open {
        return over(tx, &stored);
    }
    carry_out(tx, heard, &press, &button.label, actor)
}

/// A button whose time is over: the word says where things stand instead.
fn over(tx: &Tx<'_>, stored: &Stored) -> Result<String> {
    Ok(match stored.notice.ticket {
        Some(id) => format!("{id} has moved on: {}", tickets::get(tx.conn, id)?.status.label()),
        None => "That is done already".to_owned(),
    })
}

fn carry_out(tx: &Tx<'_>, heard: &Heard, press: &Press, label: &str, actor: &Actor) -> Result<String> {
    let rules = heard.config.as_ref();
    let stands = |id: TicketId, wanted: &[Status]| -> Result<()> {
        let status = tickets::get(tx.conn, id)?.status;
        if wanted.contains(&status) { Ok(()) } else { Err(Error::Conflict(format!("{id} has moved on: {}", status.label()))) }
    };
    match press {
        Press::Approve(id) => {
            stands(*id, &[Status::InReview])?;
            lifecycle::move_to(tx, *id, Status::Done, actor, None, rules)?;
            Ok(format!("{id} is done"))
        }
        Press::Return(id) => {
            stands(*id, &[Status::InReview])?;
            let text = format!("What is missing on {id}?\n\nReply to this message: {id} goes on with your words.");
            heard.say_or_ask(tx, text, Some(*id), Vec::new(), true)?;
            Ok("Say what is missing".to_owned())
        }
        Press::Retry(id) => {
            stands(*id, &[Status::Blocked])?;
            lifecycle::move_to(tx, *id, Status::InProgress, actor, None, rules)?;
            Ok(format!("{id} goes on"))
        }
        Press::Start(id) => {
            stands(*id, &[Status::Inbox, Status::Todo])?;
            lifecycle::move_to(tx, *id, Status::InProgress, actor, None, rules)?;
            Ok(format!("{id} starts"))
        }
        Press::Answer(id) => {
            stands(*id, &[Status::NeedsInput])?;
            reply_with(tx, heard, *id, label, actor)
        }
        Press::Do(id) => {
            let done = actions::apply(tx, *id, actor, &ActionsCx::of(rules))?;
            Ok(match done.state {
                ProposalState::Applied => "Done".to_owned(),
                ProposalState::Open | ProposalState::Dismissed | ProposalState::Undone | ProposalState::Refused => {
                    done.error.unwrap_or_else(|| format!("It is {}", done.state))
                }
            })
        }
        Press::Resume(profile) => {
            let rested = pauses::resume(tx, profile)?;
            Ok(if rested { format!("{profile} goes on") } else { format!("{profile} does not rest any more") })
        }
    }
}
