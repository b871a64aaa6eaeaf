//! Sessions of the persistent orchestrator, and what a person wants of it.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::SessionId;
use crate::domain::notice::{Notice, texts};
use crate::domain::orchestrator::session::{DriverKind, LUCI, Session, SessionState, Wanted};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::access::credentials;
use crate::store::db::settings;
use crate::store::notice::notifications;
use crate::store::orchestrator::turns;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};

const SELECT: &str = "select id, name, state, driver, profile, agent_session, begun, dir, brief, hand_over, launches, failures,
       retry_at, pid, pid_start, context_tokens, answered, note, created_at, launched_at, last_activity_at, ended_at, end_reason
     from sessions";

const WANTED_ON: &str = "luci.on";
const WANTED_PROFILE: &str = "luci.profile";
const KEYBOARD: &str = "luci.keyboard";

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// How its agent is spoken with.
    pub driver: DriverKind,
    /// The profile it runs on.
    pub profile: String,
    /// The agent's own id of it.
    pub agent_session: String,
    /// Why it begins; empty for the first.
    pub begun: String,
    /// The parent of its folder; the folder is named by its number.
    pub root: std::path::PathBuf,
    /// What the agent is told beyond the turns.
    pub brief: String,
    /// The note of the session before.
    pub hand_over: Option<String>,
}

/// Opens a session.
///
/// # Errors
/// One is open already.
pub fn open(tx: &Tx<'_>, new: &NewSession) -> Result<Session> {
    tx.conn
        .prepare_cached(
            "insert into sessions (name, state, driver, profile, agent_session, begun, dir, brief, hand_over, created_at)
             values (?1, 'starting', ?2, ?3, ?4, ?5, '', ?6, ?7, ?8)",
        )?
        .execute(params![
            LUCI,
            new.driver.as_str(),
            new.profile,
            new.agent_session,
            new.begun,
            new.brief,
            new.hand_over,
            tx.now.0
        ])?;
    let id = SessionId(tx.conn.last_insert_rowid());
    let dir = new.root.join(id.0.to_string()).display().to_string();
    tx.conn.prepare_cached("update sessions set dir = ?2 where id = ?1")?.execute(params![id.0, dir])?;
    turns::next_change(tx)?;
    get(tx.conn, id)
}

/// One session.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: SessionId) -> Result<Session> {
    conn.prepare_cached(&format!("{SELECT} where id = ?1"))?
        .query_row([id.0], row_to_session)
        .optional()?
        .ok_or_else(|| Error::not_found(format!("session {id}")))
}

/// The orchestrator's session that is not over.
///
/// # Errors
/// The database refused.
pub fn current(conn: &Connection) -> Result<Option<Session>> {
    Ok(conn
        .prepare_cached(&format!("{SELECT} where name = ?1 and state <> 'ended'"))?
        .query_row([LUCI], row_to_session)
        .optional()?)
}

/// The orchestrator's newest session, over or not.
///
/// # Errors
/// The database refused.
pub fn newest(conn: &Connection) -> Result<Option<Session>> {
    Ok(conn
        .prepare_cached(&format!("{SELECT} where name = ?1 order by id desc limit 1"))?
        .query_row([LUCI], row_to_session)
        .optional()?)
}

