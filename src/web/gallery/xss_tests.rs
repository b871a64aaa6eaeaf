//! Attacks through everything that shows text of agents: whatever it says, the page parses into known elements with
//! known attributes, and no address leads to a script.

use crate::domain::ids::{CommentId, EventId, RunId, TicketId};
use crate::domain::orchestrator::proposal::{Proposal, ProposalState};
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::domain::run::event::{Event, EventKind, NewEvent};
use crate::domain::run::question::read as read_question;
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Priority, Role, Status};
use crate::domain::time::Time;
use crate::web::board::card::{Card, card};
use crate::web::gallery::orchestrator_tests::{proposal, side, talk, turn};
use crate::web::gallery::xss_tests::harmless::{assert_only_prose, tags};
use crate::web::orchestrator::view;
use crate::web::orchestrator::view_turn;
use crate::web::orchestrator::view_turn::Shown;
use crate::web::ticket::view_comment::{TalkEntry, comment};
use crate::web::ticket::view_event::event_row;
use crate::web::ui::Ctx;
use crate::web::ui::attention_card::{AttentionCard, CardPlace, attention_card, question};
use crate::web::ui::markdown::markdown;
use crate::web::ui::status_indicator::OrchestratorStatus;

/// What the fuzz target for Markdown holds its findings against, too.
#[path = "../../../tests/fuzz/src/properties/harmless.rs"]
mod harmless;

/// Ways in, from cheat sheets, from renderers' bug lists and from what htmx itself obeys.
const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
    "<img src=`javascript:alert(1)`>",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href=\"data:image/svg+xml;base64,PHN2Zy8+#x\"></use></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math href=\"javascript:alert(1)\">x</math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)></audio>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)></select>",
    "<textarea autofocus onfocus=alert(1)></textarea></textarea><script>alert(1)</script>",
    "<form action=/logout method=post><button>Continue</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example\">",
    "<style>body{display:none}</style>",
    "<p style=\"position:fixed;inset:0\">x</p>",
    "<title>stolen</title>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre></code><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
    "<a href=\" &#14; javascript:alert(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](<javascript:alert(1)>)",
    "[x](//evil.example/logout)",
    "[x](/logout)",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png\"onerror=\"alert(1))",
    "<javascript:alert(1)>",
    "<https://evil.example/\"onmouseover=\"alert(1)>",
    "[a](https://e.example \"t\\\" onmouseover=\\\"alert(1)\")",
    "```\" onclick=alert(1)\n<script>alert(1)</script>\n```",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "# <script>alert(1)</script>",
    "<div hx-get=/logout hx-trigger=load>x</div>",
    "<div data-hx-get=/logout data-hx-trigger=load>x</div>",
    "<div hx-on:click=alert(1)>x</div>",
    "<div hx-sse:connect=https://evil.example/s>x</div>",
    "<div hx-swap-oob=innerHTML:#main>gone</div>",
    "<hx-partial hx-target=#main hx-swap=innerHTML><h1>gone</h1></hx-partial>",
    "<div id=main>x</div><div id=toasts class=shell>x</div>",
    "\" autofocus onfocus=\"alert(1)",
    "' onmouseover='alert(1)",
    "\"><script>alert(1)</script>",
    "`${alert(1)}` {{constructor.constructor('alert(1)')()}}",
    "<x onclick=alert(1)>x</x>",
    "<p onclick\u{0b}=alert(1)>x</p>",
    "<img/src=x/onerror=alert(1)>",
    "<\u{0}script>alert(1)</script>",
    "\u{202e}<script>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "data: <hx-partial hx-target=\"#main\">\r\ndata: x\r\n\r\nevent: close",
    "- <script>alert(1)</script>\n- \" onclick=\"alert(1)",
];

const ELEMENTS: &[&str] = &[
    // ours
    "article",
    "section",
    "aside",
    "header",
    "footer",
    "div",
    "span",
    "p",
    "b",
    "i",
    "a",
    "svg",
    "g",
    "use",
    "rect",
    "path",
    "time",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "details",
    "summary",
    "form",
    "input",
    "select",
    "option",
    "button",
    "textarea",
    "label",
    "pre",
    "code",
    // prose
    "h4",
    "h5",
    "h6",
    "em",
    "strong",
    "del",
    "blockquote",
    "hr",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "sup",
    "sub",
];

