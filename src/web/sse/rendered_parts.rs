//! What a live page shows, part by part, so that only what changed is sent again. Of each part a mark is kept, not its words:
//! those of a hundred open pages would be ten megabytes, copied at each look.

use crate::domain::time::Time;
use crate::web::ui::Ctx;
use crate::web::ui::stream::partial;
use maud::Markup;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

/// Parts are compared without a seed and at a fixed moment, or they would differ each time.
pub const STILL: Ctx<'static> = Ctx { now: Time(0), seed: "" };

/// The parts of a page, each by its target.
#[derive(Debug, Clone, Default)]
pub struct Shown(BTreeMap<u64, u64>);

impl Shown {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the page shows this part just so.
    #[must_use]
    pub fn has(&self, target: &str, still: &Markup) -> bool {
        self.0.get(&mark(target)) == Some(&mark(&still.0))
    }

    /// The page shows this part from now on. True where it showed something else, or nothing.
    pub fn put(&mut self, target: &str, still: &Markup) -> bool {
        let new = mark(&still.0);
        self.0.insert(mark(target), new) != Some(new)
    }

    /// What the page is to be sent of a part: all of it where it changed, else nothing.
    pub fn renew(&mut self, target: &str, cx: Ctx<'_>, part: impl Fn(Ctx<'_>) -> Markup) -> String {
        if self.put(target, &part(STILL)) { partial(target, "outerMorph", &part(cx)).0 } else { String::new() }
    }
}

/// Two texts in 2^64 have the same one; the later of them would wait for the next change.
fn mark(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;

    #[test]
    fn a_part_is_sent_when_it_changed_and_only_then() {
        let cx = Ctx { now: Time(5), seed: "s" };
        let mut shown = Shown::default();
        let look = |shown: &mut Shown, target: &str, words: &str| {
            shown.renew(target, cx, |cx| html! { p { (words) @if cx.now != Time(0) { " at " (cx.now.0) } } })
        };
        assert!(shown.is_empty());
        assert!(look(&mut shown, "#a", "one").contains("one at 5"), "what goes out is not what is compared");
        assert_eq!(look(&mut shown, "#a", "one"), "");
        assert!(look(&mut shown, "#b", "one").contains("#b"), "another part");
        assert!(look(&mut shown, "#a", "two").contains("two"));
        assert!(look(&mut shown, "#a", "one").contains("one"), "back again");
        assert!(shown.has("#a", &html! { p { "one" } }) && !shown.has("#a", &html! { p { "two" } }) && !shown.is_empty());
    }
}
