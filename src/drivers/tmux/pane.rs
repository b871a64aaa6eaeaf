//! A terminal, as tmux lists it.

/// The terminal of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pane {
    /// The process in it.
    pub pid: i32,
    /// That process has ended; its last screen is still there.
    pub dead: bool,
    /// How it ended: its exit code, or 128 + the signal; tmux does not always tell.
    pub dead_status: Option<i32>,
    /// It is being scrolled through (copy mode): keys would not reach the process.
    pub in_mode: bool,
    /// Its width.
    pub cols: u16,
    /// Its height.
    pub rows: u16,
    /// Where its cursor stands, column and row; none where it is hidden.
    pub cursor: Option<(u16, u16)>,
}

/// Reads a line of the list.
pub(crate) fn read(line: &str) -> Option<Pane> {
    let field: Vec<&str> = line.splitn(10, '|').collect();
    let [pid, dead, status, signal, mode, cols, rows, cursor, x, y] = field.as_slice() else { return None };
    let signal = signal.parse::<i32>().ok().filter(|s| *s > 0).map(|s| 128 + s);
    Some(Pane {
        pid: pid.parse().ok()?,
        dead: *dead == "1",
        dead_status: signal.or_else(|| status.parse().ok()),
        in_mode: !matches!(*mode, "" | "0"),
        cols: cols.parse().ok()?,
        rows: rows.parse().ok()?,
        cursor: (*cursor == "1").then(|| Some((x.parse().ok()?, y.parse().ok()?))).flatten(),
    })
}
