//! What comes from a terminal's keyboard, as keys and pastes. Pure: bytes in, keys out.

/// The start of a paste.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
/// The end of a paste.
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// One thing a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DemoKey {
    /// Text that was typed.
    Text(String),
    /// Text that was pasted, line feeds and all.
    Paste(String),
    /// Enter.
    Enter,
    /// Backspace.
    Back,
    /// Ctrl-U: the line is cleared.
    ClearLine,
    /// Ctrl-C.
    Cancel,
    /// Ctrl-D.
    Leave,
    /// Escape, alone.
    Escape,
    /// Anything else.
    Other,
}

/// Bytes not yet understood.
#[derive(Debug, Default)]
pub(crate) struct DemoKeyboard {
    pending: Vec<u8>,
}

impl DemoKeyboard {
    /// Takes bytes in; half a sequence is kept for the next time.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<DemoKey> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Some((key, used)) = self.next() {
            self.pending.drain(..used);
            match (keys.last_mut(), key) {
                (Some(DemoKey::Text(before)), DemoKey::Text(more)) => before.push_str(&more),
                (_, key) => keys.push(key),
            }
        }
        keys
    }

    /// Something is kept that more bytes may complete.
    pub(crate) fn waits(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more came for a while: an escape that stands alone is the key.
    pub(crate) fn settle(&mut self) -> Option<DemoKey> {
        (self.pending == [0x1b]).then(|| {
            self.pending.clear();
            DemoKey::Escape
        })
    }

    fn next(&self) -> Option<(DemoKey, usize)> {
        let bytes = self.pending.as_slice();
        let first = *bytes.first()?;
        match first {
            0x1b => self.escape(),
            b'\r' => Some((DemoKey::Enter, 1)),
            // As by Ctrl-J or Shift-Enter: a new line in the box.
            b'\n' => Some((DemoKey::Text("\n".to_owned()), 1)),
            0x7f | 0x08 => Some((DemoKey::Back, 1)),
            0x15 => Some((DemoKey::ClearLine, 1)),
            0x03 => Some((DemoKey::Cancel, 1)),
            0x04 => Some((DemoKey::Leave, 1)),
            b'\t' => Some((DemoKey::Text("\t".to_owned()), 1)),
            0..=0x1f => Some((DemoKey::Other, 1)),
            0x20..=0xff => text(bytes),
        }
    }

    fn escape(&self) -> Option<(DemoKey, usize)> {
        let bytes = self.pending.as_slice();
        if bytes.starts_with(PASTE_BEGINS) {
            let body = &bytes[PASTE_BEGINS.len()..];
            let end = body.windows(PASTE_ENDS.len()).position(|w| w == PASTE_ENDS)?;
            // A terminal sends line ends of a paste as Enter.
            let text = String::from_utf8_lossy(&body[..end]).replace("\r\n", "\n").replace('\r', "\n");
            return Some((DemoKey::Paste(text), PASTE_BEGINS.len() + end + PASTE_ENDS.len()));
        }
        match *bytes.get(1)? {
            b'[' => {
                let end = bytes[2..].iter().position(|b| (0x40..=0x7e).contains(b))?;
                Some((DemoKey::Other, end + 3))
            }
            b'O' => bytes.get(2).map(|_| (DemoKey::Other, 3)),
            b'\r' => Some((DemoKey::Text("\n".to_owned()), 2)),
            // Escape, and then something else at once.
            _ => Some((DemoKey::Escape, 1)),
        }
    }
}

/// Text up to the next control character; half a character at the end waits.
fn text(bytes: &[u8]) -> Option<(DemoKey, usize)> {
    let end = bytes.iter().position(|b| *b < 0x20 || *b == 0x7f).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => Some((DemoKey::Text(text.to_owned()), end)),
        Err(e) if e.valid_up_to() > 0 => {
            let good = e.valid_up_to();
            Some((DemoKey::Text(String::from_utf8_lossy(&bytes[..good]).into_owned()), good))
        }
        Err(e) => match e.error_len() {
            Some(bad) => Some((DemoKey::Other, bad)),
            None if end == bytes.len() => None,
            None => Some((DemoKey::Other, end)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_one_key_whatever_pieces_it_comes_in() {
        let bytes = "\x1b[200~Straße\rtwo\nthree\x1b[201~\r".as_bytes();
        for size in 1..bytes.len() {
            let mut keyboard = DemoKeyboard::default();
            let keys: Vec<DemoKey> = bytes.chunks(size).flat_map(|piece| keyboard.take(piece)).collect();
            assert_eq!(keys, [DemoKey::Paste("Straße\ntwo\nthree".to_owned()), DemoKey::Enter], "in pieces of {size}");
            assert!(!keyboard.waits());
        }
    }

    #[test]
    fn keys_are_told_apart() {
        let mut keyboard = DemoKeyboard::default();
        let keys = keyboard.take("hi é\u{15}\u{3}\u{4}\u{7f}\x1b[A\x1bOP\x01\x1b\r".as_bytes());
        let text = |s: &str| DemoKey::Text(s.to_owned());
        assert_eq!(
            keys,
            [
                text("hi é"),
                DemoKey::ClearLine,
                DemoKey::Cancel,
                DemoKey::Leave,
                DemoKey::Back,
                DemoKey::Other,
                DemoKey::Other,
                DemoKey::Other,
                text("\n")
            ]
        );
        assert!(keyboard.take(b"\x1b").is_empty() && keyboard.waits());
        assert_eq!(keyboard.settle(), Some(DemoKey::Escape));
        assert_eq!(keyboard.settle(), None);
        assert_eq!(keyboard.take(b"\xffa"), [DemoKey::Other, text("a")], "bytes that are no text do not block");
    }
}
