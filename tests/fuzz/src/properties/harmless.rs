//! The allow-list for prose: what HTML may hold that was made of somebody's text. The tests of the views share it.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use std::cell::RefCell;

const PROSE: &[&str] = &[
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// An element's name and its attributes.
pub type Tag = (String, Vec<(String, String)>);

/// Every element and attribute that a browser's own tokenizer finds.
#[derive(Default)]
struct Seen(RefCell<Vec<Tag>>);

impl TokenSink for Seen {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token
            && tag.kind == TagKind::StartTag
        {
            let attrs = tag.attrs.iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect();
            self.0.borrow_mut().push((tag.name.to_string(), attrs));
        }
        TokenSinkResult::Continue
    }
}

/// The elements of a page.
pub fn tags(html: &str) -> Vec<Tag> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Seen::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// Prose holds no element, attribute or address but those of prose, and nothing of the page's own machinery.
pub fn assert_only_prose(html: &str, source: &str) {
    let all = tags(html);
    let (first, rest) = all.split_first().expect("prose has its wrapper");
    assert_eq!(first.0, "div");
    for (element, attrs) in rest {
        assert!(PROSE.contains(&element.as_str()), "<{element}> from {source:?}\n{html}");
        for (name, value) in attrs {
            let known = match name.as_str() {
                "href" => element == "a" && is_harmless_address(value),
                "rel" => element == "a" && value == "noopener noreferrer nofollow",
                "title" => element == "a",
                "align" => matches!(element.as_str(), "td" | "th" | "tr"),
                "start" => element == "ol" && value.parse::<i64>().is_ok(),
                _ => false,
            };
            assert!(known, "{element} {name}={value:?} from {source:?}\n{html}");
        }
    }
}

fn is_harmless_address(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    let outside = ["http:", "https:", "mailto:"].iter().any(|s| lower.starts_with(s));
    outside || address.starts_with("/tickets/") || address == "/board"
}
