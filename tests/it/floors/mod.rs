//! The floors of `docs/architecture.md`, held by reading the source: which way imports point, how the rooms are called,
//! how long a file may be, and what belongs to one place alone.

mod circles;
mod imports;
mod paths;
mod paths_cases;
mod places;
mod rooms;
mod runtimes;
mod sizes;
mod source;