const ATTRIBUTES: &[&str] = &[
    "id",
    "class",
    "href",
    "rel",
    "title",
    "dir",
    "datetime",
    "aria-hidden",
    "aria-label",
    "role",
    "hidden",
    "open",
    "align",
    "start",
    "tabindex",
    "data-at",
    "data-as",
    "data-st",
    "data-seq",
    "data-id",
    "data-version",
    "data-status",
    "data-moves",
    "data-p",
    "data-evidence",
    "data-state",
    "data-draft",
    "data-draft-field",
    "draggable",
    "hx-ignore",
    "hx-post",
    "hx-swap",
    "hx-sync",
    "method",
    "action",
    "type",
    "name",
    "value",
    "selected",
    "required",
    "rows",
    "placeholder",
    "for",
    // the conversation
    "aria-live",
    "autocomplete",
    "data-origin",
    "data-stick",
    "data-say",
    "data-enter",
    "data-keep",
    "hx-get",
    "hx-trigger",
    "hx-status:422",
    "viewbox",
    "rx",
    "viewBox",
    "preserveaspectratio",
    "width",
    "height",
    "x",
    "y",
    "opacity",
    "fill",
    "stroke",
    "stroke-width",
    "d",
];

/// The view's own elements are known; an attack must add none of another kind, no attribute and no address.
fn assert_harmless(html: &str, attack: &str, view: &str) {
    for (element, attrs) in tags(html) {
        assert!(ELEMENTS.contains(&element.as_str()), "{view}: <{element}> from {attack:?}\n{html}");
        for (name, value) in attrs {
            assert!(ATTRIBUTES.contains(&name.as_str()), "{view}: {element} {name}={value:?} from {attack:?}\n{html}");
            if matches!(name.as_str(), "href" | "action" | "hx-post" | "hx-get") {
                let ours =
                    value.starts_with("/tickets/") || value.starts_with("/assets/") || value == "/board" || conversation(&value);
                let outside = element == "a" && ["http://", "https://", "mailto:"].iter().any(|s| value.starts_with(s));
                assert!(ours || outside, "{view}: {element} leads to {value:?} from {attack:?}");
            }
        }
    }
}

/// The conversation's own addresses, letter by letter: no text of anybody's stands in them.
fn conversation(value: &str) -> bool {
    let own = ["/luci", "/settings#autonomy", "/console?session=luci-persistent", "#luci-side", "#luci-say"];
    let numbered = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '?' | '=' | '#' | '-');
    own.contains(&value)
        || ((value.starts_with("/luci/")
            || value.starts_with("/luci?")
            || value.starts_with("/luci#")
            || value.starts_with("#turn-"))
            && value.chars().all(numbered))
}

const CX: Ctx<'static> = Ctx { now: Time(1_795_265_580_000), seed: "s" };

#[test]
fn there_are_enough_attacks() {
    assert!(ATTACKS.len() >= 60, "{}", ATTACKS.len());
}

#[test]
fn no_attack_gets_through_markdown() {
    for attack in ATTACKS {
        for text in [(*attack).to_owned(), format!("a **b** {attack} c"), format!("> {attack}\n\n1. {attack}")] {
            let html = markdown(&text).into_string();
            assert_harmless(&html, attack, "markdown");
            assert_only_prose(&html, attack);
        }
    }
}

#[test]
fn no_attack_gets_through_an_event() {
    for attack in ATTACKS {
        for kind in EventKind::ALL {
            let text = (*attack).to_owned();
            let mut what = NewEvent::plain(1, *kind, attack, format!("{attack}\n{}", attack.repeat(40)));
            what.context = Some(text.clone());
            what.sub_agent = Some(text.clone());
            what.call_id = Some(text.clone());
            for input in [text.clone(), serde_json::json!({ "command": text, *attack: [text] }).to_string()] {
                what.input = Some(input);
                for short in [false, true] {
                    if short {
                        what.content = text.clone();
                    }
                    let event = Event {
                        id: EventId(1),
                        ticket: TicketId(1),
                        seq: 1,
                        run: RunId(1),
                        attempt: 1,
                        created_at: Time(0),
                        what: what.clone(),
                    };
                    assert_harmless(&event_row(&event, CX.now).into_string(), attack, kind.as_str());
                }
            }
        }
    }
}

#[test]
fn no_attack_gets_through_a_comment() {
    for attack in ATTACKS {
        for kind in CommentKind::ALL {
            for source in Source::ALL {
                let body = format!("{attack}\n\n{attack}");
                let evidence = Evidence {
                    id: 1,
                    ticket: TicketId(1),
                    run: None,
                    kind: (*attack).to_owned(),
                    label: (*attack).to_owned(),
                    detail: body.clone(),
                    created_at: Time(0),
                };
                let comment_ = Comment {
                    id: CommentId(1),
                    ticket: TicketId(1),
                    run: None,
                    author: (*attack).to_owned(),
                    source: *source,
                    kind: *kind,
                    body,
                    created_at: Time(0),
                };
                let said = TalkEntry { comment: comment_, evidence: vec![evidence], message: None };
                assert_harmless(&comment(&said, CX).into_string(), attack, kind.as_str());
            }
        }
    }
}

