//! How the system's allocator behaves in a server that runs for months.

/// Heaps that threads share. Each of the system's own choosing (eight for a processor) grows to the most that its threads
/// ever held at once, and gives little of it back: a server whose threads come and go grew by megabytes in an hour.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 2;
/// What is larger than this many bytes (a page, a long line) is given back to the system when it is freed. Left alone, the
/// allocator raises the bound after the first such block, and keeps what comes after it.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 128 * 1024;

/// Bounds what the process keeps of memory that is free. To be called before the first thread begins.
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    for (what, value) in
        [(nix::libc::M_ARENA_MAX, HEAPS), (nix::libc::M_MMAP_THRESHOLD, LARGE), (nix::libc::M_TRIM_THRESHOLD, LARGE)]
    {
        // SAFETY: takes two numbers and reads no memory of ours; no other thread runs yet. One that it does not know it
        // refuses with 0, and stays as it was.
        #[allow(unsafe_code)]
        let _ = unsafe { nix::libc::mallopt(what, value) };
    }
}
