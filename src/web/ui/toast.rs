//! Toasts: one line about what just happened, appended to the page's live region.

use crate::web::ui::icon;
use crate::web::ui::stream::partial;
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
    line(tone, text, &html! { @if let Some((href, words)) = link { a.btn.tight href=(href) { (words) } } })
}

fn line(tone: Tone, text: &str, way: &Markup) -> Markup {
    let (st, sign) = match tone {
        Tone::Good => ("done", "check"),
        Tone::Bad => ("blocked", "triangle-alert"),
    };
    html! {
        div.toast.notice data-st=(st) data-tone=(st) {
            (icon::icon(sign))
            div dir="auto" { (text) }
            span.btns {
                (way)
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

/// Told to who sends something after the login has ended: the page stays, with all that was written on it, and the way to
/// a new login is beside it.
#[must_use]
pub fn login_ended() -> Markup {
    let words =
        "Your login has ended, and nothing was done. What you wrote stays here: log in in another tab, then send it again.";
    let way = html! { a.btn.tight href="/login" target="_blank" { "Log in" } };
    partial("#toasts", "beforeend", &line(Tone::Bad, words, &way))
}
