//! Projects and the rules that say where a ticket's work happens.

use std::path::{Path, PathBuf};

/// A project as configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// Its name, as on tickets.
    pub name: String,
    /// Other spellings.
    pub aliases: Vec<String>,
    /// Where its work happens; relative to the workspace root, or absolute.
    pub cwd: Option<PathBuf>,
    /// Its default profile.
    pub profile: Option<String>,
}

/// Where a ticket of this project works, by the first rule that fits:
/// a configured project's folder; general or PKA → `PKA`; Mission Control → `mission-control`;
/// infrastructure, life, finance, machine ops → the root; a folder with the project's slug; else the root.
/// A folder that a rule names but that is not there falls back to the root, except a configured one.
#[must_use]
pub fn cwd_for(project: &str, projects: &[Project], root: &Path, exists: &dyn Fn(&Path) -> bool) -> PathBuf {
    let wanted = slug(project);
    if let Some(found) = find(project, projects)
        && let Some(cwd) = &found.cwd
    {
        return root.join(cwd);
    }
    let folder = match wanted.as_str() {
        "" | "general" | "pka" => Some("PKA".to_owned()),
        "mission-control" | "mc" => Some("mission-control".to_owned()),
        "infrastructure" | "life" | "finance" | "machine-ops" => None,
        other => Some(other.to_owned()),
    };
    match folder.map(|f| root.join(f)) {
        Some(path) if exists(&path) => path,
        Some(_) | None => root.to_path_buf(),
    }
}

/// The configured project of this name or alias.
#[must_use]
pub fn find<'a>(project: &str, projects: &'a [Project]) -> Option<&'a Project> {
    let wanted = slug(project);
    if wanted.is_empty() {
        return None;
    }
    projects.iter().find(|p| slug(&p.name) == wanted || p.aliases.iter().any(|a| slug(a) == wanted))
}

/// Lower case, everything but letters and digits as single dashes. Never holds a dot or a slash.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(project: &str) -> String {
        let there = |p: &Path| p.ends_with("PKA") || p.ends_with("mission-control") || p.ends_with("tideline-api");
        let projects =
            [Project { name: "Ledger".into(), aliases: vec!["books".into()], cwd: Some("money/ledger".into()), profile: None }];
        cwd_for(project, &projects, Path::new("/w"), &there).display().to_string()
    }

    #[test]
    fn each_rule_names_its_folder() {
        assert_eq!(place(""), "/w/PKA");
        assert_eq!(place("General"), "/w/PKA");
        assert_eq!(place("MC"), "/w/mission-control");
        assert_eq!(place("Machine Ops"), "/w");
        assert_eq!(place("Tideline API"), "/w/tideline-api");
        assert_eq!(place("Books"), "/w/money/ledger");
        assert_eq!(place("never seen"), "/w");
    }

    #[test]
    fn a_project_name_cannot_leave_the_workspace() {
        assert_eq!(place("../../etc"), "/w");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("/etc/passwd\0"), "etc-passwd");
    }
}
