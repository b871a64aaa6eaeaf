//! Whether the database file is whole. A small one is read from end to end before anything is served; a large one beside
//! the service, for that takes a second for each few hundred megabytes. Where damage was found once, the next start looks
//! first, however large the file is.

use crate::base::error::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file above this, in bytes, is looked at beside the service.
const LARGE: i64 = 32 << 20;

/// Looks at a file that is about to be served, where that is quick or where damage was found before.
///
/// # Errors
/// It is damaged, or could not be read.
pub fn before_service(conn: &Connection, path: &Path) -> Result<()> {
    let mark = mark(path);
    let suspect = mark.exists();
    if !suspect && is_large(conn)? {
        return Ok(());
    }
    if let Some(words) = damage(conn)? {
        return Err(Error::Internal(words));
    }
    if suspect {
        std::fs::remove_file(mark)?;
    }
    Ok(())
}

/// Looks at a file that is served already and was too large to be looked at before; with a connection of its own. Gives
/// the words of the damage there is, which is remembered for the next start.
///
/// # Errors
/// It could not be read: nothing is known then.
pub fn beside_service(path: &Path) -> Result<Option<String>> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    if !is_large(&conn)? {
        return Ok(None);
    }
    let found = damage(&conn)?;
    if found.is_some()
        && let Err(e) = std::fs::write(mark(path), "Damage was found here: the next start looks before it serves.\n")
    {
        tracing::warn!(error = %e, "damage was found and cannot be noted: the next start will find it again");
    }
    Ok(found)
}

fn mark(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".suspect");
    name.into()
}

fn is_large(conn: &Connection) -> Result<bool> {
    let pages: i64 = conn.query_row("pragma page_count", [], |r| r.get(0))?;
    let size: i64 = conn.query_row("pragma page_size", [], |r| r.get(0))?;
    Ok(pages * size > LARGE)
}

/// What is damaged, in words. Reads all that cannot be made anew; what the search's index says of the tickets is left out,
/// for that takes longer than all the rest; its own tables are looked at like any other. A disk that does not answer at
/// the moment is no damage.
fn damage(conn: &Connection) -> Result<Option<String>> {
    let what = match first_fault(conn) {
        Ok(None) => return Ok(None),
        Ok(Some(what)) => what,
        Err(e) if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => e.to_string(),
        Err(e) => return Err(e.into()),
    };
    Ok(Some(format!("the database is damaged ({what}): restore the last backup")))
}

fn first_fault(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let mut stmt = conn.prepare("select name from sqlite_schema where type = 'table' and sql not like 'create virtual %'")?;
    let tables = stmt.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    for table in tables {
        let quick: String = conn.query_row(&format!("pragma quick_check('{}')", table.replace('\'', "''")), [], |r| r.get(0))?;
        if quick != "ok" {
            return Ok(Some(quick));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::store::Store;
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    /// A database of so many bytes, closed.
    fn filled(path: &Path, bytes: i64) {
        drop(Store::open(path, Arc::new(SystemClock::new())).expect("a store"));
        let conn = Connection::open(path).expect("opens");
        conn.execute_batch("create table filler (body blob)").expect("made");
        conn.execute("insert into filler values (zeroblob(?1))", [bytes]).expect("filled");
    }

    /// Breaks the page in the middle of the file; gives what stood there.
    fn broken(path: &Path) -> Vec<u8> {
        let file = OpenOptions::new().read(true).write(true).open(path).expect("opens");
        let mut page = vec![0; 4096];
        let at = middle(&file);
        file.read_exact_at(&mut page, at).expect("read");
        file.write_all_at(&[0x5a; 4096], at).expect("written");
        page
    }

    fn mended(path: &Path, page: &[u8]) {
        let file = OpenOptions::new().write(true).open(path).expect("opens");
        file.write_all_at(page, middle(&file)).expect("written");
    }

    fn middle(file: &File) -> u64 {
        file.metadata().expect("it is there").len() / 2 / 4096 * 4096
    }

    fn open(path: &Path) -> Result<Store> {
        Store::open(path, Arc::new(SystemClock::new()))
    }

    #[test]
    fn a_large_file_is_looked_at_beside_the_service_and_once_damage_was_found_before_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mc.db");
        filled(&path, LARGE + 4096);
        drop(open(&path).expect("it opens"));
        assert_eq!(beside_service(&path).expect("read"), None, "it is whole");
        let page = broken(&path);

        drop(open(&path).expect("it opens unlooked at"));
        let found = beside_service(&path).expect("read").expect("damage is found");
        assert!(found.contains("restore the last backup"), "{found}");
        for _ in 0..2 {
            let refused = open(&path).err().expect("it is refused").to_string();
            assert!(refused.contains("restore the last backup"), "{refused}");
        }

        mended(&path, &page);
        drop(open(&path).expect("a whole one is served again"));
        assert!(!mark(&path).exists(), "and is not suspected any longer");
    }

    #[test]
    fn a_small_file_is_looked_at_before_it_is_served() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mc.db");
        filled(&path, 1 << 20);
        let page = broken(&path);
        assert!(open(&path).is_err(), "it is refused");
        mended(&path, &page);
        drop(open(&path).expect("it opens"));
        assert_eq!(beside_service(&path).expect("read"), None, "there is nothing left to look at");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_called_damaged() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mc.db");
        assert!(beside_service(&path).is_err(), "there is none");
        assert!(!mark(&path).exists());
    }
}
