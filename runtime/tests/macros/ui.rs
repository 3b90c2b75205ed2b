//! Pins the texts of macro errors: `tests/ui/*.rs` do not compile, and say why.
//!
//! The compiler writes part of these texts, so one release of it is the judge. After a change:
//! `TRYBUILD=overwrite cargo test -p runtime --test macros ui`, and read the difference.

use std::env;
use std::process::Command;

/// The compiler whose words are in the `.stderr` files.
const PINNED: &str = "rustc 1.95.";

/// Why the texts are not compared in this run, if they are not.
fn skipped() -> Option<String> {
    // A run under a sanitizer must not build a second tree with other flags.
    let asked = ["RUNTIME_SKIP_UI", "RUNTIME_SANITIZED"];
    if let Some(variable) = asked.into_iter().find(|name| env::var_os(name).is_some()) {
        return Some(format!("{variable} is set"));
    }
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = match Command::new(compiler).arg("--version").output() {
        Ok(output) => output,
        Err(error) => return Some(format!("there is no compiler to ask: {error}")),
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!version.starts_with(PINNED)).then(|| format!("{version} words its errors otherwise"))
}

#[test]
fn errors_say_what_to_do() {
    match skipped() {
        Some(reason) => println!("skipped: {reason}"),
        None => trybuild::TestCases::new().compile_fail("tests/ui/*.rs"),
    }
}
