//! Floor 2: runtimes, the kinds of agent we can start. Each is a folder with an implementation of
//! [`interface::Runtime`]; the registry here is the only place that knows which there are.

pub mod api;
pub mod claude;
pub mod demo;
pub mod interface;
pub(crate) mod json_line;
pub mod launch;
pub mod launch_file;
pub mod line_reader;
pub mod live;
pub mod raw_line;
#[cfg(test)]
pub(crate) mod registry_tests;
pub mod run_spec;
#[cfg(test)]
pub(crate) mod scripted_tests;
pub mod tool_words;
pub mod turn_stream;

use crate::domain::profile::{Profile, RuntimeKind};
use crate::drivers::runtime::interface::Runtime;

/// `mission-control hook`, as the settings of live sessions call it.
pub use crate::drivers::runtime::claude::hook::main as record_hook;

/// Where the worktrees of tickets lie within their repository, whatever the runtime: where the agent puts them that makes
/// them itself. So a ticket keeps its checkout when it changes its profile.
pub const WORKTREES: &str = claude::WORKTREES;

/// Whose lines a run of a profile is read as that is no longer configured.
const UNKNOWN_PROFILE: RuntimeKind = RuntimeKind::Claude;

/// All runtimes.
const ALL: &[&dyn Runtime] = &[&claude::Claude, &demo::Demo, &api::Api];

/// The runtime of a kind.
#[must_use]
pub fn of(kind: RuntimeKind) -> &'static dyn Runtime {
    match kind {
        RuntimeKind::Claude => &claude::Claude,
        RuntimeKind::Demo => &demo::Demo,
        RuntimeKind::Api => &api::Api,
    }
}

/// The runtime of a profile, which may no longer be configured.
#[must_use]
pub fn of_profile(profile: Option<&Profile>) -> &'static dyn Runtime {
    of(profile.map_or(UNKNOWN_PROFILE, |p| p.runtime))
}

/// The environment variables of all runtimes, by how their names begin.
pub fn variables() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|runtime| runtime.variables().iter().copied())
}
