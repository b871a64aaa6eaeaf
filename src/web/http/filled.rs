//! A page around kept markup, as it is sent: filled for its reader in pieces, never in one block of memory.

use crate::domain::time::Time;
use crate::web::ui::template::Template;
use actix_web::body::{BoxBody, SizedStream};
use actix_web::web::Bytes;
use futures_util::stream;
use std::convert::Infallible;

/// How long the pieces are, in bytes: below what the allocator would take from the system for each (`drivers/memory`).
const PIECE: usize = 60_000;

/// The body of a page: what stands before, the kept markup filled with this seed and this moment, what stands after.
#[must_use]
pub fn body(before: &str, main: &Template, after: &str, seed: &str, now: Time) -> BoxBody {
    let pieces = pieces(before, main, after, seed, now);
    let size = pieces.iter().map(|p| p.len() as u64).sum();
    BoxBody::new(SizedStream::new(size, stream::iter(pieces.into_iter().map(Ok::<_, Infallible>))))
}

fn pieces(before: &str, main: &Template, after: &str, seed: &str, now: Time) -> Vec<Bytes> {
    let fresh = || Vec::with_capacity(PIECE);
    let (mut all, mut piece) = (Vec::new(), fresh());
    let mut add = |text: &str| {
        let mut text = text.as_bytes();
        while piece.len() + text.len() > PIECE {
            let (fits, rest) = text.split_at(PIECE - piece.len());
            piece.extend_from_slice(fits);
            all.push(Bytes::from(std::mem::replace(&mut piece, fresh())));
            text = rest;
        }
        piece.extend_from_slice(text);
    };
    add(before);
    main.parts(seed, now).for_each(|part| add(&part));
    add(after);
    piece.shrink_to_fit();
    all.push(piece.into());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;

    #[test]
    fn nothing_is_lost_between_two_pieces() {
        let (seed, long) = ("0123456789abcdef", "äöü".repeat(40_000));
        let markup = html! { p id=(seed) { (long) } p id=(seed) { "end" } };
        let template = Template::of(&markup, seed);
        let got = pieces("before", &template, "after", "fedcba9876543210", Time(0));
        assert!(got.iter().all(|p| p.len() <= PIECE) && got.len() > 4);
        let wanted = format!("before{}after", markup.0.replace(seed, "fedcba9876543210"));
        assert_eq!(String::from_utf8(got.concat()).expect("text"), wanted);
    }
}
