//! JSON lines as agents write them: parsed forgivingly, fields read without trust in their types.

use serde_json::{Map, Value};

/// A number larger than this is no token count.
pub(crate) const MAX_TOKENS: i64 = 1_000_000_000_000;

/// A line's object.
pub(crate) type Object = Map<String, Value>;

/// JSON as JavaScript writes it: a text cut in the middle of an emoji has half a surrogate pair, which is mended.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|e| match mend_surrogates(text) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(e),
    })
}

/// A line without what may stand around its JSON.
pub(crate) fn json_of(line: &str) -> &str {
    line.trim_start_matches('\u{feff}').trim_matches([' ', '\t', '\r', '\n'])
}

fn mend_surrogates(text: &str) -> Option<String> {
    let unit = |at: usize| -> Option<u32> {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(hex, 16).ok())?
    };
    let mut out = String::with_capacity(text.len());
    let (mut at, mut kept, mut mended) = (0, 0, false);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                out.push_str(&text[kept..at]);
                out.push_str("\\ufffd");
                at += 6;
                kept = at;
                mended = true;
            }
            Some(_) => at += 6,
            None => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    out.push_str(&text[kept..]);
    mended.then_some(out)
}

/// A text field.
pub(crate) fn string<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// A number, whole or not, as a whole one.
pub(crate) fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    #[allow(clippy::cast_possible_truncation, reason = "a float becomes a whole number, saturating")]
    value.as_i64().or_else(|| value.as_f64().map(|f| f as i64))
}

/// A count of something: never negative, never beyond reason.
pub(crate) fn count(value: Option<&Value>) -> i64 {
    number(value).unwrap_or(0).clamp(0, MAX_TOKENS)
}

/// A small count.
pub(crate) fn small(value: Option<&Value>) -> u32 {
    u32::try_from(count(value)).unwrap_or(u32::MAX)
}

/// The text of a result or notice: a string, blocks, or blocks within blocks.
pub(crate) fn flat(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => push_line(out, text),
        Value::Array(list) => list.iter().for_each(|v| flat(v, out)),
        Value::Object(object) => match (string(object, "type"), object.get("text"), object.get("content")) {
            (Some("image"), ..) => push_line(out, "[image]"),
            (_, Some(text), _) => flat(text, out),
            (_, None, Some(content)) => flat(content, out),
            (_, None, None) => push_line(out, &value.to_string()),
        },
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => push_line(out, &value.to_string()),
    }
}

fn push_line(out: &mut String, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}
