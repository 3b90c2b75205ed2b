//! `cargo xtask conformance`: published test suites against the stand-in named `tokio`.
//!
//! The runner is `xtask/conformance/run_suite.py` (nextest's reports and generated manifests are easiest
//! in Python); this file starts it per suite and lets `write_page.py` make the page.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::root;

/// Test files of tokio's own suite that CI runs: quick ones of each area.
const QUICK: &str = "coop_budget,io_async_fd,io_copy_bidirectional,join_handle_panic,macros_select,\
                     net_unix_pipe,rt_common,rt_handle,rt_local,sync_broadcast,sync_mpsc,sync_notify,\
                     sync_rwlock,sync_semaphore,sync_watch,task_join_set,task_local_set,tcp_peek,\
                     time_pause,time_sleep,udp,unwindsafe";

/// Runs the named suites, or all, and writes `docs/compatibility.md` when all were run.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let results = root().join("target/conformance");
    fs::create_dir_all(&results).map_err(|error| format!("{results:?}: {error}"))?;
    let mut failed = Vec::new();
    let all = suites()?;
    let chosen: Vec<&str> = match names {
        [] => all.iter().map(String::as_str).collect(),
        names => names.to_vec(),
    };
    if let Some(unknown) = chosen
        .iter()
        .find(|name| !all.iter().any(|one| one == *name))
    {
        return Err(format!(
            "no suite `{unknown}`; there are {}",
            all.join(", ")
        ));
    }
    for name in chosen {
        let json = results.join(format!("{name}.json"));
        if !suite(&[name, "-v", "--json", &json.display().to_string()])? {
            failed.push(name);
        }
    }
    write_page(&results)?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("not all tests pass in {}", failed.join(", ")))
    }
}

/// The part that CI has time for.
pub(crate) fn quick() -> Result<(), String> {
    if suite(&["tokio", "-v", "--files", QUICK])? {
        Ok(())
    } else {
        Err("not all of tokio's tests that CI runs pass".to_owned())
    }
}

/// Runs one suite; whether all its tests passed.
fn suite(arguments: &[&str]) -> Result<bool, String> {
    let tokio = root().join("tokio");
    let mut command = python("run_suite.py");
    command.args(arguments).arg("--tokio").arg(tokio);
    let status = command
        .status()
        .map_err(|error| format!("python3 does not start: {error}"))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(format!("run_suite.py could not go on: {status}")),
    }
}

fn write_page(results: &Path) -> Result<(), String> {
    let status = python("write_page.py")
        .arg(results)
        .arg(root().join("docs/compatibility.md"))
        .status()
        .map_err(|error| format!("python3 does not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("write_page.py: {status}"))
    }
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(root().join("xtask/conformance").join(script));
    command
}

/// Names of the suites: the tables of `suites.toml` that are not part of another.
fn suites() -> Result<Vec<String>, String> {
    let path = root().join("xtask/conformance/suites.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    Ok(names(&text))
}

fn names(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .filter(|name| !name.contains('.'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_the_outer_tables() {
        assert_eq!(
            names("[a]\nx = 1\n[a.leave_out]\ny = \"z\"\n[b-c]\n"),
            ["a", "b-c"]
        );
        assert!(suites().unwrap().contains(&"tokio".to_owned()));
    }

    /// A typo would quietly run nothing of that file.
    #[test]
    fn ci_runs_files_that_have_a_control() {
        let path = root().join("xtask/conformance/control/tokio.json");
        let control: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for file in QUICK.split(',') {
            assert!(control["files"].get(file).is_some(), "{file}");
        }
    }
}
