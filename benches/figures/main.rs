//! The figures that the README quotes, each as a ratio measured in interleaved pairs within this one run.
//!
//! `cargo bench --bench figures [-- --quick] [-- --only p1,p12]`. Everything happens on loopback and in a temporary folder
//! of its own; whatever it started is stopped at the end. Ends with 1 where a gate is missed, the numbers being in
//! `target/bench/figures.json` either way. On a busy machine trust the processor times more than the others.

mod agent;
mod clock;
mod director;
mod http;
mod inbox;
mod luci;
mod memory;
mod operating;
mod paced;
mod pages;
mod pipeline;
mod report;
mod seed;
mod server;
mod shutdown;
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
    ("p5", inbox::claims),
    ("p7", pages::compression),
    ("p12", pages::ticket),
    ("p15", inbox::idle),
    ("p18", shutdown::shutdown),
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
        Some(_) | None => {}
    }
    let folder = match tempfile::Builder::new().prefix("mc-figures-").tempdir() {
        Ok(folder) => folder,
        Err(e) => {
            eprintln!("no temporary folder: {e}");
            return ExitCode::FAILURE;
        }
    };
    let only = args.iter().skip_while(|a| *a != "--only").nth(1).map(|list| list.split(',').map(str::to_owned).collect());
    let plan =
        Plan { quick: args.iter().any(|a| a == "--quick"), root: folder.path().to_owned(), only: only.unwrap_or_default() };
    let mut report = Report::new();
    for (name, measure) in FIGURES {
        if !plan.only.is_empty() && !plan.only.iter().any(|o| o == name) {
            continue;
        }
        let began = clock::Stopwatch::start();
        eprint!("{name} … ");
        if let Err(e) = measure(&plan, &mut report) {
            report.broken(name, &e.to_string());
        }
        eprintln!("{:.1} s", began.seconds());
    }
    report.print();
    if let Err(e) = report.write() {
        eprintln!("the numbers could not be written: {e}");
        return ExitCode::FAILURE;
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
