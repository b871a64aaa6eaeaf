//! A turn, a session and a ticket for tests to change what they are about: `Turn { state, ..turn() }`.

use crate::domain::ids::{SessionId, TicketId, TurnId};
use crate::domain::orchestrator::session::{DriverKind, LUCI, Session, SessionState};
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use crate::domain::ticket::{Priority, Role, Status, Ticket, Title, WorkClass};
use crate::domain::time::Time;

/// A turn that was sent.
pub(crate) fn turn() -> Turn {
    Turn {
        id: TurnId(7),
        origin: TurnOrigin::Human,
        author: "Mara".to_owned(),
        message: "hi".to_owned(),
        state: TurnState::Sent,
        nonce: None,
        session: Some(SessionId(3)),
        attempts: 1,
        given_back: 0,
        interrupt_wanted: false,
        activity: None,
        activity_at: None,
        response: None,
        error: None,
        created_at: Time(0),
        claimed_at: None,
        sent_at: None,
        accepted_at: None,
        answered_at: None,
        position: None,
        change: 1,
    }
}

/// A session in a terminal, ready.
pub(crate) fn session() -> Session {
    Session {
        id: SessionId(3),
        name: LUCI.to_owned(),
        state: SessionState::Idle,
        driver: DriverKind::Tmux,
        profile: "demo".to_owned(),
        agent_session: "3f0c".to_owned(),
        begun: String::new(),
        dir: String::new(),
        brief: String::new(),
        hand_over: None,
        launches: 1,
        failures: 0,
        retry_at: None,
        pid: None,
        pid_start: None,
        context_tokens: 0,
        answered: 0,
        note: None,
        created_at: Time(0),
        launched_at: None,
        last_activity_at: None,
        ended_at: None,
        end_reason: None,
    }
}

/// A ticket.
pub(crate) fn ticket() -> Ticket {
    Ticket {
        id: TicketId(12),
        title: Title::stored("Move the bucket".to_owned()),
        description: String::new(),
        status: Status::InProgress,
        status_since: Time(0),
        priority: Priority::Normal,
        role: Role::default(),
        project: String::new(),
        profile: None,
        work_class: WorkClass::Code,
        parent: None,
        session_id: None,
        run: None,
        not_before: None,
        retries: 0,
        needs_approval: false,
        created_by: "Ada".to_owned(),
        created_at: Time(0),
        updated_at: Time(0),
        version: 1,
    }
}
