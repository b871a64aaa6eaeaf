//! The figures that the README quotes, each as a ratio measured in interleaved pairs within this one run.
//!
//! `cargo bench --bench figures [-- --quick] [-- --only p1,p12] [-- --unjudged]`. Everything happens on loopback and in a
//! temporary folder of its own; whatever it started is stopped at the end, also when it is interrupted. Ends with 1 where a
//! gate is missed, the numbers being in `target/bench/figures.json` either way. On a busy machine trust the processor times
//! more than the others. `--unjudged` ends with 1 only where what is no number does not hold, and keeps nothing: tests run it
//! on any machine, in a build that is not optimised, where ratios say nothing.

mod agent;
mod bare;
mod clock;
mod crowd;
mod director;
mod door;
mod fanout;
mod http;
mod inbox;
mod keeper;
mod luci;
mod memory;
mod operating;
mod paced;
mod pages;
mod pipeline;
mod reads;
mod report;
mod seed;
mod server;
mod shutdown;
mod soak;
mod spawn;
mod starts;
mod stub;
mod tasks;

use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Fewer pairs, smaller amounts.
    pub quick: bool,
    /// Where this run's files are.
    pub root: PathBuf,
    /// The figures asked for; none for all.
    only: Vec<String>,
}

impl Plan {
    /// Pairs of measurements.
    pub fn pairs(&self) -> usize {
        if self.quick { 3 } else { 9 }
    }

    /// One of two amounts.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// A figure's short name and what measures it.
type Figure = (&'static str, fn(&Plan, &mut Report) -> Outcome);
/// Whether it could be measured at all.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

const FIGURES: &[Figure] = &[
    ("p1", pipeline::flat_out),
    ("p2", paced::paced),
    ("p3", pages::board),
    ("p4", pages::bodies),
    ("p5", inbox::claims),
    ("p6", reads::parts),
    ("p7", pages::compression),
    ("p8", fanout::board_beside),
    ("p9", fanout::fan_out),
    ("p10", starts::cold),
    ("p11", soak::memory),
    ("p12", pages::ticket),
    ("p13", reads::replay),
    ("p14", reads::search),
    ("p15", inbox::idle),
    ("p17", spawn::ballast),
    ("p18", shutdown::shutdown),
    ("p19", starts::recovery),
    ("p20", reads::polls),
    ("read", door::reads),
    ("board", door::board),
    ("luci", luci::turns),
    ("tasks", tasks::due_at_once),
    ("memory", memory::big_logs),
    ("operating", operating::absolute),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("agent") => return agent::main(&args[1..]),
        Some("stub") => return stub::main(&args[1..]),
        Some("bare") => return bare::main(&args[1..]),
        Some(_) | None => {}
    }
    let Some(root) = std::env::var_os(keeper::MARK) else { return keeper::keep(&args) };
    let began = clock::Stopwatch::start();
    let only = args.iter().skip_while(|a| *a != "--only").nth(1).map(|list| list.split(',').map(str::to_owned).collect());
    let plan = Plan { quick: args.iter().any(|a| a == "--quick"), root: PathBuf::from(root), only: only.unwrap_or_default() };
    let mut report = Report::new();
    for (name, measure) in FIGURES {
        if !plan.only.is_empty() && !plan.only.iter().any(|o| o == name) {
            continue;
        }
        let figure = clock::Stopwatch::start();
        eprint!("{name} … ");
        if let Err(e) = measure(&plan, &mut report) {
            report.broken(name, &e.to_string());
        }
        eprintln!("{:.1} s", figure.seconds());
    }
    report.took(began.seconds());
    report.print();
    if args.iter().any(|a| a == "--unjudged") {
        println!("Not judged: ratios and amounts.");
        return if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Err(e) = report.write() {
        eprintln!("the numbers could not be written: {e}");
        return ExitCode::FAILURE;
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
