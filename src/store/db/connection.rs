//! How the database file is made and opened: what every connection needs, reader or writer.

use crate::base::error::Result;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// The pages that each connection keeps at most, in KB: what the board and a ticket need. The system's own cache has the rest,
/// a microsecond away; ten connections that keep more would only make the process large. All of them lie in one block
/// (`memory::set_pages_apart`), and where that is full the page that was used longest ago goes first, whoever has it.
const CACHE_KB: i64 = 2_000;

/// Makes the file before SQLite would, readable by its owner alone. Never once a connection is open: closing any other
/// handle of the file drops the process's POSIX locks on it, and another program could then delete the log under us.
///
/// # Errors
/// The folder cannot be written.
pub fn make_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    match std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            // A read-only file stays as it is: the store then refuses writes in words.
            let mode = std::fs::metadata(path)?.permissions().mode();
            if mode & 0o077 != 0 {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700))?;
            }
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

/// Opens a connection that may write.
///
/// # Errors
/// The file cannot be opened.
pub fn connect(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    prepare(&conn)?;
    Ok(conn)
}

/// What every connection needs, reader or writer.
///
/// # Errors
/// The file is no database, or is held by another program.
pub fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "cache_size", -CACHE_KB)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(())
}
