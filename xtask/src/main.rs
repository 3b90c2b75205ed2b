//! The project's commands: `cargo xtask <command>`. CI calls exactly these.
//!
//! Each step is a list of cargo command lines (`steps`), run one after the other (`command`);
//! a step that fails prints the line that repeats it. `tidy` holds the rules of the house that no
//! compiler checks; `deny` looks at the dependencies; `api` ticks tokio's API off.

#![forbid(unsafe_code)]

mod api;
mod command;
mod conformance;
mod deny;
mod ecosystem;
mod steps;
mod tidy;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
cargo xtask <command>

  check            fmt, clippy, rustdoc and tidy, without warnings
  test             the tests of the default members, as users run them
  std-models       the loom models on plain threads
  features         check each feature of `runtime` alone, none, all
  loom [name]      the loom models; a test file of loom-tests, or part of a test's name
  loom-nightly     the loom models with their wide bounds (half an hour and more)
  shuttle [name]   random schedules of the whole runtime
  san thread       ThreadSanitizer over the tests of the default members
  san address      AddressSanitizer with leak check over the same tests
  bench [filter…]  the table of runtimes in paired rounds; --rounds N, --ms N
  tidy             the rules of the house
  deny             licences, duplicates and sources of the dependencies
  api              tick tokio's API off into docs/api.md
  api check        whether that page says what the code does
  conformance [suite…]  published suites against the stand-in; writes docs/compatibility.md
  conformance quick     the part of them that CI has time for
  ecosystem [program…]  programs of published crates (axum, tonic, quinn, …) on the stand-in
  ecosystem quick       those of them that CI has time for
  ci               check, api check, deny, test, std-models, features, loom, shuttle, san thread,
                   san address, ecosystem quick, conformance quick
  fuzz [target]    the fuzz targets, a minute each; needs `cargo install cargo-fuzz`
  nightly          loom-nightly, long shuttle, many property cases, every bench once, fuzz";

/// What `ci` runs: the quickest failure first.
const CI: [&[&str]; 12] = [
    &["check"],
    &["api", "check"],
    &["deny"],
    &["test"],
    &["std-models"],
    &["features"],
    &["loom"],
    &["shuttle"],
    &["san", "thread"],
    &["san", "address"],
    &["ecosystem", "quick"],
    &["conformance", "quick"],
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\n{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let commands = match arguments {
        ["check"] => {
            command::run_all(&steps::check())?;
            return tidy::run();
        }
        ["tidy"] => return tidy::run(),
        ["deny"] => return deny::run(),
        ["api"] => return api::run(false),
        ["api", "check"] => return api::run(true),
        ["conformance", "quick"] => return conformance::quick(),
        ["conformance", suites @ ..] => return conformance::run(suites),
        ["ecosystem", "quick"] => return ecosystem::quick(),
        ["ecosystem", programs @ ..] => return ecosystem::run(programs),
        ["ci"] => return ci(),
        ["test"] => steps::test(),
        ["std-models"] => steps::std_models(),
        ["features"] => steps::features()?,
        ["loom"] => steps::loom(None),
        ["loom", name] => steps::loom(Some(name)),
        ["loom-nightly"] => steps::loom_nightly(),
        ["shuttle"] => steps::shuttle(None),
        ["shuttle", name] => steps::shuttle(Some(name)),
        ["san", "thread"] => steps::sanitize_threads(),
        ["san", "address"] => steps::sanitize_addresses(),
        ["bench", filters @ ..] => steps::bench(filters),
        ["fuzz"] => steps::fuzz(None),
        ["fuzz", name] => match steps::fuzz(Some(name)) {
            none if none.is_empty() => return Err(format!("no fuzz target `{name}`")),
            one => one,
        },
        ["nightly"] => steps::nightly(),
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            return Ok(());
        }
        other => return Err(format!("no command `{}`\n\n{HELP}", other.join(" "))),
    };
    command::run_all(&commands)
}

/// Runs all steps of [`CI`], stops at the first failure, and prints the time of each.
fn ci() -> Result<(), String> {
    let start = Instant::now();
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for step in CI {
        let name = step.join(" ");
        println!("\n==== {name}");
        let begun = Instant::now();
        outcome = run(step)
            .map_err(|problem| format!("{problem}\nstep `{name}` failed: cargo xtask {name}"));
        times.push((name, begun.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    println!("\n==== times");
    for (name, time) in &times {
        println!("{name:<18}{}", in_seconds(*time));
    }
    println!("{:<18}{}", "sum", in_seconds(start.elapsed()));
    outcome
}

fn in_seconds(time: Duration) -> String {
    format!("{:>8.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A typo in a workflow must not pass as a successful step.
    #[test]
    fn unknown_commands_are_refused() {
        for arguments in [
            &["lom"][..],
            &["san"],
            &["san", "memory"],
            &["check", "fast"],
        ] {
            let problem = run(arguments).expect_err("accepted");
            assert!(problem.starts_with("no command"), "{problem}");
        }
    }

    #[test]
    fn help_names_every_step_of_ci() {
        for step in CI {
            assert!(
                HELP.contains(&format!("\n  {}", step.join(" "))),
                "{step:?} is not in the help"
            );
        }
    }
}