/// Sessions opened in a span of time, oldest first: the conversation's dividers.
///
/// # Errors
/// The database refused.
pub fn opened_between(conn: &Connection, from: Time, to: Time, limit: i64) -> Result<Vec<Session>> {
    let mut stmt = conn.prepare_cached(&format!(
        "{SELECT} where name = ?1 and created_at >= ?2 and created_at <= ?3 and begun <> '' order by id desc limit ?4"
    ))?;
    let rows = stmt.query_map(params![LUCI, from.0, to.0, limit], row_to_session)?;
    let mut found: Vec<Session> = rows.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// A start of its agent begins.
///
/// # Errors
/// The session is over.
pub fn launching(tx: &Tx<'_>, id: SessionId) -> Result<()> {
    change(
        tx,
        id,
        "update sessions set state = 'starting', launches = launches + 1, launched_at = ?2, retry_at = null, pid = null,
           pid_start = null where id = ?1 and state <> 'ended'",
        params![id.0, tx.now.0],
    )
}

/// Its agent's process.
///
/// # Errors
/// The session is over.
pub fn has_process(tx: &Tx<'_>, id: SessionId, pid: i64, pid_start: i64) -> Result<()> {
    change(
        tx,
        id,
        "update sessions set pid = ?2, pid_start = ?3 where id = ?1 and state <> 'ended'",
        params![id.0, pid, pid_start],
    )
}

/// It stands so now. A sign of life. Ready or at work, what went wrong before is forgotten.
///
/// # Errors
/// The session is over.
pub fn stands(tx: &Tx<'_>, id: SessionId, state: SessionState, note: Option<&str>) -> Result<()> {
    let well = matches!(state, SessionState::Idle | SessionState::Working);
    change(
        tx,
        id,
        "update sessions set state = ?2, note = ?3, last_activity_at = ?4, failures = case when ?5 then 0 else failures end
         where id = ?1 and state <> 'ended'",
        params![id.0, state.as_str(), note, tx.now.0, well],
    )
}

/// What the operator should know of it. No sign of life.
///
/// # Errors
/// The session is over.
pub fn says(tx: &Tx<'_>, id: SessionId, note: Option<&str>) -> Result<()> {
    change(tx, id, "update sessions set note = ?2 where id = ?1 and state <> 'ended'", params![id.0, note])
}

/// Its agent is gone or did not come up: again at `retry_at`, or never by itself. `broken`: too often in a row, a person
/// should look.
///
/// # Errors
/// The session is over.
pub fn down(tx: &Tx<'_>, id: SessionId, note: &str, retry_at: Option<Time>, broken: bool) -> Result<()> {
    let state = if broken { SessionState::Broken } else { SessionState::Down };
    change(
        tx,
        id,
        "update sessions set state = ?2, note = ?3, retry_at = ?4, failures = failures + 1, pid = null, pid_start = null
         where id = ?1 and state <> 'ended'",
        params![id.0, state.as_str(), note, retry_at.map(|t| t.0)],
    )?;
    if state == SessionState::Broken {
        let text = texts::luci_broken(note).text;
        notifications::tell(
            tx,
            &Notice {
                key: format!("luci:{id}:{}", get(tx.conn, id)?.last_activity_at.map_or(0, |at| at.0)),
                text,
                ..Notice::default()
            },
        )?;
    }
    Ok(())
}

/// A person stopped it: its agent is ended, its conversation waits for a Start.
///
/// # Errors
/// The session is over.
pub fn asleep(tx: &Tx<'_>, id: SessionId) -> Result<()> {
    change(
        tx,
        id,
        "update sessions set state = 'down', note = null, retry_at = null, failures = 0, pid = null, pid_start = null
         where id = ?1 and state <> 'ended'",
        params![id.0],
    )
}

/// It is spoken with in another way from now on.
///
/// # Errors
/// The session is over.
pub fn speaks_by(tx: &Tx<'_>, id: SessionId, driver: DriverKind) -> Result<()> {
    change(
        tx,
        id,
        "update sessions set driver = ?2, state = 'down', retry_at = ?3, pid = null, pid_start = null where id = ?1 and state <> 'ended'",
        params![id.0, driver.as_str(), tx.now.0],
    )
}

/// A turn of it was answered, and how full its memory is.
///
/// # Errors
/// The database refused.
pub fn answered(tx: &Tx<'_>, id: SessionId, context_tokens: Option<i64>) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update sessions set answered = answered + 1, context_tokens = coalesce(?2, context_tokens), last_activity_at = ?3
             where id = ?1",
        )?
        .execute(params![id.0, context_tokens, tx.now.0])?;
    Ok(())
}

/// The agent said that it goes by another id now.
///
/// # Errors
/// The session is over.
pub fn goes_by(tx: &Tx<'_>, id: SessionId, agent_session: &str) -> Result<()> {
    change(tx, id, "update sessions set agent_session = ?2 where id = ?1 and state <> 'ended'", params![id.0, agent_session])
}

