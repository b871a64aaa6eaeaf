//! A sparkline: one tick per span of time, tall where output came, a dot where silence was.

use maud::{Markup, html};

/// Draws counts of output (oldest first) as ticks; at most the last 45 are shown. `label` says what it covers.
#[must_use]
pub fn sparkline(counts: &[u32], label: &str) -> Markup {
    let shown = &counts[counts.len().saturating_sub(45)..];
    let width = (shown.len().max(1) * 4).to_string();
    html! {
        svg.pulse viewBox=(format!("0 0 {width} 16")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (i, n) in shown.iter().enumerate() {
                @let h = height(*n);
                rect.q[*n == 0] x=(i * 4) y=(16 - h) width="2" height=(h) {}
            }
        }
    }
}

/// 2 for silence, then 4 to 16, growing with the logarithm: one line is seen, a flood does not hide it.
fn height(n: u32) -> u32 {
    match n {
        0 => 2,
        n => (3 + 2 * (32 - n.leading_zeros())).min(16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_dot_and_a_flood_stays_inside() {
        assert_eq!([0, 1, 2, 8, u32::MAX].map(height), [2, 5, 7, 11, 16]);
        let drawn = sparkline(&[0; 100], "silence").into_string();
        assert_eq!(drawn.matches("<rect").count(), 45);
    }
}
