//! `cargo xtask deny`: licences, duplicates and sources of every package in the graph.
//!
//! The lists are those of `deny.toml`. Our own check needs no tool, so CI runs it; where cargo-deny is
//! installed it runs, too, for it also knows advisories.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::root;

const INSTALL: &str = "cargo-deny is not installed, so nobody looked for advisories: \
                       cargo install --locked cargo-deny (some minutes)";

pub(crate) fn run() -> Result<(), String> {
    let path = root().join("deny.toml");
    let rules = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let packages = packages(&metadata()?);
    let problems = problems(&packages, &rules);
    if !problems.is_empty() {
        return Err(format!(
            "{}\ndeny: {} problems; the lists are in deny.toml",
            problems.join("\n"),
            problems.len()
        ));
    }
    println!("deny: {} packages are in order", packages.len());
    if !cargo(&["deny", "--version"]).is_ok_and(|it| it.success()) {
        println!("{INSTALL}");
        return Ok(());
    }
    match Command::new(cargo_path())
        .current_dir(root())
        .args(["deny", "check"])
        .status()
    {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}; to repeat: cargo deny check")),
        Err(error) => Err(format!("cargo does not start: {error}")),
    }
}

/// What the check looks at.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// None for members of the workspace.
    source: Option<String>,
}

fn cargo_path() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo without its output; whether it succeeded.
fn cargo(arguments: &[&str]) -> std::io::Result<std::process::ExitStatus> {
    Command::new(cargo_path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
}

fn metadata() -> Result<Value, String> {
    let output = Command::new(cargo_path())
        .current_dir(root())
        .args(["metadata", "--format-version=1", "--locked"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn packages(metadata: &Value) -> Vec<Package> {
    let all = metadata["packages"].as_array().into_iter().flatten();
    all.map(|package| {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        Package {
            name: text("name"),
            version: text("version"),
            licence: text("license"),
            source: package["source"].as_str().map(str::to_owned),
        }
    })
    .collect()
}

/// Everything that `rules`, the text of `deny.toml`, does not allow.
fn problems(packages: &[Package], rules: &str) -> Vec<String> {
    let allowed = list(rules, "licenses", "allow");
    let skipped = list(rules, "bans", "skip");
    let registries = list(rules, "sources", "allow-registry");
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let Package {
            name,
            version,
            licence,
            source,
        } = package;
        versions.entry(name).or_default().push(version);
        if !is_allowed(licence, &allowed) {
            problems.push(format!(
                "{name} {version}: the licence `{licence}` is not in [licenses]"
            ));
        }
        let registry = source
            .as_deref()
            .map(|it| it.trim_start_matches("registry+"));
        if registry.is_some_and(|it| !registries.iter().any(|one| one == it)) {
            let source = source.as_deref().unwrap_or_default();
            problems.push(format!("{name} {version}: {source} is not in [sources]"));
        }
    }
    for name in &skipped {
        if versions.get(name.as_str()).is_none_or(|it| it.len() < 2) {
            problems.push(format!("`{name}` has one version: take it out of [bans]"));
        }
    }
    versions.retain(|name, them| them.len() > 1 && !skipped.iter().any(|it| it == name));
    let several = versions.into_iter().map(|(name, them)| {
        let them = them.join(" and ");
        format!("{name}: {them} are both in the graph: agree on one, or name it in [bans]")
    });
    problems.extend(several);
    problems
}

/// The strings of `key = [ … ]` in a section of a TOML file of that plain kind.
fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    let lines = text
        .lines()
        .skip_while(|line| line.trim() != format!("[{section}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let mut is_in = false;
    let mut found = Vec::new();
    for line in lines {
        let line = line.split(" #").next().unwrap_or_default();
        is_in |= line.split('=').next().is_some_and(|it| it.trim() == key);
        if is_in {
            found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
            if line.contains(']') {
                break;
            }
        }
    }
    found
}

/// Whether an expression of SPDX, or `A/B` as of old, holds with the allowed licences alone.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !words.is_empty() && either(&words, &mut at, allowed) && at == words.len()
}

/// Alternatives: binds less than [`both`].
fn either(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut holds = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= both(words, at, allowed);
    }
    holds
}

fn both(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut holds = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allowed);
    }
    holds
}

/// A licence, with its exception if it has one, or brackets.
fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let holds = either(words, at, allowed);
        *at += 1;
        return holds;
    }
    let mut licence = word.to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[licenses]\nallow = [\n    \"MIT\", # \"Not this\".\n    \"Unicode-3.0\",\n]\n\
                         [bans]\nskip = [\"twice\"]\n[sources]\nallow-registry = [\"https://index\"]\n";

    fn package(name: &str, version: &str, licence: &str, source: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: licence.to_owned(),
            source: source.map(str::to_owned),
        }
    }

    #[test]
    fn lists_are_read_without_their_comments() {
        assert_eq!(list(RULES, "licenses", "allow"), ["MIT", "Unicode-3.0"]);
        assert_eq!(list(RULES, "bans", "skip"), ["twice"]);
        assert!(list(RULES, "bans", "allow").is_empty());
    }

    #[test]
    fn licences_are_expressions() {
        let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "Unlicense/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT WITH x", "MIT)"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn duplicates_and_foreign_sources_are_found() {
        let index = Some("registry+https://index");
        let packages = [
            package("own", "0.1.0", "MIT", None),
            package("twice", "1.0.0", "MIT", index),
            package("twice", "2.0.0", "MIT", index),
            package("again", "1.0.0", "MIT", index),
            package("again", "2.0.0", "MIT", index),
            package("far", "1.0.0", "MIT", Some("git+https://elsewhere")),
        ];
        let found = problems(&packages, RULES);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("far 1.0.0"), "{found:?}");
        assert!(found[1].starts_with("again"), "{found:?}");
        let found = problems(&packages[..1], RULES);
        assert_eq!(found, ["`twice` has one version: take it out of [bans]"]);
    }
}
