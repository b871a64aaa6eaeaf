//! Toasts: one line about what just happened, appended to the page's live region.

use super::icon;
use super::stream::partial;
use maud::{Markup, html};

/// What a toast tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It worked.
    Good,
    /// It did not, and why.
    Bad,
}

/// A toast as it stands in `#toasts`. `link` is an address and its words.
#[must_use]
pub fn toast(tone: Tone, text: &str, link: Option<(&str, &str)>) -> Markup {
    let (st, sign) = match tone {
        Tone::Good => ("done", "check"),
        Tone::Bad => ("blocked", "triangle-alert"),
    };
    html! {
        div.toast.notice data-st=(st) data-tone=(st) {
            (icon::icon(sign))
            div dir="auto" { (text) }
            span.btns {
                @if let Some((href, words)) = link { a.btn.tight href=(href) { (words) } }
                button.btn.bare.tight.square type="button" data-dismiss aria-label="Dismiss" { (icon::small("x")) }
            }
        }
    }
}

/// A toast that puts itself at the end of `#toasts`: for answers that carry other fragments too.
#[must_use]
pub fn toast_partial(tone: Tone, text: &str, link: Option<(&str, &str)>) -> Markup {
    partial("#toasts", "beforeend", &toast(tone, text, link))
}
