//! Who may come in: the owner's password, one-time login links, browser sessions, API tokens. Only hashes are kept.

use crate::base::error::{Error, Result};
use crate::domain::actor::Scope;
use crate::domain::ids::{RunId, SessionId};
use crate::domain::time::Time;
use crate::store::Tx;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

/// A browser session ends after so long without use, in milliseconds (14 days), and in any case after 90 days.
pub const SESSION_IDLE_MS: i64 = 14 * 86_400_000;
const SESSION_MAX_MS: i64 = 90 * 86_400_000;
/// A login link is good for so long, in milliseconds (1 hour).
pub const LINK_MS: i64 = 3_600_000;

/// The hash under which a secret is kept. Secrets are 256 random bits: no salt is needed.
#[must_use]
pub fn hash(secret: &str) -> String {
    format!("{:x}", Sha256::digest(secret.as_bytes()))
}

/// The digest of a secret, as bytes: what it is known by in memory.
#[must_use]
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A browser session.
#[derive(Debug, Clone)]
pub struct LoginSession {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub user: String,
    /// The browser's own words.
    pub user_agent: String,
    /// Since when.
    pub created_at: Time,
    /// Last used (to the minute).
    pub last_seen_at: Time,
    /// When it ends by itself, unless it is used before.
    pub good_until: Time,
}

/// An API token, without its secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The run it was made for.
    pub run: Option<RunId>,
    /// Since when.
    pub created_at: Time,
    /// Last used (to the minute).
    pub last_used_at: Option<Time>,
}

/// The owner's password hash, once one is set.
///
/// # Errors
/// The database refused.
pub fn owner(conn: &Connection) -> Result<Option<(String, String)>> {
    Ok(conn
        .prepare_cached("select name, password_hash from users order by id limit 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

/// Sets the owner's name and password hash; all sessions but `keep` end.
///
/// # Errors
/// The database refused.
pub fn set_owner(tx: &Tx<'_>, name: &str, password_hash: &str, keep: Option<i64>) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update users set name = ?1, password_hash = ?2 where id = (select min(id) from users)")?
        .execute(params![name, password_hash])?;
    if n == 0 {
        tx.conn.prepare_cached("insert into users (name, password_hash, created_at) values (?1, ?2, ?3)")?.execute(params![
            name,
            password_hash,
            tx.now.0
        ])?;
    }
    tx.conn
        .prepare_cached("update login_sessions set revoked_at = ?1 where revoked_at is null and id <> ?2")?
        .execute(params![tx.now.0, keep.unwrap_or(-1)])?;
    Ok(())
}

/// Keeps a one-time login link's secret; good for [`LINK_MS`].
///
/// # Errors
/// The database refused.
pub fn add_link(tx: &Tx<'_>, secret: &str) -> Result<()> {
    tx.conn.prepare_cached("delete from login_links where expires_at < ?1")?.execute([tx.now.0])?;
    tx.conn
        .prepare_cached("insert into login_links (token_hash, expires_at) values (?1, ?2)")?
        .execute(params![hash(secret), tx.now.0 + LINK_MS])?;
    Ok(())
}

/// Whether a login link would be accepted.
///
/// # Errors
/// The database refused.
pub fn link_is_good(conn: &Connection, secret: &str, now: Time) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "select exists (select 1 from login_links where token_hash = ?1 and used_at is null and expires_at > ?2)",
        )?
        .query_row(params![hash(secret), now.0], |r| r.get(0))?)
}

/// Spends a login link.
///
/// # Errors
/// It is unknown, used or too old.
pub fn use_link(tx: &Tx<'_>, secret: &str) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update login_links set used_at = ?2 where token_hash = ?1 and used_at is null and expires_at > ?2")?
        .execute(params![hash(secret), tx.now.0])?;
    if n == 1 {
        Ok(())
    } else {
        Err(Error::Denied("this login link is used or too old: make a new one with `mission-control login-link`".to_owned()))
    }
}

/// Opens a browser session.
///
/// # Errors
/// The database refused.
pub fn open_session(tx: &Tx<'_>, secret: &str, user: &str, user_agent: &str) -> Result<()> {
    let agent: String = user_agent.chars().filter(|c| !c.is_control()).take(200).collect();
    tx.conn
        .prepare_cached(
            "insert into login_sessions (token_hash, user_name, user_agent, created_at, last_seen_at, expires_at)
             values (?1, ?2, ?3, ?4, ?4, ?5)",
        )?
        .execute(params![hash(secret), user, agent, tx.now.0, tx.now.0 + SESSION_MAX_MS])?;
    Ok(())
}

/// The session a cookie stands for, if it is still good.
///
/// # Errors
/// The database refused.
pub fn session(conn: &Connection, secret: &str, now: Time) -> Result<Option<LoginSession>> {
    Ok(conn
        .prepare_cached(
            "select id, user_name, user_agent, created_at, last_seen_at, expires_at from login_sessions
             where token_hash = ?1 and revoked_at is null and expires_at > ?2 and last_seen_at > ?3",
        )?
        .query_row(params![hash(secret), now.0, now.0 - SESSION_IDLE_MS], row_to_session)
        .optional()?)
}

/// Notes that a session is in use.
///
/// # Errors
/// The database refused.
pub fn touch_session(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.conn.prepare_cached("update login_sessions set last_seen_at = ?2 where id = ?1")?.execute(params![id, tx.now.0])?;
    Ok(())
}

