//! The `mission-control` program.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.as_slice() {
        [word, dir] if word == "shim" => mission_control::shim::main(Path::new(dir)),
        _ => {
            eprintln!("usage: mission-control shim RUN_DIR");
            ExitCode::from(2)
        }
    }
}
