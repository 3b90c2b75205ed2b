//! One command line of cargo: its variables and arguments, how it is printed and run.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A cargo command line, run in the root of the workspace.
#[derive(Debug)]
pub(crate) struct Cargo {
    variables: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Cargo {
    /// Splits `line` at spaces: `Cargo::new("fmt --check")`.
    pub(crate) fn new(line: &str) -> Self {
        let arguments = line.split_whitespace().map(str::to_owned).collect();
        Self {
            variables: Vec::new(),
            arguments,
        }
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// More arguments, split at spaces.
    pub(crate) fn args(mut self, words: &str) -> Self {
        let words = words.split_whitespace().map(str::to_owned);
        self.arguments.extend(words);
        self
    }

    pub(crate) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Other compiler flags, in a target directory of their own: otherwise every dependency would
    /// be compiled again at each change of flags.
    pub(crate) fn flags(self, flags: &str, directory: &str) -> Self {
        let base = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
        self.env("RUSTFLAGS", flags)
            .env("CARGO_TARGET_DIR", format!("{base}/{directory}"))
    }

    fn run(&self) -> Result<(), String> {
        println!("$ {self}");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let status = Command::new(cargo)
            .current_dir(root())
            .envs(variables)
            .args(&self.arguments)
            .status()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{status}; to repeat:\n  {self}"))
        }
    }
}

/// As it would be typed into a shell.
impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "cargo")?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '*', '$']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

/// Runs the commands one after the other until one fails.
pub(crate) fn run_all(commands: &[Cargo]) -> Result<(), String> {
    commands.iter().try_for_each(Cargo::run)
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a failure prints can be pasted.
    #[test]
    fn printed_command_is_quoted_for_a_shell() {
        let cargo = Cargo::new("test -p  loom-tests")
            .env("RUSTFLAGS", "--cfg loom")
            .arg("two words");
        assert_eq!(
            cargo.to_string(),
            "RUSTFLAGS='--cfg loom' cargo test -p loom-tests 'two words'"
        );
    }
}
