//! A terminal's screen as HTML: coloured text becomes spans with classes of our own. Nothing of it is markup, nothing
//! in it steers anything: escape sequences are read by a terminal of one line and only its cells come out.

use maud::{Markup, html};
use std::num::NonZeroU16;
use vt100::{Cell, Color, Parser};

/// Lines that are shown of a longer text: its last ones.
pub const LINES_MAX: usize = 10_000;
/// Cells that are shown of a longer line.
const CELLS_MAX: usize = 1000;

/// How a stretch of a line looks. Colours are the terminal's sixteen; none is the screen's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Style {
    fg: Option<u8>,
    bg: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    cursor: bool,
}

/// The text of a screen or of its history, as tmux gives it with its colours. `cursor` is column and row, counted in
/// the lines that `text` has.
#[must_use]
pub fn screen(text: &str, cursor: Option<(usize, usize)>) -> Markup {
    let all: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let skipped = all.len().saturating_sub(LINES_MAX);
    let mut carried = String::new();
    html! {
        @for (row, line) in all.iter().enumerate().skip(skipped) {
            @if row > skipped { "\n" }
            @for (style, text) in stretches(line, cursor.filter(|at| at.1 == row).map(|at| at.0), &mut carried) {
                @if style == Style::default() { (text) } @else { span class=(classes(style)) { (text) } }
            }
        }
    }
}

/// A line in stretches of one look each. Colours go on over line ends: `carried` sets those of the line before.
fn stretches(line: &str, cursor: Option<usize>, carried: &mut String) -> Vec<(Style, String)> {
    let one = NonZeroU16::MIN;
    // Wide enough that nothing wraps: a wide character takes two cells.
    let width = (line.chars().count() * 2).clamp(2, CELLS_MAX);
    let mut terminal = Parser::new(one, u16::try_from(width).ok().and_then(NonZeroU16::new).unwrap_or(one), 0);
    terminal.process(carried.as_bytes());
    terminal.process(line.as_bytes());
    let shown = terminal.screen();
    let mut out: Vec<(Style, String)> = Vec::new();
    let mut blank_from: Option<usize> = None;
    for col in 0..width {
        let Some(cell) = u16::try_from(col).ok().and_then(|col| shown.cell(0, col)) else { break };
        if cell.is_wide_continuation() {
            continue;
        }
        let mut style = style_of(cell);
        style.cursor = cursor == Some(col);
        let text: String = cell.contents().chars().map(visible).collect();
        let text = if text.is_empty() { " ".to_owned() } else { text };
        let blank = text == " " && style.bg.is_none() && !style.underline && !style.cursor;
        match out.last_mut() {
            Some((last, so_far)) if *last == style => so_far.push_str(&text),
            Some(_) | None => out.push((style, text)),
        }
        blank_from = if blank { blank_from.or(Some(out.iter().map(|(_, t)| t.len()).sum::<usize>() - 1)) } else { None };
    }
    if let Some(from) = blank_from {
        cut(&mut out, from);
    }
    if let Some(beyond) = cursor.filter(|at| *at >= width && *at < CELLS_MAX) {
        let used: usize = out.iter().map(|(_, t)| t.chars().count()).sum();
        out.push((Style::default(), " ".repeat(beyond.saturating_sub(used))));
        out.push((Style { cursor: true, ..Style::default() }, " ".to_owned()));
    }
    *carried = shown.attributes_formatted();
    out
}

/// Cuts what follows `from` bytes: blanks at a line's end say nothing.
fn cut(out: &mut Vec<(Style, String)>, from: usize) {
    let mut left = from;
    out.retain_mut(|(_, text)| {
        let keep = left.min(text.len());
        left -= keep;
        text.truncate(keep);
        keep > 0
    });
}

/// What turns the direction of writing is made visible as a box: it must not reorder what stands around it.
fn visible(c: char) -> char {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => '\u{25a1}',
        c if c.is_control() => '\u{25a1}',
        c => c,
    }
}

fn style_of(cell: &Cell) -> Style {
    let (mut fg, mut bg) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        (fg, bg) = (Some(bg.unwrap_or(0)), Some(fg.unwrap_or(15)));
    }
    Style { fg, bg, bold: cell.bold(), dim: cell.dim(), italic: cell.italic(), underline: cell.underline(), cursor: false }
}

fn classes(s: Style) -> String {
    let mut out = Vec::new();
    if s.cursor {
        return "cur".to_owned();
    }
    if let Some(n) = s.fg {
        out.push(format!("f{n}"));
    }
    if let Some(n) = s.bg {
        out.push(format!("b{n}"));
    }
    for (on, class) in [(s.bold, "bo"), (s.dim, "di"), (s.italic, "it"), (s.underline, "un")] {
        if on {
            out.push(class.to_owned());
        }
    }
    out.join(" ")
}

/// The nearest of the sixteen; none is the default.
fn colour(c: Color) -> Option<u8> {
    match c {
        Color::Default => None,
        Color::Idx(n @ 0..=15) => Some(n),
        Color::Idx(n @ 16..=231) => {
            let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
            let n = n - 16;
            Some(nearest(level(n / 36), level(n / 6 % 6), level(n % 6)))
        }
        Color::Idx(n @ 232..=255) => Some(nearest(8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232))),
        Color::Rgb(r, g, b) => Some(nearest(r, g, b)),
    }
}