#[test]
fn no_attack_gets_through_a_card_or_a_question() {
    for attack in ATTACKS {
        let text = (*attack).to_owned();
        for status in Status::ALL {
            let shown = Card {
                id: TicketId(1),
                title: text.clone(),
                status: *status,
                role: Role::stored(text.clone()),
                project: text.clone(),
                priority: Priority::Normal,
                next: NextAction { kind: NextKind::Answer, text: text.clone(), at: None },
                since: Time(0),
                version: 1,
                run: None,
            };
            assert_harmless(&card(&shown, CX).into_string(), attack, "card");
        }
        for ask in [read_question(attack), read_question(&format!("Which? {attack}\n- {attack}\n- b"))].map(question) {
            let shown = AttentionCard {
                ticket: TicketId(1),
                title: text.clone(),
                project: text.clone(),
                role: Role::stored(text.clone()),
                since: Time(0),
                version: 1,
                ask,
            };
            assert_harmless(&attention_card(&shown, CardPlace::Home, CX).into_string(), attack, "lit");
        }
    }
}

/// Every text of the conversation that is not ours: messages, answers, errors, activities, notes, proposals.
#[test]
fn no_attack_gets_through_the_conversation() {
    for attack in ATTACKS {
        let text = (*attack).to_owned();
        for state in TurnState::ALL {
            for origin in TurnOrigin::ALL {
                let mut turn = turn(1, 1, attack, *state);
                turn.origin = *origin;
                turn.author.clone_from(&text);
                turn.response = Some(format!("{attack}\n\n{attack}"));
                (turn.error, turn.activity) = (Some(text.clone()), Some(text.clone()));
                let orchestrator_status = OrchestratorStatus::Idle;
                // The slip is the same whatever the turn.
                let slip = (*state, *origin) == (TurnState::Answered, TurnOrigin::Human);
                let proposals = if slip { suggested(attack) } else { Vec::new() };
                let shown =
                    Shown { turn, proposals, day: None, begun: Some((text.clone(), Time(0))), orchestrator_status, seen: 1 };
                assert_harmless(&view_turn::turn(&shown, CX).into_string(), attack, "turn");
            }
        }
        for orchestrator_status in
            [OrchestratorStatus::Broken, OrchestratorStatus::Down, OrchestratorStatus::Dialog, OrchestratorStatus::Idle]
        {
            let mut side = side(orchestrator_status);
            side.label.clone_from(&text);
            side.profiles.push((text.clone(), text.clone()));
            side.queue = vec![turn(1, 1, attack, TurnState::Pending)];
            side.waiting = 1;
            if let Some(s) = &mut side.session {
                s.note = Some(text.clone());
            }
            let html = view::luci(&talk(Vec::new(), side), None, CX).into_string();
            assert_harmless(&html, attack, "conversation");
        }
    }
}

/// Proposals of every kind and state that say nothing else.
fn suggested(attack: &str) -> Vec<Proposal> {
    let bodies = [
        serde_json::json!({"kind": "create_ticket", "title": attack, "description": attack, "role": attack, "project": attack}),
        serde_json::json!({"kind": "comment", "ticket": "MC-1", "body": attack}),
        serde_json::json!({"kind": "answer_question", "ticket": "MC-1", "answer": attack}),
        serde_json::json!({"kind": "assign", "ticket": "MC-1", "role": attack}),
        serde_json::json!({"kind": "notify", "text": attack}),
        serde_json::json!({"kind": "ignore", "reason": attack}),
        serde_json::json!({"kind": "ask_owner", "question": attack, "options": [attack, "no"]}),
    ];
    let mut all = Vec::new();
    for body in bodies {
        for state in ProposalState::ALL {
            let mut p = proposal(i64::try_from(all.len()).unwrap_or(0), *state, &body.to_string());
            p.error = Some(attack.to_owned());
            p.result = Some(serde_json::json!({ "ticket": attack, "from": attack, "to": "b" }).to_string());
            all.push(p);
        }
    }
    // Kept by another version: shown as it is.
    let mut old = all[0].clone();
    old.body = attack.to_owned();
    all.push(old);
    all
}

#[test]
#[should_panic(expected = "onerror")]
fn the_check_notices_an_attack_that_gets_through() {
    assert_harmless("<p>x</p><b onerror=alert(1)>", "raw", "nothing");
}
