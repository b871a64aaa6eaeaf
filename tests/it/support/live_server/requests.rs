//! What a test asks of the server over HTTP.

use super::Live;
use serde_json::Value;

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub body: String,
}

impl Live {
    pub fn url(&self) -> &str {
        &self.local.as_ref().expect("it runs").url
    }

    pub fn token(&self) -> &str {
        &self.local.as_ref().expect("it runs").token
    }

    /// A POST of a form; none where no answer came.
    pub fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Option<Answer> {
        let sent = self
            .http
            .post(format!("{}{path}", self.url()))
            .header("Authorization", format!("Bearer {}", self.token()))
            .send_form(form.iter().copied());
        answer(sent)
    }

    /// A POST of JSON; none where no answer came.
    pub fn try_json(&self, path: &str, body: &Value) -> Option<Answer> {
        self.try_json_as(self.token(), path, body)
    }

    /// As [`Live::try_json`], with another token.
    pub fn try_json_as(&self, token: &str, path: &str, body: &Value) -> Option<Answer> {
        let sent =
            self.http.post(format!("{}{path}", self.url())).header("Authorization", format!("Bearer {token}")).send_json(body);
        answer(sent)
    }

    pub fn try_get(&self, path: &str) -> Option<Answer> {
        let got =
            self.http.get(format!("{}{path}", self.url())).header("Authorization", format!("Bearer {}", self.token())).call();
        answer(got)
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form).expect("an answer")
    }

    /// A new ticket for an agent; it starts as soon as it can. Its number.
    pub fn now(&self, agent: &str, message: &str) -> i64 {
        self.try_now(agent, message).expect("the ticket is made")
    }

    /// As [`Live::now`]; none where that is not known to have been done.
    pub fn try_now(&self, agent: &str, message: &str) -> Option<i64> {
        let answer = self.try_post("/composer", &[("message", message), ("mode", "implement_now"), ("project", agent)])?;
        assert_eq!(answer.status, 303, "{}", answer.body);
        Some(number(&answer.location))
    }

    /// A new ticket in todo. Its number.
    pub fn todo(&self, agent: &str, message: &str) -> i64 {
        let answer = self.post("/composer", &[("message", message), ("mode", "quick_ticket"), ("project", agent)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let id = number(&answer.location);
        self.move_to(id, "todo");
        id
    }

    pub fn move_to(&self, id: i64, status: &str) {
        let answer = self.post(&format!("/tickets/MC-{id}/move"), &[("status", status)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    pub fn reply(&self, id: i64, words: &str) {
        let answer = self.post(&format!("/tickets/MC-{id}/reply"), &[("body", words)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    pub fn stop(&self, id: i64) {
        let answer = self.post(&format!("/tickets/MC-{id}/stop"), &[]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    /// As [`Live::stop`], where something runs.
    pub fn stop_if_live(&self, id: i64) {
        let answer = self.post(&format!("/tickets/MC-{id}/stop"), &[]);
        assert!(matches!(answer.status, 303 | 409), "{}", answer.body);
    }
}

fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = sent.ok()?;
    let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().ok()?;
    Some(Answer { status, location, body })
}

fn number(location: &str) -> i64 {
    location.rsplit("MC-").next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no ticket in {location:?}"))
}
