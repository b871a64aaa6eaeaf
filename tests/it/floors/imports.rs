//! Imports point down only.

use super::paths::{absolute, module_of, named};
use super::source::{code, sources};

/// Modules and their floor. What is in no list is a mistake in this test.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("domain", 1),
    ("store", 2),
    ("config", 3),
    ("drivers", 4),
    ("engine", 5),
    ("web", 6),
    ("app", 7),
    ("cli", 7),
    ("main", 7),
];

/// `web` may ask the engines to tick and check, through its shared state; nothing else of theirs.
const WEB_MAY_SEE: &[&str] = &[
    "engine::Engine",
    "engine::console",
    "engine::inbox::drain",
    "engine::run::pickup",
    "engine::run::reaper",
    "engine::system::check",
    "engine::system::housekeeping",
    "engine::task",
];

/// Imports that still run up: the file, and what it uses. May only become shorter.
const STILL: &[(&str, &str)] = &[
    ("src/base/clock.rs", "domain::time"),
    ("src/base/doorbell.rs", "domain::ids"),
    ("src/config/data_dir.rs", "drivers::supervise::process"),
    ("src/config/telegram.rs", "drivers::telegram"),
];

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let Some(first) = module.first() else { continue };
        // Tests beside a file are on its floor.
        let me = first.trim_end_matches("_tests");
        let floor = floor_of(me).unwrap_or_else(|| panic!("{me} has no floor: give it one"));
        let found = named(&code(&text));
        for (used, line) in found.iter().filter_map(|n| Some((absolute(&module, n)?, n.line))) {
            let Some(other) = used.first().and_then(|name| floor_of(name)) else { continue };
            let used = used.join("::");
            let refused = me == "web" && used.starts_with("engine") && !WEB_MAY_SEE.iter().any(|a| used.starts_with(a));
            let known = STILL.iter().any(|(file, what)| path.ends_with(file) && used.starts_with(what));
            if (other > floor || refused) && !known {
                wrong.push(format!("{}:{line}: {me} (floor {floor}) uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that run up:\n{}", wrong.join("\n"));
}

fn floor_of(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}
