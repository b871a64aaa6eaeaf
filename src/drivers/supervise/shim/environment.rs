//! What an agent inherits: everything but other agents' keys and our own secrets, then what its profile adds.

use crate::drivers::runtime;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Beside what each runtime names as its own: keys of agents and services that have no runtime here, and what is ours.
/// One agent started from within another must not believe that it is the other.
const SCRUBBED: &[&str] = &[
    "GEMINI_",
    "GOOGLE_API",
    "GOOGLE_GENAI",
    "AWS_BEARER_TOKEN_BEDROCK",
    "OPENROUTER_",
    "GROQ_",
    "MISTRAL_",
    "DEEPSEEK_",
    "MOONSHOT_",
    "ZHIPU",
    "TELEGRAM_",
    "MC_",
];

/// The agent's environment: the inherited one without the scrubbed names, then those of them that are named in
/// `env_from`, then `env`.
#[must_use]
pub fn scrub(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    env_from: &[String],
    env: &BTreeMap<String, String>,
) -> BTreeMap<OsString, OsString> {
    let mut kept: BTreeMap<OsString, OsString> = vars
        .into_iter()
        .filter(|(name, _)| !is_scrubbed(name) || env_from.iter().any(|wanted| OsStr::new(wanted) == name))
        .collect();
    kept.extend(env.iter().map(|(name, value)| (name.into(), value.into())));
    kept
}

fn is_scrubbed(name: &OsStr) -> bool {
    SCRUBBED.iter().copied().chain(runtime::variables()).any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        list.iter().map(|(n, v)| (n.into(), v.into())).collect()
    }

    fn names(map: &BTreeMap<OsString, OsString>) -> Vec<&str> {
        map.keys().map(|n| n.to_str().unwrap()).collect()
    }

    #[test]
    fn keys_and_our_own_secrets_do_not_reach_the_agent() {
        let inherited = vars(&[
            ("PATH", "/bin"),
            ("HOME", "/home/op"),
            ("LANG", "C.UTF-8"),
            ("ANTHROPIC_API_KEY", "k"),
            ("CLAUDECODE", "1"),
            ("CLAUDE_PID", "7"),
            ("OPENAI_API_KEY", "k"),
            ("GEMINI_API_KEY", "k"),
            ("GOOGLE_API_KEY", "k"),
            ("GOOGLE_GENAI_USE_VERTEXAI", "1"),
            ("GOOGLE_CLOUD_PROJECT", "p"),
            ("AWS_BEARER_TOKEN_BEDROCK", "k"),
            ("AWS_PROFILE", "work"),
            ("OPENROUTER_API_KEY", "k"),
            ("GROQ_API_KEY", "k"),
            ("MISTRAL_API_KEY", "k"),
            ("DEEPSEEK_API_KEY", "k"),
            ("MOONSHOT_API_KEY", "k"),
            ("ZHIPUAI_API_KEY", "k"),
            ("TELEGRAM_BOT_TOKEN", "k"),
            ("MC_ADMIN_TOKEN", "k"),
            ("MC_RUN_DIR", "/another/run"),
        ]);
        let env = scrub(inherited, &[], &BTreeMap::new());
        assert_eq!(names(&env), ["AWS_PROFILE", "GOOGLE_CLOUD_PROJECT", "HOME", "LANG", "PATH"]);
    }

    #[test]
    fn what_the_profile_names_comes_back_and_what_it_sets_wins() {
        let inherited = vars(&[("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", "far"), ("CLAUDECODE", "1")]);
        let set = BTreeMap::from([("ANTHROPIC_BASE_URL".to_owned(), "near".to_owned())]);
        let from = ["ANTHROPIC_API_KEY".to_owned(), "ANTHROPIC_BASE_URL".to_owned(), "NOT_THERE".to_owned()];
        let env = scrub(inherited, &from, &set);
        assert_eq!(names(&env), ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]);
        assert_eq!(env[OsStr::new("ANTHROPIC_BASE_URL")], "near");
    }
}
