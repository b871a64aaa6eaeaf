//! The memory of SQLite's pages: one block for all connections, taken once. A commit makes every reader drop the pages it
//! holds and fetch them anew; taken from the allocator one by one, a thousand such blocks come and go between what stays,
//! many times a second, and what is free between them can be given to nobody else.

use rusqlite::ffi;
use std::ffi::{c_int, c_void};
use std::sync::Once;

/// Pages in the block. Where it is used up, pages that nobody reads are taken again, then the allocator is asked.
const PAGES: usize = 1024;
/// Bytes of a page in the file, as SQLite makes it unless told otherwise.
const PAGE: usize = 4096;

static ONCE: Once = Once::new();

/// Sets the block apart. To be called before the first connection is opened; later it is refused, and without it
/// everything works as well.
pub fn set_apart() {
    ONCE.call_once(|| {
        let mut head: c_int = 0;
        // SAFETY: the option wants a pointer to one int, which it writes.
        #[allow(unsafe_code)]
        let known = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE_HDRSZ, &raw mut head) };
        let Some(head) = usize::try_from(head).ok().filter(|head| known == ffi::SQLITE_OK && *head > 0) else { return };
        let line = (PAGE + head).next_multiple_of(8);
        // Of words, for SQLite wants it aligned to 8 bytes; never freed, for it is SQLite's as long as the process lives.
        let block = Box::leak(vec![0_u64; PAGES * line / 8].into_boxed_slice());
        let (Ok(line), Ok(pages)) = (c_int::try_from(line), c_int::try_from(PAGES)) else { return };
        // SAFETY: the option wants the block, the bytes of a line and how many lines there are; the block has exactly these
        // bytes, is aligned, lives for ever and is nobody else's.
        #[allow(unsafe_code)]
        let taken =
            unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_PAGECACHE, block.as_mut_ptr().cast::<c_void>(), line, pages) };
        if taken != ffi::SQLITE_OK {
            tracing::warn!(code = taken, "SQLite was at work already: its pages come from the allocator");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::store::Store;
    use std::process::Command;
    use std::sync::Arc;

    const ALONE: &str = "MC_PAGE_POOL_ALONE";

    /// Lines of the block in use, and bytes of pages taken from the allocator.
    fn status(what: i32) -> i64 {
        let (mut now, mut most) = (0, 0);
        // SAFETY: writes two numbers.
        #[allow(unsafe_code)]
        let code = unsafe { ffi::sqlite3_status64(what, &raw mut now, &raw mut most, 0) };
        assert_eq!(code, ffi::SQLITE_OK);
        now
    }

    /// In a process of its own: other tests open connections at any time.
    #[test]
    fn pages_lie_in_the_block_and_where_it_is_full_in_the_allocators_memory() {
        if std::env::var_os(ALONE).is_none() {
            let me = std::env::current_exe().expect("this program");
            let name = "store::page_pool::tests::pages_lie_in_the_block_and_where_it_is_full_in_the_allocators_memory";
            let out = Command::new(me).args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().expect("it runs");
            let said = String::from_utf8_lossy(&out.stdout);
            assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
            return;
        }
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("opened");
        assert!(status(ffi::SQLITE_STATUS_PAGECACHE_USED) > 10);
        assert_eq!(status(ffi::SQLITE_STATUS_PAGECACHE_OVERFLOW), 0);
        // One transaction holds more changed pages than there are lines.
        let rows = store.write(|tx| {
            tx.conn.execute_batch("CREATE TEMP TABLE big (x BLOB)")?;
            tx.conn.execute(
                "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                 SELECT zeroblob(4000) FROM n",
                [],
            )?;
            assert!(status(ffi::SQLITE_STATUS_PAGECACHE_OVERFLOW) > 0, "more than the block holds");
            Ok(tx.conn.query_row("SELECT count(*) FROM big", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(rows.expect("written"), 3000);
    }
}
