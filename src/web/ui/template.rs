//! Markup that is kept and given to many: what differs from one rendering to the next, the forms' ids and the relative
//! times, is put in anew for each.

use crate::domain::time::Time;
use crate::web::ui::when;
use maud::Markup;
use std::borrow::Cow;

/// Kept markup with holes. Between two holes stands text that is the same for all.
pub struct Template {
    text: String,
    holes: Vec<Hole>,
}

/// What is put in at a place of the text.
struct Hole {
    /// The text before it ends here.
    at: usize,
    what: What,
}

enum What {
    Seed,
    /// The words of a moment, in the form that its element names.
    Moment(Time, String),
}

/// How a time's element begins, as [`when`] writes it, and how its words end.
const MOMENT: &str = "<time ";
const END: &str = "</time>";

impl Template {
    /// Of markup that was rendered with this seed. The seed must be a fresh one: nothing else may look like it.
    #[must_use]
    pub fn of(markup: &Markup, seed: &str) -> Template {
        let (mut rest, mut text, mut holes) = (markup.0.as_str(), String::with_capacity(markup.0.len()), Vec::new());
        loop {
            let (to_seed, to_moment) = (rest.find(seed), rest.find(MOMENT));
            match (to_seed, to_moment) {
                (None, None) => break,
                (Some(at), moment) if moment.is_none_or(|m| at < m) => {
                    text.push_str(&rest[..at]);
                    holes.push(Hole { at: text.len(), what: What::Seed });
                    rest = &rest[at + seed.len()..];
                }
                (_, Some(at)) => {
                    // What was looked for and not understood stays as it is.
                    let (open, words) = moment(&rest[at..]).unwrap_or((MOMENT.len(), None));
                    text.push_str(&rest[..at + open]);
                    rest = &rest[at + open..];
                    if let Some((time, form, end)) = words {
                        holes.push(Hole { at: text.len(), what: What::Moment(time, form) });
                        rest = &rest[end..];
                    }
                }
                (Some(_), None) => unreachable!("a seed without a moment is the second case"),
            }
        }
        text.push_str(rest);
        text.shrink_to_fit();
        Template { text, holes }
    }

    /// The markup for one reader, part by part.
    pub fn parts<'a>(&'a self, seed: &'a str, now: Time) -> impl Iterator<Item = Cow<'a, str>> {
        let mut from = 0;
        let filled = self.holes.iter().flat_map(move |hole| {
            let before = &self.text[std::mem::replace(&mut from, hole.at)..hole.at];
            let words = match &hole.what {
                What::Seed => Cow::Borrowed(seed),
                What::Moment(at, form) => Cow::Owned(when::words(form, *at, now).unwrap_or_default()),
            };
            [Cow::Borrowed(before), words]
        });
        let last = self.holes.last().map_or(0, |hole| hole.at);
        filled.chain([Cow::Borrowed(&self.text[last..])])
    }

    /// About how long it is when it is filled.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + self.holes.len() * 24
    }
}

/// A moment's words: the moment, their form, and how long they are.
type Words = (Time, String, usize);

/// Reads `<time … data-at="…" data-as="…">words</time>`: how long the opening tag is, and what is known of its words.
fn moment(element: &str) -> Option<(usize, Option<Words>)> {
    let open = element.find('>')? + 1;
    let value = |name: &str| element[..open].split_once(name)?.1.split('"').next();
    let at = value(" data-at=\"")?.parse().ok().map(Time)?;
    let form = value(" data-as=\"")?;
    let end = element[open..].find(END)?;
    let known = when::words(form, at, at).is_some();
    Some((open, known.then(|| (at, form.to_owned(), end))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::{Ctx, form};
    use maud::html;

    fn page(cx: Ctx<'_>) -> Markup {
        let at = Time(1_795_264_860_000);
        html! {
            p { "5 < 6 & <time data-at=\"1\" data-as=\"span\">x</time>" }
            (form::client_id(cx, "one")) (when::span(at, cx.now)) (form::client_id(cx, "two"))
            (when::ago(at, cx.now)) (when::clock(at, cx.now)) (when::day(at, cx.now)) (when::ago(at.plus_ms(300_000), cx.now))
            time datetime="x" { "by hand" }
        }
    }

    #[test]
    fn a_filled_template_is_what_would_have_been_rendered() {
        let at = Time(1_795_264_860_000);
        let template = Template::of(&page(Ctx { now: at, seed: "0123456789abcdef" }), "0123456789abcdef");
        for later in [0, 999, 1_000, 59_999, 60_000, 299_000, 301_000, 3_600_000, 90_000_000, 400_000_000] {
            let cx = Ctx { now: at.plus_ms(later), seed: "fedcba9876543210" };
            assert_eq!(template.parts(cx.seed, cx.now).collect::<String>(), page(cx).0, "{later} ms later");
        }
    }

    #[test]
    fn markup_without_holes_stays_as_it_is() {
        let plain = html! { p { "nothing to fill" } };
        assert_eq!(Template::of(&plain, "0123456789abcdef").parts("x", Time(0)).collect::<String>(), plain.0);
    }
}
