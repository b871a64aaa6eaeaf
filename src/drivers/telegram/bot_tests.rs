//! How refusals are told apart, and that none tells the token.

use super::*;

fn bot() -> Bot {
    Bot::new("http://127.0.0.1:1/", "4242:abcdefghijABCDEFGHIJ0123456789_-xyz".parse().expect("a token"))
}

#[test]
fn refusals_are_told_apart() {
    let b = bot();
    let body = |code: u16, more: &str| format!(r#"{{"ok":false,"error_code":{code},"description":"D"{more}}}"#);
    assert_eq!(b.fault(429, &body(429, r#","parameters":{"retry_after":7}"#)), Fault::Slow(7_000));
    assert_eq!(b.fault(400, &body(400, "")), Fault::Refused("D".to_owned()));
    assert_eq!(b.fault(401, &body(401, "")), Fault::Unknown("D".to_owned()));
    assert_eq!(b.fault(404, "<html>"), Fault::Unknown("HTTP status 404".to_owned()));
    assert_eq!(b.fault(403, &body(403, "")), Fault::Forbidden("D".to_owned()));
    assert_eq!(b.fault(409, &body(409, "")), Fault::Elsewhere("D".to_owned()));
    assert!(matches!(b.fault(502, "gone"), Fault::Unreachable(_)));
    let moved = b.fault(400, &body(400, r#","parameters":{"migrate_to_chat_id":-1007}"#));
    assert!(moved.to_string().contains("-1007"), "{moved}");
}

#[test]
fn no_error_tells_the_token() {
    let b = bot();
    let echo = format!(r#"{{"ok":false,"error_code":400,"description":"no /bot{}/x"}}"#, b.token.secret());
    for fault in [b.fault(400, &echo), b.fault(502, &echo), b.me().expect_err("nobody listens there")] {
        let told = format!("{fault} {fault:?}");
        assert!(!told.contains("abcdefghij"), "{told}");
    }
    assert!(!format!("{b:?}").contains("abcdefghij"));
}
