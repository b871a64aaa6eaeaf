//! Ratios of interleaved pairs, their gates, and how they are told: a table for people, JSON for machines.

use serde_json::{Value, json};
use std::path::Path;

/// Which side of the gate is good.
#[derive(Debug, Clone, Copy)]
pub enum Gate {
    /// The median must reach this; the worst pair half of it.
    AtLeast(f64),
    /// The median must stay within this; the worst pair within twice that.
    AtMost(f64),
    /// A number worth knowing.
    None,
}

/// One line of the table.
struct Row {
    figure: String,
    what: String,
    value: f64,
    worst: Option<f64>,
    unit: &'static str,
    gate: Gate,
    ok: bool,
    note: String,
}

/// All lines.
pub struct Report {
    rows: Vec<Row>,
    /// How long it took to measure them.
    seconds: f64,
}

impl Report {
    pub fn new() -> Report {
        Report { rows: Vec::new(), seconds: 0.0 }
    }

    /// A figure of several pairs: gated by their median, with a floor at half of it for the worst pair.
    pub fn ratios(&mut self, figure: &str, what: &str, pairs: &[f64], gate: Gate, note: impl Into<String>) {
        let value = median(pairs);
        let smallest = pairs.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = pairs.iter().copied().fold(0.0, f64::max);
        let (worst, ok) = match gate {
            Gate::AtLeast(g) => (smallest, value >= g && smallest >= g / 2.0),
            Gate::AtMost(g) => (largest, value <= g && largest <= g * 2.0),
            Gate::None => (largest, true),
        };
        self.push(figure, what, value, Some(worst), "×", gate, ok, note.into());
    }

    /// A figure measured once.
    pub fn once(&mut self, figure: &str, what: &str, value: f64, unit: &'static str, gate: Gate, note: impl Into<String>) {
        let ok = match gate {
            Gate::AtLeast(g) => value >= g,
            Gate::AtMost(g) => value <= g,
            Gate::None => true,
        };
        self.push(figure, what, value, None, unit, gate, ok, note.into());
    }

    /// Something that either holds or does not.
    pub fn holds(&mut self, figure: &str, what: &str, ok: bool, note: impl Into<String>) {
        self.push(figure, what, f64::from(u8::from(ok)), None, "", Gate::AtLeast(1.0), ok, note.into());
    }

    /// A figure that could not be measured.
    pub fn broken(&mut self, figure: &str, why: &str) {
        self.push(figure, "could not be measured", 0.0, None, "", Gate::None, false, why.to_owned());
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of a row")]
    fn push(
        &mut self,
        figure: &str,
        what: &str,
        value: f64,
        worst: Option<f64>,
        unit: &'static str,
        gate: Gate,
        ok: bool,
        note: String,
    ) {
        self.rows.push(Row { figure: figure.to_owned(), what: what.to_owned(), value, worst, unit, gate, ok, note });
    }

    /// How long all of it took.
    pub fn took(&mut self, seconds: f64) {
        self.seconds = seconds;
    }

    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|r| r.ok)
    }

    /// All was measured, and what must hold whatever the machine does holds; ratios and amounts are not judged.
    pub fn is_sound(&self) -> bool {
        self.rows.iter().filter(|r| r.unit.is_empty()).all(|r| r.ok)
    }

    /// The table.
    pub fn print(&self) {
        let width = self.rows.iter().map(|r| r.what.chars().count()).max().unwrap_or(0);
        println!("{:<10} {:<width$} {:>10} {:>10} {:>10}     note", "figure", "what", "median", "worst", "gate");
        for r in &self.rows {
            let worst = r.worst.map_or_else(String::new, short);
            let gate = match r.gate {
                Gate::AtLeast(g) if r.unit.is_empty() && g == 1.0 => "holds".to_owned(),
                Gate::AtLeast(g) => format!("≥ {}", short(g)),
                Gate::AtMost(g) => format!("≤ {}", short(g)),
                Gate::None => String::new(),
            };
            let value = match (r.unit, r.gate) {
                ("", _) => if r.ok { "yes" } else { "NO" }.to_owned(),
                (unit, _) => format!("{} {unit}", short(r.value)),
            };
            let mark = if r.ok { " " } else { "✗" };
            println!("{:<10} {:<width$} {value:>10} {worst:>10} {gate:>10}  {mark}  {}", r.figure, r.what, r.note);
        }
        println!("measured in {:.0} s on {}", self.seconds, machine());
        if self.is_good() {
            println!("every gate is met");
        } else {
            println!("MISSED: {}", self.rows.iter().filter(|r| !r.ok).map(|r| r.figure.as_str()).collect::<Vec<_>>().join(", "));
        }
    }

    /// The same for machines.
    pub fn write(&self) -> std::io::Result<()> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&target)?;
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        std::fs::write(
            target.join("figures.json"),
            format!("{:#}\n", json!({ "ok": self.is_good(), "seconds": self.seconds, "machine": machine(), "figures": rows })),
        )
    }
}

impl Row {
    fn json(&self) -> Value {
        let gate = match self.gate {
            Gate::AtLeast(g) => json!({ "at_least": g }),
            Gate::AtMost(g) => json!({ "at_most": g }),
            Gate::None => Value::Null,
        };
        json!({
            "figure": self.figure, "what": self.what, "value": self.value, "worst": self.worst, "unit": self.unit,
            "gate": gate, "ok": self.ok, "note": self.note,
        })
    }
}

/// The machine in words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let kb: f64 = read("/proc/meminfo").split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores, {:.0} GB, Linux {}, load {load}", kb / 1024.0 / 1024.0, kernel.trim())
}

fn short(v: f64) -> String {
    match v.abs() {
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 100.0 => format!("{v:.1}"),
        _ => format!("{v:.2}"),
    }
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of all lies.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Measures a reference A and a subject B in the order A B B A A B B A …; returns both sides, pair by pair.
pub fn interleave(
    pairs: usize,
    mut a: impl FnMut() -> Result<f64, Box<dyn std::error::Error>>,
    mut b: impl FnMut() -> Result<f64, Box<dyn std::error::Error>>,
) -> Result<Vec<(f64, f64)>, Box<dyn std::error::Error>> {
    let mut found = Vec::with_capacity(pairs);
    for pair in 0..pairs {
        found.push(if pair % 2 == 0 {
            let first = a()?;
            (first, b()?)
        } else {
            let first = b()?;
            (a()?, first)
        });
    }
    Ok(found)
}
