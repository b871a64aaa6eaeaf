//! The `mission-control` program.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A shim stays small for hours or days: it starts before argument parsing, logging or any runtime.
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let [word, dir] = args.as_slice()
        && word == "shim"
        && dir != "--help"
    {
        return mission_control::drivers::supervise::shim::main(Path::new(dir));
    }
    // The agent waits for each of its hooks.
    if let [word] = args.as_slice()
        && word == "hook"
    {
        return mission_control::drivers::runtime::record_hook();
    }
    mission_control::drivers::memory::keep_little();
    mission_control::drivers::memory::set_pages_apart();
    mission_control::cli::main()
}
