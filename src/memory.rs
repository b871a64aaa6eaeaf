//! How the system's allocator behaves in a server that runs for months.

/// Heaps that threads share. Each of the system's own choosing (eight for a processor) grows to the most that its threads
/// ever held at once, and gives little of it back: a server whose threads come and go grew by megabytes in an hour.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 2;
/// What is larger than this many bytes (a page, a long line) lies by itself and is given back to the system when it is freed,
/// rather than leave a hole between what stays. Left alone, the allocator raises the bound after the first such block.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 64 * 1024;
/// So many bytes that are free at a heap's end are given back at once.
#[cfg(target_env = "gnu")]
const FREE_AT_THE_END: i32 = 128 * 1024;

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

/// How often. Each burst takes other holes of the heap than the one before: left for a minute all of them have been touched,
/// and the process is as large as its heap ever was.
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
