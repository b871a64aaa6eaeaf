//! Events of a worker as rows of the live panel.

use crate::domain::event::Event;
use crate::domain::time::Time;
use maud::{Markup, html};

/// One event, `li#ev-<id>`: the only form in which an event is ever shown, so that it can be appended live.
#[must_use]
pub fn event_row(e: &Event, now: Time) -> Markup {
    let _ = (e, now);
    html! {}
}

/// Rows of a window, oldest first; three or more like calls in a row are folded into one.
#[must_use]
pub fn event_rows(events: &[Event], now: Time) -> Markup {
    let _ = (events, now);
    html! {}
}
