//! A profile with a scripted agent, as a test wants it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");

/// One profile with a scripted agent, and a project of the same name that uses it.
pub struct Agent {
    pub name: String,
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub more: String,
    pub cwd: Option<PathBuf>,
}

/// The scripted agent in this mode.
pub fn agent(mode: &str) -> Agent {
    // Not a wrapper that picks a version anew at each start.
    let python = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| Path::new(p).exists()).unwrap_or("python3");
    Agent {
        name: mode.to_owned(),
        command: [python, "-S", "-E", AGENT, mode].map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        more: String::new(),
        cwd: None,
    }
}

impl Agent {
    /// Under another name.
    pub fn named(mut self, name: &str) -> Agent {
        self.name = name.to_owned();
        self
    }

    /// Another program.
    pub fn command(mut self, command: &[&str]) -> Agent {
        self.command = command.iter().map(|s| (*s).to_owned()).collect();
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, key: &str, value: impl ToString) -> Agent {
        self.env.insert(key.to_owned(), value.to_string());
        self
    }

    /// A further line of its profile.
    pub fn with(mut self, line: &str) -> Agent {
        self.more.push_str(line);
        self.more.push('\n');
        self
    }

    /// Works there and not in the plain folder.
    pub fn cwd(mut self, cwd: &Path) -> Agent {
        self.cwd = Some(cwd.to_owned());
        self
    }
}
