//! Markdown as HTML: prose and nothing else, as a browser's own tokenizer reads it, and not much more of it than there
//! was to read.

use super::harmless::assert_only_prose;
use mission_control::web::ui::markdown::markdown as html_of;

/// Renders a text.
pub fn markdown(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let html = html_of(&text).into_string();
    assert_only_prose(&html, &text);
    let most = 128 * text.len() + 64 * 1024;
    assert!(html.len() <= most, "{} bytes of Markdown give {} of HTML", text.len(), html.len());
    assert!(!html.contains('\0'));
}
