//! Search: which words find which tickets, and how they are found.

use super::*;
use crate::store::db::migrate;

#[test]
fn no_text_is_a_search_syntax_error() {
    assert_eq!(fts_terms("up\" OR * near(x"), "\"up\"* \"OR\"* \"near\"* \"x\"*");
    assert_eq!(fts_terms("\"'*(-"), "");
    assert_eq!(fts_terms("internationalization"), "\"internationa\"*");
}

fn finds(conn: &Connection, words: &str) -> rusqlite::Result<Vec<i64>> {
    let mut stmt = conn.prepare_cached("select rowid from tickets_text where tickets_text match ? order by rowid desc")?;
    let found = stmt.query_map([fts_terms(words)], |r| r.get(0))?;
    found.collect()
}

#[test]
fn every_letter_and_mark_can_be_looked_for_within_a_word() {
    let mut conn = Connection::open_in_memory().expect("opens");
    migrate::up(&mut conn).expect("migrated");
    let refused: Vec<String> = ('\0'..=char::MAX)
        .filter(|c| c.is_alphanumeric() && finds(&conn, &format!("a{c}b")).is_err())
        .map(|c| format!("{:x}", u32::from(c)))
        .collect();
    assert!(refused.is_empty(), "{} characters: {}", refused.len(), refused.join(" "));
}

#[test]
fn words_are_found_by_their_beginnings_in_many_languages() {
    let mut conn = Connection::open_in_memory().expect("opens");
    migrate::up(&mut conn).expect("migrated");
    let texts = ["Größe der Übertragung", "हिन्दी में लिखो", "Café crème", "支払い 処理", "Internationalizations", "оплата заказа"];
    for (n, text) in (1_i64..).zip(texts) {
        conn.execute("insert into tickets_text (rowid, title, description) values (?1, ?2, '')", (n, text)).expect("kept");
    }
    for (words, n) in
        [("größe übertr", 1), ("हिन्दी", 2), ("cafe", 3), ("crè", 3), ("支払", 4), ("internationalizatio", 5), ("ОПЛ зак", 6)]
    {
        assert_eq!(finds(&conn, words).expect("read"), [n], "{words}");
    }
    assert_eq!(finds(&conn, "afe").expect("read"), [0_i64; 0], "only beginnings");
}

fn plan(conn: &Connection, (from, order): (&str, &str)) -> String {
    let sql = format!("explain query plan select t.title from {from} and t.status = ? order by {order} desc limit 31");
    let mut stmt = conn.prepare(&sql).expect("a query");
    let steps = stmt.query_map(params!["\"a\"*", i64::MAX, 0, "todo"], |r| r.get::<_, String>(3)).expect("a plan");
    steps.collect::<rusqlite::Result<Vec<_>>>().expect("steps").join("; ")
}

#[test]
fn a_search_stops_when_it_has_enough_and_reads_no_other_status() {
    let mut conn = Connection::open_in_memory().expect("opens");
    migrate::up(&mut conn).expect("migrated");
    let by_words = plan(&conn, BY_WORDS);
    assert!(
        by_words.starts_with("SCAN m VIRTUAL TABLE INDEX") && by_words.contains("SEARCH t USING INTEGER PRIMARY KEY"),
        "{by_words}"
    );
    assert!(!by_words.contains("TEMP B-TREE"), "they come newest first: {by_words}");
    let by_status = plan(&conn, BY_STATUS);
    assert!(
        by_status.starts_with("SEARCH t USING INDEX tickets_by_status (status=?)") && !by_status.contains("SCAN t"),
        "{by_status}"
    );
}
