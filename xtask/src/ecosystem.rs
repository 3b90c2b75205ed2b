//! `cargo xtask ecosystem`: programs of published crates run on `runtime`.
//!
//! `examples/ecosystem` is a workspace of its own, where `[patch.crates-io]` puts our package
//! `tokio` under axum, tonic, quinn and others. Its programs check their own answers. What they
//! cannot see is checked here in the graph of packages: a second tokio beside ours (a patch whose
//! version fits no longer is only a warning of cargo) would pass every one of them.

use std::collections::BTreeMap;
use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{self, Cargo, root};

const MANIFEST: &str = "examples/ecosystem/Cargo.toml";

/// What a program may take; the slowest needs a few seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Programs that CI builds and runs: they share most of their crates and need no server beside them.
const QUICK: &[&str] = &["json_api", "tls", "websocket"];

/// The part that CI has time for.
pub(crate) fn quick() -> Result<(), String> {
    run(QUICK)
}

/// Builds and runs the named programs, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let metadata = metadata()?;
    only_our_tokio(&metadata, &root())?;
    let programs = programs(&metadata);
    let unknown = names
        .iter()
        .find(|name| !programs.iter().any(|p| p == *name));
    if let Some(name) = unknown {
        return Err(format!(
            "no program `{name}`; there are {}",
            programs.join(", ")
        ));
    }

    let chosen: Vec<&str> = programs
        .iter()
        .map(String::as_str)
        .filter(|program| names.is_empty() || names.contains(program))
        .collect();

    let target = target();
    let format = Cargo::new("fmt --check --manifest-path").arg(MANIFEST);
    let build = Cargo::new("build --locked --manifest-path")
        .arg(MANIFEST)
        .env("CARGO_TARGET_DIR", target.display().to_string());
    let build = chosen
        .iter()
        .fold(build, |build, program| build.arg("--bin").arg(*program));
    command::run_all(&[format, build])?;

    let mut failed = Vec::new();
    for program in chosen {
        let path = target.join("debug").join(program);
        match line_of(&path) {
            Ok(line) => println!("{line}"),
            Err(problem) => failed.push(format!("{program}: {problem}")),
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n"))
    }
}

/// An absolute directory beside those of the other commands.
fn target() -> PathBuf {
    let base = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(base).join("ecosystem")
}

fn metadata() -> Result<Value, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(root().join(MANIFEST))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata of {MANIFEST}: {}", output.status));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata of {MANIFEST}: {error}"))
}

/// Whether our package, by its path, is the only tokio in the graph.
fn only_our_tokio(metadata: &Value, root: &Path) -> Result<(), String> {
    let ours = root.join("tokio/Cargo.toml");
    let mut found = false;
    let mut others = Vec::new();
    for package in list(&metadata["packages"]).filter(|package| package["name"] == "tokio") {
        let manifest = Path::new(text(&package["manifest_path"]));
        if package["source"].is_null() && manifest == ours {
            found = true;
            continue;
        }
        let source = package["source"]
            .as_str()
            .unwrap_or(text(&package["manifest_path"]));
        others.push(format!(
            "tokio {} of {source} is in the graph, asked for by {}",
            text(&package["version"]),
            dependents(metadata, &package["id"]).join(", ")
        ));
    }
    if !found {
        others.push(format!(
            "our stand-in {} is not in the graph; does its version still fit what the crates ask for?",
            ours.display()
        ));
    }
    if others.is_empty() {
        Ok(())
    } else {
        Err(format!("{MANIFEST}: {}", others.join("; ")))
    }
}

/// Names of the packages that depend on the one with that id.
fn dependents<'a>(metadata: &'a Value, id: &Value) -> Vec<&'a str> {
    let names: BTreeMap<&str, &str> = list(&metadata["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    list(&metadata["resolve"]["nodes"])
        .filter(|node| list(&node["dependencies"]).any(|dependency| dependency == id))
        .map(|node| names.get(text(&node["id"])).copied().unwrap_or("?"))
        .collect()
}

fn programs(metadata: &Value) -> Vec<String> {
    list(&metadata["packages"])
        .filter(|package| package["name"] == "ecosystem")
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).any(|kind| kind == "bin"))
        .map(|target| text(&target["name"]).to_owned())
        .collect()
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or([].iter(), |items| items.iter())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Runs a program; the one line that it printed.
fn line_of(program: &Path) -> Result<String, String> {
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("does not start: {error}"))?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < LIMIT => sleep(Duration::from_millis(10)),
            Ok(None) => {
                end(&mut child);
                return Err(format!("still running after {} s", LIMIT.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    if !status.success() {
        // Servers that it started may have outlived it.
        end(&mut child);
        return Err(format!("{status}; to repeat:\n  {}", program.display()));
    }
    let mut output = String::new();
    let mut pipe = child.stdout.take().ok_or("no pipe to its output")?;
    pipe.read_to_string(&mut output)
        .map_err(|error| format!("its output: {error}"))?;
    match output.trim_end() {
        "" => Err("ended well but printed nothing".to_owned()),
        line => Ok(line.to_owned()),
    }
}

/// Kills the program with the servers that it started, which share its process group.
fn end(child: &mut Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(packages: &[(&str, &str, Option<&str>)]) -> Value {
        let packages: Vec<Value> = packages
            .iter()
            .map(|(id, manifest, source)| {
                let (name, version) = id.split_once('@').expect("name@version");
                json!({
                    "id": id, "name": name, "version": version, "source": source,
                    "manifest_path": manifest, "targets": [{"kind": ["bin"], "name": "tls"}],
                })
            })
            .collect();
        json!({
            "packages": packages,
            "resolve": {"nodes": [{"id": "axum@1.0.0", "dependencies": ["tokio@1.60.0"]}]},
        })
    }

    const OURS: (&str, &str, Option<&str>) = ("tokio@1.54.1", "/code/tokio/Cargo.toml", None);
    const AXUM: (&str, &str, Option<&str>) = ("axum@1.0.0", "/axum/Cargo.toml", Some("registry"));

    #[test]
    fn our_tokio_alone_is_accepted() {
        only_our_tokio(&graph(&[OURS, AXUM]), Path::new("/code")).expect("accepted");
    }

    #[test]
    fn a_second_tokio_is_named_with_who_asks_for_it() {
        let published = ("tokio@1.60.0", "/tokio-1.60.0/Cargo.toml", Some("registry"));
        let problem = only_our_tokio(&graph(&[OURS, AXUM, published]), Path::new("/code"))
            .expect_err("two of them");
        assert!(
            problem.contains("tokio 1.60.0 of registry is in the graph, asked for by axum"),
            "{problem}"
        );
    }

    #[test]
    fn a_stand_in_from_elsewhere_or_none_is_refused() {
        for packages in [&[OURS][..], &[]] {
            let problem = only_our_tokio(&graph(packages), Path::new("/elsewhere"))
                .expect_err("not that one");
            assert!(
                problem.contains("/elsewhere/tokio/Cargo.toml is not in the graph"),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_program_that_fails_or_says_nothing_is_told() {
        let silent = line_of(Path::new("true")).expect_err("no line");
        assert!(silent.contains("printed nothing"), "{silent}");
        let failed = line_of(Path::new("false")).expect_err("exit code 1");
        assert!(failed.contains("to repeat"), "{failed}");
        let missing = line_of(Path::new("no-such-program")).expect_err("not there");
        assert!(missing.contains("does not start"), "{missing}");
    }
}
