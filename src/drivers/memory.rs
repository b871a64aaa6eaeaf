//! How memory is held in a server that runs for months: the system's allocator, and the pages of SQLite.

use rusqlite::ffi;
use std::ffi::{c_int, c_void};

/// Heaps that threads share. Each of the system's own choosing (eight for a processor) grows to the most that its threads
/// ever held at once, and gives little of it back: a server whose threads come and go grew by megabytes in an hour.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 2;
/// For what is larger than this many bytes (a page, a long line) the heap does not grow: where it has no room, that lies by
/// itself and is given back to the system when it is freed. Left alone, the allocator raises the bound after the first such
/// block.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 64 * 1024;
/// So many bytes that are free at a heap's end are given back at once.
#[cfg(target_env = "gnu")]
const FREE_AT_THE_END: i32 = 128 * 1024;

/// Pages of SQLite in the block that is set apart for them. Where it is used up, pages that nobody reads are taken again,
/// then the allocator is asked.
const PAGES: usize = 1024;
/// Bytes of a page in the file, as SQLite makes it unless told otherwise.
const PAGE: usize = 4096;

/// Bounds what the process keeps of memory that is free. To be called before the first thread begins.
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    for (what, value) in
        [(nix::libc::M_ARENA_MAX, HEAPS), (nix::libc::M_MMAP_THRESHOLD, LARGE), (nix::libc::M_TRIM_THRESHOLD, FREE_AT_THE_END)]
    {
        // SAFETY: takes two numbers and reads no memory of ours; no other thread runs yet. One that it does not know it
        // refuses with 0, and stays as it was.
        #[allow(unsafe_code)]
        let _ = unsafe { nix::libc::mallopt(what, value) };
    }
}

/// Sets one block apart for SQLite's pages, for all connections. A commit makes every reader drop the pages it holds and
/// fetch them anew; taken from the allocator one by one, a thousand such blocks come and go between what stays, many times a
/// second, and what is free between them can be given to nobody else. To be called before the first connection is opened;
/// later it is refused, and everything works as well. Costs nothing where no connection is ever opened.
pub fn set_pages_apart() {
    let mut head: c_int = 0;
    // SAFETY: the option wants a pointer to one int, which it writes.
    #[allow(unsafe_code)]
    let known = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE_HDRSZ, &raw mut head) };
    let Some(head) = usize::try_from(head).ok().filter(|head| known == ffi::SQLITE_OK && *head > 0) else { return };
    let line = (PAGE + head).next_multiple_of(8);
    // Of words, for SQLite wants it aligned to 8 bytes; never freed, for it is SQLite's as long as the process lives.
    let block = Box::leak(vec![0_u64; PAGES * line / 8].into_boxed_slice());
    let (Ok(line), Ok(pages)) = (c_int::try_from(line), c_int::try_from(PAGES)) else { return };
    // SAFETY: the option wants the block, the bytes of a line and how many lines there are; the block has exactly these bytes,
    // is aligned, lives for ever and is nobody else's.
    #[allow(unsafe_code)]
    let _ = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_PAGECACHE, block.as_mut_ptr().cast::<c_void>(), line, pages) };
}

/// How often what is free is given back. Each burst takes other holes of the heap than the one before: left for a minute all
/// of them have been touched, and the process is as large as its heap ever was.
pub const GIVE_BACK: std::time::Duration = std::time::Duration::from_secs(5);

/// Gives back to the system what is free between what is in use: the most that was ever needed at once is not kept for ever.
/// Costs a millisecond or two, in which a thread that wants memory of the same heap waits.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: takes a number, and touches only memory that is free, under the allocator's own locks.
        #[allow(unsafe_code)]
        let _ = unsafe { nix::libc::malloc_trim(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
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
            let name = "drivers::memory::tests::pages_lie_in_the_block_and_where_it_is_full_in_the_allocators_memory";
            let out = Command::new(me).args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().expect("it runs");
            let said = String::from_utf8_lossy(&out.stdout);
            assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
            return;
        }
        set_pages_apart();
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

    #[cfg(target_env = "gnu")]
    #[test]
    fn what_is_free_between_what_is_in_use_is_given_back() {
        let resident = || {
            let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
            pages.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok()).expect("a number") * 4
        };
        // Every 32nd block stays: none of the heap's end can be given back by itself.
        let mut blocks: Vec<Option<Vec<u8>>> = (0..60_000).map(|_| Some(vec![1; 2_000])).collect();
        let full = resident();
        blocks.iter_mut().enumerate().filter(|(n, _)| n % 32 != 0).for_each(|(_, block)| *block = None);
        give_back();
        let after = resident();
        assert!(after + 60_000 < full, "{full} KB, then {after} KB");
        assert!(blocks.iter().flatten().all(|block| block.iter().all(|byte| *byte == 1)), "what is in use stays as it was");
    }
}
