//! What an agent tells of itself by hooks: any payload becomes one line or none, and only a line with the session's
//! token is believed.

use super::plain::assert_line;
use mission_control::drivers::runtime::claude::hook;
use mission_control::drivers::runtime::claude::hooks::read;
use mission_control::drivers::runtime::live::hook_log::HookLog;
use mission_control::drivers::runtime::live::transcript::markers;
use serde_json::Value;

const TOKEN: &str = "f00d";

/// Takes the bytes as a file of hooks, and each line of it as a payload too.
pub fn hooks(data: &[u8]) {
    let mut believed = HookLog::new(TOKEN);
    let mut nobody = HookLog::new("");
    let mut kept = HookLog::new(TOKEN);
    let all = markers(&String::from_utf8_lossy(data));
    for line in data.split(|b| *b == b'\n') {
        let foreign = believed.foreign;
        let before = believed.clone();
        believed.read_line(line, read);
        nobody.read_line(line, read);
        // What is no text may stand where nobody reads, and the line is good all the same.
        let text = String::from_utf8_lossy(line);
        let token = serde_json::from_str::<Value>(&text).ok().and_then(|v| Some(v.get("token").or(v.get(0))?.as_str()? == TOKEN));
        if token != Some(true) {
            assert_eq!(
                (&believed.session, &believed.transcript),
                (&before.session, &before.transcript),
                "a stranger is believed"
            );
            assert_eq!(believed.busy_since(), before.busy_since());
        }
        assert!(believed.foreign == foreign || token != Some(true));
        if let Some(written) = hook::line(line, TOKEN, 7) {
            assert_eq!(written.iter().filter(|b| **b == b'\n').count(), 1, "one payload, one line");
            assert_eq!(written.last(), Some(&b'\n'));
            let back: Value = serde_json::from_slice(&written).expect("the line is JSON");
            assert!(back["token"] == TOKEN && back["at"] == 7 && back["payload"].is_object());
            assert!(back["payload"].get("tool_response").is_none());
            kept.read_line(written.trim_ascii_end(), read);
        }
    }
    assert_eq!(kept.foreign, 0);
    assert!(nobody.session.is_none() && nobody.busy_since().is_none(), "without a token nobody is believed");
    for marker in &all {
        for hooks in [&believed, &kept] {
            assert!(hooks.submitted(marker).is_some() || hooks.activity(marker).is_none());
            if let Some(activity) = hooks.activity(marker) {
                assert_line(&activity, 330, "an activity");
            }
        }
    }
}
