//! What people do: whatever pages, commands and chats let them do, at any moment and in any order.

use crate::step::Act;
use crate::world::{Verdict, World};
use mission_control::domain::actor::Actor;
use mission_control::domain::ids::TicketId;
use mission_control::domain::orchestrator::proposal::ActionKind;
use mission_control::domain::orchestrator::turn::TurnOrigin;
use mission_control::domain::ticket::{Priority, Role, Status, Title};
use mission_control::store::notice::telegram;
use mission_control::store::orchestrator::actions;
use mission_control::store::orchestrator::autonomy;
use mission_control::store::orchestrator::effects::ActionsCx;
use mission_control::store::orchestrator::turns;
use mission_control::store::orchestrator::turns::NewTurn;
use mission_control::store::orchestrator::{proposals, sessions};
use mission_control::store::run::pauses;
use mission_control::store::task::{task_runs, tasks};
use mission_control::store::ticket::tickets::{NewTicket, Patch};
use mission_control::store::ticket::{lifecycle, tickets};

fn mara() -> Actor {
    Actor::Person { name: "Mara".to_owned(), by_token: false }
}

impl World {
    pub fn person(&mut self, act: Act) -> Verdict {
        let config = self.config.clone();
        match act {
            Act::Create => return self.create(),
            Act::Move => {
                let Some(id) = self.some_ticket() else { return Ok(()) };
                let to = Status::ALL[self.dice(Status::ALL.len())];
                self.write(move |tx| lifecycle::move_to(tx, id, to, &mara(), None, config.as_ref()))?;
            }
            Act::Reply => {
                let Some(id) = self.some_ticket() else { return Ok(()) };
                if let Some(said) = self.write(move |tx| lifecycle::reply(tx, id, "Go on.", &mara(), config.as_ref()))? {
                    self.model.comments.push(said.id.0);
                }
            }
            Act::Say => {
                let Some(id) = self.some_ticket() else { return Ok(()) };
                if let Some(said) = self.write(move |tx| lifecycle::say(tx, id, "By the way.", &mara()))? {
                    self.model.comments.push(said.id.0);
                }
            }
            Act::Stop => {
                let Some(id) = self.some_ticket() else { return Ok(()) };
                let to =
                    [None, Some(Status::Todo), Some(Status::Blocked), Some(Status::Cancelled), Some(Status::Done)][self.dice(5)];
                self.write(move |tx| lifecycle::stop(tx, id, to, &mara()))?;
            }
            Act::Patch => {
                let Some(id) = self.some_ticket() else { return Ok(()) };
                let patch = Patch { priority: Some(Priority::ALL[self.dice(Priority::ALL.len())]), ..Patch::default() };
                self.write(move |tx| tickets::patch(tx, id, &patch, &mara(), None))?;
            }
            Act::Ask => {
                let origin = [TurnOrigin::Human, TurnOrigin::Human, TurnOrigin::Ticket][self.dice(3)];
                let client_id = (self.dice(3) == 0).then(|| format!("k{}", self.dice(4)));
                let chat = (self.dice(3) == 0).then_some(7);
                let message = if client_id.is_some() { "the same".to_owned() } else { format!("say {}", self.dice(1000)) };
                let new = NewTurn { origin, author: "Mara".to_owned(), message, client_id };
                let asked = self.write(move |tx| {
                    let turn = turns::send(tx, &new)?;
                    if let Some(chat) = chat {
                        telegram::expects(tx, turn.id, chat)?;
                    }
                    Ok(turn.id.0)
                })?;
                self.model.turns.extend(asked);
            }
            Act::CancelTurn | Act::RetryTurn => {
                let list = self.model.turns.clone();
                if list.is_empty() {
                    return Ok(());
                }
                let recent = list.len().min(6);
                let id = mission_control::domain::ids::TurnId(list[list.len() - 1 - self.dice(recent)]);
                let how = if matches!(act, Act::RetryTurn) { turns::retry } else { turns::cancel };
                if self.write(move |tx| how(tx, id))?.is_some() {
                    self.model.turns_over.remove(&id.0);
                }
            }
            Act::StartLuci | Act::StopLuci => drop(self.write(move |tx| sessions::want(tx, matches!(act, Act::StartLuci)))?),
            Act::SwitchLuci => {
                let to = ["other", "demo"][self.dice(2)];
                self.write(move |tx| sessions::want_profile(tx, to))?;
            }
            Act::TakeKeyboard | Act::GiveKeyboard => {
                self.write(move |tx| sessions::want_keyboard(tx, matches!(act, Act::TakeKeyboard)))?;
            }
            Act::Resume => {
                let which = ["demo", "other"][self.dice(2)];
                self.write(move |tx| pauses::resume(tx, which))?;
            }
            Act::Decide => {
                let (apply, config) = (self.dice(3) > 0, config.clone());
                let open = self.store.read(|c| proposals::list(c, None, 20)).unwrap_or_default();
                if open.is_empty() {
                    return Ok(());
                }
                let p = open[self.dice(open.len())].clone();
                self.write(move |tx| {
                    let cx = ActionsCx::of(config.as_ref());
                    if apply { actions::apply(tx, p.id, &mara(), &cx) } else { actions::dismiss(tx, p.id, &mara()) }
                })?;
            }
            Act::Grant => {
                let on = self.dice(3) > 0;
                self.write(move |tx| {
                    autonomy::set_autonomy(tx, ActionKind::CreateTicket, on, &mara())?;
                    autonomy::set_autonomy(tx, ActionKind::Start, on, &mara())
                })?;
            }
            Act::PauseTask => {
                let (name, paused) = (self.some_task(), self.dice(2) == 0);
                self.write(move |tx| tasks::pause(tx, name, paused))?;
            }
            Act::RunTask => {
                let name = self.some_task();
                self.write(move |tx| task_runs::run_by_hand(tx, name, "UTC", &mara()))?;
            }
            Act::StopTask => {
                let name = self.some_task();
                self.write(move |tx| task_runs::stop_by_hand(tx, name))?;
            }
        }
        Ok(())
    }

    fn create(&mut self) -> Verdict {
        let n = self.model.tickets.len();
        let mut new = NewTicket::titled(Title::stored(format!("Ticket {n}")));
        new.status = [Status::Inbox, Status::Todo, Status::Todo][self.dice(3)];
        new.priority = Priority::ALL[self.dice(Priority::ALL.len())];
        if self.dice(4) == 0 {
            new.role = Role::parse("tessa", &[]).expect("a role");
        }
        if self.dice(4) == 0 {
            new.profile = Some("other".to_owned());
        }
        if self.dice(5) == 0 {
            new.parent = self.some_ticket();
        }
        if self.dice(5) == 0 {
            new.blocked_by.extend(self.some_ticket());
        }
        let (now, config) = (self.dice(3) == 0, self.config.clone());
        let made = self.write(move |tx| {
            if now { lifecycle::create_started(tx, &new, &mara(), config.as_ref()) } else { tickets::create(tx, &new, &mara()) }
        })?;
        self.model.tickets.extend(made.map(|t| t.id.0));
        Ok(())
    }

    /// One of the newer tickets, mostly.
    fn some_ticket(&self) -> Option<TicketId> {
        let count = self.model.tickets.len();
        let among = if self.dice(4) == 0 { count } else { count.min(5) };
        (count > 0).then(|| TicketId(self.model.tickets[count - 1 - self.dice(among)]))
    }

    fn some_task(&self) -> &'static str {
        ["steady", "a", "b", "night", "agent"][self.dice(5)]
    }
}
