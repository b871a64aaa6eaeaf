//! `mission-control ask-model`: one question to a model's API, OpenAI- or Anthropic-compatible, run under a shim like an
//! agent. Where, with which key and in which of the two languages stands in its environment, never in its arguments.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The exit code of a task whose login is refused (`EX_NOPERM`). Commands may use it too.
pub const REFUSED: u8 = 77;
/// Bytes of a prompt, and of an answer.
const MOST: u64 = 8 * 1024 * 1024;
/// Tokens of an answer, where that must be said.
const MAX_TOKENS: u32 = 16_384;
/// A task's own time limit is shorter; this only keeps a dead connection from staying for ever.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Why there is no answer.
struct Failed {
    code: u8,
    text: String,
}

fn failed(text: impl Into<String>) -> Failed {
    Failed { code: 1, text: text.into() }
}

/// The prompt from the standard input, the answer to the standard output.
#[must_use]
pub fn main(model: Option<&str>) -> ExitCode {
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let asked = prompt().and_then(|prompt| ask(&env, model, &prompt));
    match asked {
        Ok(text) => {
            let mut out = std::io::stdout();
            let written = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            eprintln!("{}", e.text);
            ExitCode::from(e.code)
        }
    }
}

fn prompt() -> Result<String, Failed> {
    let mut text = String::new();
    std::io::stdin().take(MOST).read_to_string(&mut text).map_err(|e| failed(format!("the prompt is not readable: {e}")))?;
    Ok(text)
}

/// The request in one of the two languages.
struct Request {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn request(env: &dyn Fn(&str) -> Option<String>, model: Option<&str>, prompt: &str) -> Result<Request, Failed> {
    let messages = json!([{ "role": "user", "content": prompt }]);
    let model = model.ok_or_else(|| failed("the profile names no model"))?;
    let trimmed = |url: String| url.trim_end_matches('/').to_owned();
    let anthropic = ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"].iter().any(|name| env(name).is_some());
    if anthropic {
        let base = trimmed(env("ANTHROPIC_BASE_URL").unwrap_or_else(|| "https://api.anthropic.com".to_owned()));
        let mut headers = vec![("anthropic-version", "2023-06-01".to_owned())];
        headers.extend(env("ANTHROPIC_API_KEY").map(|key| ("x-api-key", key)));
        headers.extend(env("ANTHROPIC_AUTH_TOKEN").map(|token| ("authorization", format!("Bearer {token}"))));
        let body = json!({ "model": model, "max_tokens": MAX_TOKENS, "messages": messages });
        return Ok(Request { url: format!("{base}/v1/messages"), headers, body });
    }
    let base = trimmed(env("OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".to_owned()));
    let headers = env("OPENAI_API_KEY").map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect();
    Ok(Request { url: format!("{base}/chat/completions"), headers, body: json!({ "model": model, "messages": messages }) })
}

fn ask(env: &dyn Fn(&str) -> Option<String>, model: Option<&str>, prompt: &str) -> Result<String, Failed> {
    let asked = request(env, model, prompt)?;
    // Redirects are not followed: a key goes where the operator sent it.
    let agent: ureq::Agent =
        ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
    let mut post = agent.post(&asked.url);
    for (name, value) in &asked.headers {
        post = post.header(*name, value);
    }
    let mut answer = post.send_json(&asked.body).map_err(|e| failed(format!("the model's service cannot be reached: {e}")))?;
    let status = answer.status().as_u16();
    let text =
        answer.body_mut().with_config().limit(MOST).read_to_string().map_err(|e| failed(format!("the answer broke off: {e}")))?;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status != 200 {
        let why = value["error"]["message"].as_str().or_else(|| value["error"].as_str()).unwrap_or_default();
        let why: String = why.chars().take(500).collect();
        let code = if matches!(status, 401 | 403) { REFUSED } else { 1 };
        return Err(Failed { code, text: format!("the model's service answered {status} {why}").trim_end().to_owned() });
    }
    said(&value).ok_or_else(|| failed("the model's service answered with something that holds no text"))
}

/// The text of an answer in either language.
fn said(value: &Value) -> Option<String> {
    if let Some(text) = value["choices"][0]["message"]["content"].as_str() {
        return Some(text.to_owned());
    }
    let parts: Vec<&str> = value["content"].as_array()?.iter().filter_map(|part| part["text"].as_str()).collect();
    (!parts.is_empty()).then(|| parts.join(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(vars: &[(&str, &str)]) -> Request {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        request(&env, Some("m"), "hello").ok().expect("a request")
    }

    #[test]
    fn the_environment_decides_where_and_in_which_language() {
        let a = made(&[("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/"), ("ANTHROPIC_API_KEY", "k")]);
        assert_eq!(a.url, "http://127.0.0.1:9/v1/messages");
        assert!(a.headers.contains(&("x-api-key", "k".to_owned())) && a.body["max_tokens"].is_number());
        let o = made(&[("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"), ("OPENAI_API_KEY", "k")]);
        assert_eq!(o.url, "http://127.0.0.1:9/v1/chat/completions");
        assert_eq!(o.headers, [("authorization", "Bearer k".to_owned())]);
        assert!(request(&|_| None, None, "x").is_err());
    }

    #[test]
    fn both_kinds_of_answer_are_read_and_others_are_not() {
        assert_eq!(said(&json!({"choices": [{"message": {"content": "a"}}]})).as_deref(), Some("a"));
        assert_eq!(
            said(&json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})).as_deref(),
            Some("ab")
        );
        for odd in [json!({}), json!({"content": []}), json!([]), Value::Null, json!({"choices": []})] {
            assert_eq!(said(&odd), None, "{odd}");
        }
    }
}
