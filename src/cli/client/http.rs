//! Requests and what can become of them.

use crate::cli::client::exit::{Exit, Failure};
use crate::cli::client::target::Target;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

/// An answer is not read beyond this.
const LARGEST: u64 = 64 * 1024 * 1024;

impl Target {
    /// Asks and reads the answer as JSON.
    ///
    /// # Errors
    /// Nothing answered, or with a problem.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json_of(self.send(&agent(Some(Duration::from_secs(60))), "GET", path, None, &[])?)
    }

    /// Posts JSON. A fresh key goes with it, so that nothing between here and there can double it.
    ///
    /// # Errors
    /// As [`Target::get`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let key = crate::base::random::uuid();
        let headers = [("Idempotency-Key", key.as_str())];
        self.json_of(self.send(&agent(Some(Duration::from_secs(60))), "POST", path, Some(body), &headers)?)
    }

    /// Changes fields.
    ///
    /// # Errors
    /// As [`Target::get`].
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json_of(self.send(&agent(Some(Duration::from_secs(60))), "PATCH", path, Some(body), &[])?)
    }

    /// Posts with a key of the caller's, within a short time.
    pub(crate) fn post_soon(&self, path: &str, body: &Value, within: Duration) -> Result<Value, Failure> {
        self.json_of(self.send(&agent(Some(within)), "POST", path, Some(body), &[])?)
    }

    /// Opens a body that is read piece by piece; silence for `patience` ends it.
    pub(crate) fn open(&self, path: &str, headers: &[(&str, &str)], patience: Duration) -> Result<impl Read + use<>, Failure> {
        let agent = Agent::config_builder().timeout_per_read(Some(patience));
        Ok(self.send(&built(agent), "GET", path, None, headers)?.into_body().into_reader())
    }

    fn send(
        &self,
        agent: &Agent,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body.to_string());
                agent.run(request.map_err(|e| Failure::usage(e.to_string()))?)
            }
            None => agent.run(request.body(()).map_err(|e| Failure::usage(e.to_string()))?),
        };
        let answer = sent.map_err(|e| Failure::unreachable(format!("no answer from {}: {e}", self.url)))?;
        if answer.status().is_success() { Ok(answer) } else { Err(problem(answer)) }
    }

    fn json_of(&self, answer: Response<Body>) -> Result<Value, Failure> {
        let text = answer
            .into_body()
            .into_with_config()
            .limit(LARGEST)
            .read_to_vec()
            .map_err(|e| Failure::unreachable(format!("the answer of {} broke off: {e}", self.url)))?;
        serde_json::from_slice(&text).map_err(|_| Failure::plain(format!("{} does not answer like Mission Control", self.url)))
    }
}

fn agent(within: Option<Duration>) -> Agent {
    built(Agent::config_builder().timeout_global(within))
}

fn built(config: ureq::config::ConfigBuilder<ureq::typestate::AgentScope>) -> Agent {
    config
        .http_status_as_error(false)
        // A token is sent to the address that was given, and to no other.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_connect(Some(Duration::from_secs(2)))
        .build()
        .new_agent()
}

fn problem(answer: Response<Body>) -> Failure {
    let status = answer.status().as_u16();
    let exit = if matches!(status, 429 | 503) { Exit::Busy } else { Exit::Failure };
    let body = answer.into_body().into_with_config().limit(1024 * 1024).read_to_vec().unwrap_or_default();
    let Ok(told) = serde_json::from_slice::<Value>(&body) else {
        return Failure { exit, text: format!("the server answered {status}"), unreachable: false };
    };
    let mut text = told["detail"].as_str().unwrap_or("the server refused").to_owned();
    if let Some(next) = told["next"].as_str() {
        text.push('\n');
        text.push_str(next);
    }
    Failure { exit, text, unreachable: false }
}