/// It is over.
///
/// # Errors
/// It was over already.
pub fn end(tx: &Tx<'_>, id: SessionId, reason: &str) -> Result<()> {
    // A note that it was still to write is nobody else's business, and its token is nobody's any more.
    tx.conn
        .prepare_cached(
            "update turns set state = 'cancelled', answered_at = ?1 where state = 'pending' and origin = 'hand_over'",
        )?
        .execute([tx.now.0])?;
    credentials::revoke_session_tokens(tx, id)?;
    change(
        tx,
        id,
        "update sessions set state = 'ended', end_reason = ?2, ended_at = ?3, pid = null, pid_start = null, retry_at = null
         where id = ?1 and state <> 'ended'",
        params![id.0, reason, tx.now.0],
    )
}

/// What a person wants of the orchestrator.
///
/// # Errors
/// The database refused.
pub fn wanted(conn: &Connection) -> Result<Wanted> {
    let mut set = settings::get_many(conn, [WANTED_ON, WANTED_PROFILE, KEYBOARD])?;
    Ok(Wanted {
        on: set.remove(WANTED_ON).map(|v| v == "1"),
        profile: set.remove(WANTED_PROFILE).filter(|v| !v.is_empty()),
        keyboard: set.remove(KEYBOARD).is_some_and(|v| v == "1"),
    })
}

/// Start or Stop was pressed. A Start also gives a session that broke another chance.
///
/// # Errors
/// The database refused.
pub fn want(tx: &Tx<'_>, on: bool) -> Result<()> {
    settings::set(tx, WANTED_ON, if on { "1" } else { "0" })?;
    if on {
        tx.conn
            .prepare_cached(
                "update sessions set state = 'down', retry_at = ?2, failures = 0 where name = ?1 and state in ('broken', 'down')",
            )?
            .execute(params![LUCI, tx.now.0])?;
    }
    turns::next_change(tx)?;
    tx.ring(Topic::Board);
    Ok(())
}

/// Another profile was chosen: the engine hands the conversation over to it.
///
/// # Errors
/// The database refused.
pub fn want_profile(tx: &Tx<'_>, profile: &str) -> Result<()> {
    settings::set(tx, WANTED_PROFILE, profile)?;
    turns::next_change(tx)?;
    Ok(())
}

/// A person takes the keyboard in the console, or hands it back.
///
/// # Errors
/// The database refused.
pub fn want_keyboard(tx: &Tx<'_>, taken: bool) -> Result<()> {
    settings::set(tx, KEYBOARD, if taken { "1" } else { "0" })?;
    turns::next_change(tx)?;
    Ok(())
}

fn change(tx: &Tx<'_>, id: SessionId, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<()> {
    if tx.conn.prepare_cached(sql)?.execute(values)? != 1 {
        return Err(Error::Conflict(format!("session {id} is over")));
    }
    turns::next_change(tx)?;
    tx.ring(Topic::Board);
    Ok(())
}

fn row_to_session(r: &rusqlite::Row<'_>) -> rusqlite::Result<Session> {
    let time = |i: usize| r.get::<_, Option<i64>>(i).map(|t| t.map(Time));
    Ok(Session {
        id: SessionId(r.get(0)?),
        name: r.get(1)?,
        state: parsed::<SessionState>(r, 2)?,
        driver: parsed::<DriverKind>(r, 3)?,
        profile: r.get(4)?,
        agent_session: r.get(5)?,
        begun: r.get(6)?,
        dir: r.get(7)?,
        brief: r.get(8)?,
        hand_over: r.get(9)?,
        launches: r.get(10)?,
        failures: r.get(11)?,
        retry_at: time(12)?,
        pid: r.get(13)?,
        pid_start: r.get(14)?,
        context_tokens: r.get(15)?,
        answered: r.get(16)?,
        note: r.get(17)?,
        created_at: Time(r.get(18)?),
        launched_at: time(19)?,
        last_activity_at: time(20)?,
        ended_at: time(21)?,
        end_reason: r.get(22)?,
    })
}
