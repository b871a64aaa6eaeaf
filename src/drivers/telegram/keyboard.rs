//! The buttons under a message.

use frankenstein::types::{InlineKeyboardButton, InlineKeyboardMarkup};

/// Short buttons side by side, long ones below each other.
pub(crate) fn keyboard(buttons: &[(String, String)]) -> InlineKeyboardMarkup {
    let mut rows: Vec<Vec<InlineKeyboardButton>> = Vec::new();
    let mut room = 0;
    for (label, data) in buttons {
        let button = InlineKeyboardButton::builder().text(label).callback_data(data).build();
        let width = label.chars().count() + 4;
        match rows.last_mut() {
            Some(row) if width <= room => {
                row.push(button);
                room -= width;
            }
            Some(_) | None => {
                rows.push(vec![button]);
                room = 36_usize.saturating_sub(width);
            }
        }
    }
    InlineKeyboardMarkup::builder().inline_keyboard(rows).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_buttons_share_a_row() {
        let of = |labels: &[&str]| labels.iter().map(|l| ((*l).to_owned(), "d".to_owned())).collect::<Vec<_>>();
        let rows = |labels: &[&str]| keyboard(&of(labels)).inline_keyboard.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(rows(&["Approve", "Return"]), [2]);
        assert_eq!(rows(&["a rather long option of a question", "another", "third"]), [1, 2]);
        assert_eq!(rows(&[]), [0; 0]);
    }
}