/// Open sessions, last used first.
///
/// # Errors
/// The database refused.
pub fn sessions(conn: &Connection, now: Time) -> Result<Vec<LoginSession>> {
    let mut stmt = conn.prepare_cached(
        "select id, user_name, user_agent, created_at, last_seen_at, expires_at from login_sessions
         where revoked_at is null and expires_at > ?1 and last_seen_at > ?2 order by last_seen_at desc limit 100",
    )?;
    let rows = stmt.query_map(params![now.0, now.0 - SESSION_IDLE_MS], row_to_session)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Ends a session.
///
/// # Errors
/// There is no such open session.
pub fn revoke_session(tx: &Tx<'_>, id: i64) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update login_sessions set revoked_at = ?2 where id = ?1 and revoked_at is null")?
        .execute(params![id, tx.now.0])?;
    if n == 1 { Ok(()) } else { Err(Error::not_found("that session")) }
}

/// Checks the name of a token to be made.
///
/// # Errors
/// It is malformed, or kept for tokens that the server makes itself.
pub fn check_token_name(name: &str) -> Result<()> {
    let clean = !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !clean {
        return Err(Error::field("name", "takes 1 to 64 letters, digits, dots, dashes and underscores"));
    }
    if name.starts_with("run-") || name.starts_with("local-") {
        return Err(Error::field("name", "must not begin with run- or local-: those are made by the server"));
    }
    Ok(())
}

/// Makes a token.
///
/// # Errors
/// A token of that name is in use.
pub fn add_token(tx: &Tx<'_>, name: &str, secret: &str, scope: Scope, run: Option<RunId>) -> Result<()> {
    let taken: bool = tx
        .conn
        .prepare_cached("select exists (select 1 from api_tokens where name = ?1 and revoked_at is null)")?
        .query_row([name], |r| r.get(0))?;
    if taken {
        return Err(Error::Conflict(format!("a token named {name:?} exists: revoke it first")));
    }
    tx.conn
        .prepare_cached("insert into api_tokens (name, token_hash, scope, run_id, created_at) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![name, hash(secret), scope.text(), run.map(|r| r.0), tx.now.0])?;
    Ok(())
}

/// The token a secret stands for, if it is still good.
///
/// # Errors
/// The database refused.
pub fn token(conn: &Connection, secret: &str) -> Result<Option<Token>> {
    let found = conn
        .prepare_cached(
            "select name, scope, run_id, created_at, last_used_at from api_tokens where token_hash = ?1 and revoked_at is null",
        )?
        .query_row([hash(secret)], row_to_token)
        .optional()?;
    Ok(found.flatten())
}

/// Tokens in use; those of runs are left out.
///
/// # Errors
/// The database refused.
pub fn tokens(conn: &Connection) -> Result<Vec<Token>> {
    let mut stmt = conn.prepare_cached(
        "select name, scope, run_id, created_at, last_used_at from api_tokens where revoked_at is null and run_id is null and name not like 'local-%' order by name",
    )?;
    let rows = stmt.query_map([], row_to_token)?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Notes that a token is in use.
///
/// # Errors
/// The database refused.
pub fn touch_token(tx: &Tx<'_>, name: &str) -> Result<()> {
    tx.conn
        .prepare_cached("update api_tokens set last_used_at = ?2 where name = ?1 and revoked_at is null")?
        .execute(params![name, tx.now.0])?;
    Ok(())
}

/// Ends a token.
///
/// # Errors
/// There is no such token.
pub fn revoke_token(tx: &Tx<'_>, name: &str) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update api_tokens set revoked_at = ?2 where name = ?1 and revoked_at is null")?
        .execute(params![name, tx.now.0])?;
    if n > 0 { Ok(()) } else { Err(Error::not_found(format!("a token named {name:?}"))) }
}

/// Ends the tokens that earlier starts of the server left for local programs.
///
/// # Errors
/// The database refused.
pub fn revoke_local_tokens(tx: &Tx<'_>) -> Result<()> {
    tx.conn
        .prepare_cached("update api_tokens set revoked_at = ?1 where revoked_at is null and name like 'local-%'")?
        .execute([tx.now.0])?;
    Ok(())
}

/// Ends the tokens of a run.
///
/// # Errors
/// The database refused.
pub fn revoke_run_tokens(tx: &Tx<'_>, run: RunId) -> Result<()> {
    tx.conn
        .prepare_cached("update api_tokens set revoked_at = ?2 where run_id = ?1 and revoked_at is null")?
        .execute(params![run.0, tx.now.0])?;
    Ok(())
}

/// Ends the tokens of a session of the orchestrator.
///
/// # Errors
/// The database refused.
pub fn revoke_session_tokens(tx: &Tx<'_>, session: SessionId) -> Result<()> {
    tx.conn
        .prepare_cached("update api_tokens set revoked_at = ?2 where name glob ?1 and revoked_at is null")?
        .execute(params![format!("luci-{session}-*"), tx.now.0])?;
    Ok(())
}

fn row_to_session(r: &rusqlite::Row<'_>) -> rusqlite::Result<LoginSession> {
    Ok(LoginSession {
        id: r.get(0)?,
        user: r.get(1)?,
        user_agent: r.get(2)?,
        created_at: Time(r.get(3)?),
        last_seen_at: Time(r.get(4)?),
        good_until: Time(r.get::<_, i64>(5)?.min(r.get::<_, i64>(4)? + SESSION_IDLE_MS)),
    })
}

/// `None` where the stored scope is not understood: such a token opens nothing.
fn row_to_token(r: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Token>> {
    let scope: String = r.get(1)?;
    let Some(scope) = Scope::parse(&scope) else { return Ok(None) };
    Ok(Some(Token {
        name: r.get(0)?,
        scope,
        run: r.get::<_, Option<i64>>(2)?.map(RunId),
        created_at: Time(r.get(3)?),
        last_used_at: r.get::<_, Option<i64>>(4)?.map(Time),
    }))
}
