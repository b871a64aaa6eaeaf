//! The live connection of a page, and the fragments that travel through it.

use maud::{Markup, html};

/// The element that keeps the page's one stream open. Nothing is ever swapped by it itself: what arrives are
/// [`partial`]s that name their own targets. `load, every 10s` with `drop` also survives a first connect that failed,
/// and such a failure is no news for the toasts: the page says "No connection" by itself.
#[must_use]
pub fn connect(url: &str) -> Markup {
    html! {
        div id="live-stream" hidden hx-sse:connect=(url) hx-trigger="load, every 10s" hx-sync="this:drop" hx-swap="none"
            hx-config="sse.reconnectMaxDelay:5s" hx-status:4xx="swap:none" hx-status:5xx="swap:none" {}
    }
}

/// A fragment that swaps itself into `target` (a CSS selector), e.g. `partial("#events", "beforeend", …)`.
#[must_use]
pub fn partial(target: &str, swap: &str, markup: &Markup) -> Markup {
    html! { hx-partial hx-target=(target) hx-swap=(swap) { (markup) } }
}

/// A fragment that takes `target` off the page.
#[must_use]
pub fn gone(target: &str) -> Markup {
    partial(target, "delete", &html! {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_names_its_target_and_the_connection_swaps_nothing_itself() {
        let shown = partial("#events", "beforeend", &html! { li #ev-1 { "<b>" } }).into_string();
        assert_eq!(shown, "<hx-partial hx-target=\"#events\" hx-swap=\"beforeend\"><li id=\"ev-1\">&lt;b&gt;</li></hx-partial>");
        let stream = connect("/tickets/MC-1/stream?after=7").into_string();
        for part in ["hx-sse:connect=\"/tickets/MC-1/stream?after=7\"", "hx-swap=\"none\"", "hx-sync=\"this:drop\"", "every 10s"]
        {
            assert!(stream.contains(part), "{part} in {stream}");
        }
    }
}
