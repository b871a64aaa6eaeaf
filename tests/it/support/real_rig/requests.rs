//! What a test asks of the server, and says to Luci.

use super::Rig;
use crate::support::model_stub::script;
use mission_control::drivers::supervise::run_dir::RunDir;
use rusqlite::OptionalExtension;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

impl Rig {
    /// Writes a ticket that is to start at once; its description is the model's script.
    pub fn ticket(&self, steps: &Value) -> i64 {
        let message = format!("Do as you are told #work\n{}", script(steps));
        let to = self.post("/composer", &[("message", &message), ("mode", "implement_now")]);
        to.rsplit_once("MC-").and_then(|(_, n)| n.parse().ok()).expect("it leads to the ticket")
    }

    pub fn reply(&self, ticket: i64, body: &str) {
        self.post(&format!("/tickets/MC-{ticket}/reply"), &[("body", body)]);
    }

    pub fn stop(&self, ticket: i64) {
        self.post(&format!("/tickets/MC-{ticket}/stop"), &[]);
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> String {
        let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        let response = agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_form(form.iter().copied())
            .expect("the server answers");
        assert_eq!(response.status().as_u16(), 303, "POST {path}");
        response.headers()["location"].to_str().expect("an address").to_owned()
    }

    /// A request to the JSON side: status and body; none where the server is not there.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let url = format!("{}/api/v1{path}", self.url);
        let bearer = format!("Bearer {}", self.token);
        let sent = match method {
            "GET" => agent.get(url).header("Authorization", bearer).call(),
            _ => agent.post(url).header("Authorization", bearer).send_json(body),
        };
        let mut response = sent.ok()?;
        let status = response.status().as_u16();
        Some((status, response.body_mut().read_json().ok()?))
    }

    /// Says something to Luci; returns the turn.
    pub fn say(&self, message: &str) -> i64 {
        let (status, body) = self.json("POST", "/persistent_luci/send", &json!({"message": message})).expect("an answer");
        assert_eq!(status, 202, "{body}");
        body["turn"]["id"].as_i64().expect("a turn")
    }

    /// Waits for a turn's answer.
    pub fn answer(&self, id: i64) -> String {
        let (state, text) = self.until(&format!("turn {id} to be over"), || {
            let turn = self.turn(id);
            ["answered", "failed", "cancelled"].contains(&turn.0.as_str()).then_some(turn)
        });
        assert_eq!(state, "answered", "turn {id}: {text}");
        text
    }

    /// Calls tmux on our own socket.
    pub fn tmux(&self, args: &[&str]) -> String {
        let socket = self.data.join("tmux.sock");
        let done = Command::new("tmux").arg("-S").arg(socket).args(args).output().expect("tmux is installed");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// All that the agent has kept of its conversations.
    pub fn transcripts(&self) -> String {
        let folders = fs::read_dir(self.home.join(".claude/projects")).into_iter().flatten().flatten();
        let files = folders.filter_map(|d| fs::read_dir(d.path()).ok()).flatten().flatten();
        files.filter_map(|f| fs::read_to_string(f.path()).ok()).collect()
    }

    /// The process of Luci's agent that works now, however she is kept.
    pub fn luci_pid(&self) -> Option<i32> {
        let (pid, dir): (Option<i32>, String) = self
            .db()
            .query_row("select pid, dir from sessions where state <> 'ended'", [], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()
            .expect("readable")?;
        let folders = fs::read_dir(Path::new(&dir).join("turns")).into_iter().flatten().flatten();
        pid.or_else(|| folders.map(|e| RunDir::open(&e.path())).find(RunDir::is_alive)?.pids()?.agent_pid)
    }
}
