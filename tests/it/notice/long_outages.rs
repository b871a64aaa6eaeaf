//! Notices over a way to Telegram that is cut for hours, and for a day.

use crate::support::telegram_stub::CHAT;
use crate::task::rig::Rig;
use mission_control::domain::ids::NoticeId;
use mission_control::domain::notice::{Notice, NoticeState};
use mission_control::drivers::telegram::{Chats, Fault, Outgoing};
use mission_control::engine::notice::outbox::Outbox;
use mission_control::store::notice::notifications;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A way into the chats that is cut until it is mended.
struct Way(Arc<AtomicBool>);

impl Way {
    fn go(&self) -> Result<i64, Fault> {
        if self.0.load(Ordering::SeqCst) { Ok(7) } else { Err(Fault::Unreachable("no route".to_owned())) }
    }
}

impl Chats for Way {
    fn me(&self) -> Result<String, Fault> {
        self.go().map(|_| "luci_bot".to_owned())
    }

    fn send(&self, _: &Outgoing<'_>) -> Result<i64, Fault> {
        self.go()
    }

    fn take_buttons(&self, _: i64, _: i64) -> Result<(), Fault> {
        self.go().map(drop)
    }
}

#[test]
fn a_notice_outlasts_a_way_that_is_cut_for_hours_and_not_one_that_is_for_a_day() {
    let toml = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\nchats = [{CHAT}]\n");
    for (hours, end) in [(3, NoticeState::Sent), (25, NoticeState::Unsent)] {
        let rig = Rig::new(&toml, "2026-11-21T12:00:30Z");
        let mended = Arc::new(AtomicBool::new(false));
        let mut outbox = Outbox::over(Some(Box::new(Way(mended.clone()))));
        let notice = Notice { key: "k".to_owned(), text: "It is done".to_owned(), ..Notice::default() };
        rig.engine.store.write(move |tx| notifications::tell(tx, &notice)).expect("told");
        let stored = || {
            let read = rig.engine.store.read(|c| notifications::get(c, NoticeId(1)));
            read.expect("it is there")
        };
        let mut passes = |ms: i64| {
            let clock = rig.engine.store.clock();
            let end = clock.now().plus_ms(ms);
            while clock.now() < end {
                let wait = outbox.tick(&rig.engine).expect("a go");
                rig.pass(wait.max(1_000));
            }
        };
        passes(hours * 3_600_000);
        assert!(stored().attempts > 20 && stored().state != NoticeState::Failed, "{:?}", stored());
        mended.store(true, Ordering::SeqCst);
        passes(11 * 60_000);
        assert_eq!(stored().state, end, "{:?}", stored());
    }
}