/// By hue, where there is one, and by lightness: what matters is that red stays red on any ground.
fn nearest(r: u8, g: u8, b: u8) -> u8 {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let spread = max - min;
    if spread < 40 || u16::from(spread) * 5 < u16::from(max) {
        return match max {
            0..=47 => 0,
            48..=159 => 8,
            160..=223 => 7,
            224..=255 => 15,
        };
    }
    let bright = if max >= 224 { 8 } else { 0 };
    let (r, g, b, spread) = (i32::from(r), i32::from(g), i32::from(b), i32::from(spread));
    let max = i32::from(max);
    // Degrees around the circle of hues, red at 0.
    let hue = if max == r {
        (60 * (g - b) / spread + 360) % 360
    } else if max == g {
        60 * (b - r) / spread + 120
    } else {
        60 * (r - g) / spread + 240
    };
    bright
        + match hue {
            0..=11 | 336.. => 1,
            12..=74 => 3,
            75..=164 => 2,
            165..=204 => 6,
            205..=264 => 4,
            _ => 5,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        screen(text, None).into_string()
    }

    #[test]
    fn colours_and_looks_become_classes() {
        assert_eq!(
            shown("\x1b[31mred\x1b[0m plain \x1b[1;4mb\x1b[m"),
            "<span class=\"f1\">red</span> plain <span class=\"bo un\">b</span>"
        );
        assert_eq!(shown("\x1b[7mx\x1b[27my"), "<span class=\"f0 b15\">x</span>y");
        assert_eq!(shown("\x1b[2;3;92;44mx\x1b[0m"), "<span class=\"f10 b4 di it\">x</span>");
    }

    #[test]
    fn a_colour_goes_on_over_the_line_end() {
        assert_eq!(
            shown("\x1b[32mone\ntwo\x1b[39m\nthree"),
            "<span class=\"f2\">one</span>\n<span class=\"f2\">two</span>\nthree"
        );
    }

    #[test]
    fn many_colours_become_the_nearest_of_sixteen() {
        for (sent, class) in [
            ("38;5;9", "f9"),
            ("38;5;196", "f9"),
            ("38;5;238", "f8"),
            ("38;5;255", "f15"),
            ("38;2;215;119;87", "f3"),
            ("38;5;203", "f9"),
            ("38;2;153;204;255", "f12"),
            ("38;2;78;186;101", "f2"),
            ("38;2;136;136;136", "f8"),
            ("48;2;55;55;55", "b8"),
            ("38;2;0;0;0", "f0"),
        ] {
            assert_eq!(shown(&format!("\x1b[{sent}mx")), format!("<span class=\"{class}\">x</span>"), "{sent}");
        }
    }

    #[test]
    fn blanks_at_the_end_go_and_coloured_ones_stay() {
        assert_eq!(shown("a  \x1b[31m  \n\x1b[41m  \x1b[0m  "), "a\n<span class=\"f1 b1\">  </span>");
        assert_eq!(shown("a\n\nb\n\n\n"), "a\n\nb");
    }

    #[test]
    fn the_cursor_stands_where_it_stands() {
        assert_eq!(screen("> ab", Some((3, 0))).into_string(), "&gt; a<span class=\"cur\">b</span>");
        assert_eq!(screen("a\n", Some((2, 0))).into_string(), "a <span class=\"cur\"> </span>");
        assert_eq!(screen("", Some((4, 0))).into_string(), "    <span class=\"cur\"> </span>");
    }

    #[test]
    fn wide_characters_and_combining_ones_stay_whole() {
        assert_eq!(shown("漢字 e\u{301} ●"), "漢字 e\u{301} ●");
    }

    #[test]
    fn what_steers_a_terminal_or_a_page_comes_through_as_nothing_or_as_text() {
        for (sent, seen) in [
            ("\x1b]0;<script>alert(1)</script>\x07ok", "ok"),
            ("\x1b]52;c;ZXZpbA==\x1b\\ok", "ok"),
            ("\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1bPq#0;2;0;0;0\x1b\\ok", "ok"),
            ("\x1b_Gf=24;AAAA\x1b\\ok", "ok"),
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
            ("</pre><script>x</script>", "&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;"),
            ("\"><b>&amp;", "&quot;&gt;&lt;b&gt;&amp;amp;"),
            ("a\x1b[2Jb", " b"),
            ("a\u{202e}b", "a□b"),
        ] {
            assert_eq!(shown(sent), seen, "{sent:?}");
        }
        // An unfinished one ends with its line.
        assert_eq!(shown("\x1b]0;never ends\nnext"), "\nnext");
    }

    #[test]
    fn a_long_history_is_bounded_and_keeps_its_end() {
        let text: String = (0..12_000).map(|n| format!("\x1b[3{}mline {n}\x1b[0m\n", n % 8)).collect();
        let html = shown(&text);
        assert_eq!(html.matches('\n').count() + 1, LINES_MAX);
        assert!(html.contains("line 11999<") && !html.contains("line 1999<"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn nothing_breaks_it_and_nothing_gets_out(text in "(\\PC|\x1b|\u{9b}|\\[|\\]|;|[0-9]|[A-Za-z]|<|>|\"|\n|\r|\x08|\x0e){0,120}") {
            let html = screen(&text, Some((3, 0))).into_string();
            let mut rest = html.as_str();
            while let Some(at) = rest.find('<') {
                rest = &rest[at + 1..];
                let tag = rest.split('>').next().unwrap_or_default();
                let class = tag.strip_prefix("span class=\"").and_then(|t| t.strip_suffix('"'));
                let harmless = class.is_some_and(|c| c.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '));
                prop_assert!(harmless || tag == "/span", "{tag:?} in {html:?}");
            }
            prop_assert!(!html.contains('\x1b'));
        }
    }
}
