//! One property function per target. Each takes any bytes and panics where something does not hold that has to.

pub mod harmless;
mod hooks;
mod markdown;
pub mod plain;
mod proposals;
mod stream;
mod task;
mod transcript;
mod turn;
mod verdict;

pub use hooks::hooks;
pub use markdown::markdown;
pub use proposals::proposals;
pub use stream::stream;
pub use task::task;
pub use transcript::transcript;
pub use turn::turn;
pub use verdict::verdict;

use mission_control::domain::time::Time;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// All of them, each by the name of its target and of its folder in `corpus`.
pub const ALL: &[(&str, Property)] = &[
    ("hooks", hooks),
    ("markdown", markdown),
    ("proposals", proposals),
    ("stream", stream),
    ("task", task),
    ("transcript", transcript),
    ("turn", turn),
    ("verdict", verdict),
];

/// The moment at which everything is read.
const NOW: Time = Time(1_795_262_400_000);

/// No limit lasts longer than this, whatever an agent says of it.
const FARTHEST_MS: i64 = 8 * 86_400_000;
