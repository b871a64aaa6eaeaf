//! Markdown from people and agents as HTML that can do nothing but be read.

use ammonia::UrlRelative;
use comrak::nodes::{NodeLink, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};
use maud::{Markup, PreEscaped, html};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

/// Markdown as a block of prose. Two walls: the renderer writes raw HTML as text, and what it made is then cleaned to
/// a list of harmless elements. Pictures become links, since fetching one tells its host who reads here.
#[must_use]
pub fn markdown(text: &str) -> Markup {
    html! { div.prose dir="auto" hx-ignore { (PreEscaped(clean(&rendered(text)))) } }
}

fn rendered(text: &str) -> String {
    static OPTIONS: [OnceLock<Options<'static>>; 2] = [const { OnceLock::new() }; 2];
    let tables = has_room_for_tables(text);
    let options = OPTIONS[usize::from(tables)].get_or_init(|| {
        let mut o = Options::default();
        o.extension.strikethrough = true;
        o.extension.autolink = true;
        o.render.escape = true;
        o.extension.table = tables;
        o
    });
    let arena = Arena::new();
    let root = parse_document(&arena, text, options);
    for node in root.descendants() {
        let mut data = node.data.borrow_mut();
        match &mut data.value {
            // A page has its own h1 and h2: headings of a comment stand below them.
            NodeValue::Heading(h) => h.level = (h.level + 2).min(6),
            NodeValue::Image(link) => {
                let link = NodeLink { url: link.url.clone(), title: link.title.clone() };
                data.value = NodeValue::Link(Box::new(link));
            }
            _ => {}
        }
    }
    let mut out = String::new();
    match format_html(root, options, &mut out) {
        Ok(()) => out,
        Err(_) => html! { p { (text) } }.into_string(),
    }
}

/// Rows of a table are filled up to its width: a line of a thousand bars and a thousand lines of one letter would be a
/// million cells. Where there could be many more cells than there is text, none are made.
fn has_room_for_tables(text: &str) -> bool {
    let bars = |line: &str| line.bytes().filter(|b| *b == b'|').count();
    let (lines, widest) =
        text.split(['\n', '\r']).fold((0_usize, 0), |(lines, widest), line| (lines + 1, bars(line).max(widest)));
    lines.saturating_mul(widest + 1) <= 4 * text.len() + 2_000
}

fn clean(dirty: &str) -> String {
    static CLEANER: OnceLock<ammonia::Builder<'static>> = OnceLock::new();
    let cleaner = CLEANER.get_or_init(|| {
        let mut b = ammonia::Builder::default();
        b.rm_tags(["img", "map", "area"])
            .link_rel(Some("noopener noreferrer nofollow"))
            .url_schemes(HashSet::from(["http", "https", "mailto"]))
            .url_relative(UrlRelative::Custom(Box::new(own_pages_only)));
        b
    });
    cleaner.clean(dirty).to_string()
}

/// A relative address in a comment would lead to nowhere; one to a ticket or the board is welcome.
fn own_pages_only(url: &str) -> Option<Cow<'_, str>> {
    (url.starts_with("/tickets/") || url == "/board").then_some(Cow::Borrowed(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_prose() {
        let shown = markdown("# Head\n\nSee **this** and `code`:\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|").into_string();
        for part in ["<h3>Head</h3>", "<strong>this</strong>", "<code>code</code>", "<li>one</li>", "<td>1</td>"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }

    #[test]
    fn pictures_become_links_and_links_open_without_a_trace() {
        let shown = markdown("![plan](https://example.org/p.png) and https://example.org/x").into_string();
        assert!(!shown.contains("<img"), "{shown}");
        assert!(shown.contains(r#"href="https://example.org/p.png""#) && shown.contains("noopener"), "{shown}");
    }

    #[test]
    fn a_table_is_not_filled_up_to_more_cells_than_there_is_text() {
        let wide = format!("{}|\n{}|\n{}", "|a".repeat(600), "|-".repeat(600), "|x\n".repeat(800));
        for text in [wide.replace('\n', "\r"), wide] {
            let shown = markdown(&text).into_string();
            assert!(!shown.contains("<td>") && shown.len() < 2 * text.len() + 1_000, "{}", shown.len());
        }
        let long = format!("|a|b|c|d|\n|-|-|-|-|\n{}", "|1|2|3|4|\n".repeat(3_000));
        assert_eq!(markdown(&long).into_string().matches("<tr>").count(), 3_001);
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        let shown = markdown("a <b>bold</b> <script>alert(1)</script>").into_string();
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script"), "{shown}");
    }
}
