//! The steps as cargo command lines.

use std::fs;

use crate::command::{Cargo, root};

/// Sanitizers need the target named, which keeps build scripts and macros uninstrumented.
const SANITIZED_TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn check() -> Vec<Cargo> {
    vec![
        Cargo::new("fmt --all --check"),
        // All members: the models, the benches and xtask are held to the same lints.
        Cargo::new("clippy --workspace --all-targets -- -D warnings"),
        Cargo::new("clippy -p runtime --all-targets --features tracing -- -D warnings"),
        Cargo::new("doc --no-deps").env("RUSTDOCFLAGS", "-Dwarnings"),
        Cargo::new("test --quiet -p xtask"),
    ]
}

pub(crate) fn test() -> Vec<Cargo> {
    vec![
        Cargo::new("test"),
        Cargo::new("test -p runtime --features tracing --test task_spans --test task_span_events"),
        Cargo::new("test -p runtime --features taskdump --test runtime dump::"),
        Cargo::new("test -p tokio --features full --test names"),
    ]
}

pub(crate) fn std_models() -> Vec<Cargo> {
    vec![Cargo::new("test -p loom-tests --features tracing")]
}

/// Features only add API, so each one alone, none and all cover what single gates can break.
pub(crate) fn features() -> Result<Vec<Cargo>, String> {
    let path = root().join("runtime/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let alone = leaf_features(&manifest).into_iter().map(|feature| {
        Cargo::new("check -p runtime --lib --no-default-features --features").arg(feature)
    });
    let mut commands = vec![Cargo::new("check -p runtime --lib --no-default-features")];
    commands.extend(alone);
    commands.push(Cargo::new("check -p runtime --lib --all-features"));
    Ok(commands)
}

/// Keys of `[features]`, less the sets of features.
fn leaf_features(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| !["default", "full"].contains(name))
        .collect()
}

/// Models print their iterations, so that a model that grows is seen; two run at a time.
pub(crate) fn loom(name: Option<&str>) -> Vec<Cargo> {
    vec![models("--cfg loom", "loom", name)]
}

pub(crate) fn loom_nightly() -> Vec<Cargo> {
    vec![models("--cfg loom", "loom", None).env("RUNTIME_LOOM_NIGHTLY", "1")]
}

pub(crate) fn shuttle(name: Option<&str>) -> Vec<Cargo> {
    // Only this file: loom models have no meaning under shuttle.
    let command = Cargo::new("test -p loom-tests --profile model --test shuttle")
        .flags("--cfg shuttle", "shuttle");
    let command = name.into_iter().fold(command, Cargo::arg);
    vec![command.arg("--").arg("--nocapture").arg("--test-threads=2")]
}

fn models(flags: &str, directory: &str, name: Option<&str>) -> Cargo {
    let mut command =
        Cargo::new("test -p loom-tests --features tracing --profile model").flags(flags, directory);
    if let Some(name) = name {
        let is_file = root().join(format!("loom-tests/tests/{name}.rs")).exists();
        if is_file {
            command = command.arg("--test");
        }
        command = command.arg(name);
    }
    command.arg("--").arg("--nocapture").arg("--test-threads=2")
}

/// Integration tests: binaries, and of some only these modules.
struct Tests {
    whole: &'static [&'static str],
    parts: &'static [(&'static str, &'static [&'static str])],
}

/// Under both sanitizers.
const SANITIZED: Tests = Tests {
    whole: &[
        "eintr",
        "emfile",
        "memory",
        "model",
        "net_accept_emfile",
        "time",
    ],
    parts: &[
        ("io", &["read", "write"]),
        ("runtime", &["block_in_place"]),
        (
            "sync",
            &[
                "barrier",
                "broadcast",
                "channels",
                "condvar",
                "locks",
                "mpmc",
                "once",
                "rwlock",
            ],
        ),
        ("task", &["combinations", "panics", "wakers"]),
    ],
};

/// Only under AddressSanitizer: ThreadSanitizer raises alarms where these tests or what they call
/// synchronise inside std (contended mutexes, printed panics, ends of thread scopes), which is not
/// instrumented.
const ADDRESS_ONLY: Tests = Tests {
    whole: &["driver", "fs", "macros", "macros_exit", "signal"],
    parts: &[
        ("io", &["async_fd", "streams"]),
        (
            "net",
            &[
                "faults",
                "tcp",
                "tcp_exact_fit",
                "udp",
                "unix_datagram",
                "unix_exact_fit",
                "unix_pipe",
                "unix_stream",
            ],
        ),
        ("process", &["command"]),
        (
            "runtime",
            &[
                "blocked_worker",
                "build",
                "fairness",
                "hooks",
                "metrics",
                "misuse",
                "shutdown",
            ],
        ),
        ("sync", &["watch"]),
        (
            "task",
            &[
                "cancellation",
                "coop",
                "handles",
                "inherited",
                "join_set",
                "local_set",
                "locals",
                "scope",
                "tracker",
            ],
        ),
    ],
};

pub(crate) fn sanitize_threads() -> Vec<Cargo> {
    let suppressions = root().join(".ci/tsan.supp");
    // std is not instrumented, hence the flag for the mismatch; `runtime_tsan` replaces std's
    // `Arc`, whose fence the sanitizer does not model.
    let flags = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg runtime_tsan";
    let options = format!("suppressions={} halt_on_error=1", suppressions.display());
    let prepare = |command: Cargo| {
        command
            .env("TSAN_OPTIONS", options.clone())
            .env("RUST_BACKTRACE", "0") // Printing one takes locks of std as well.
            // Captured output meets behind locks of std, which the sanitizer does not see.
            .arg("--nocapture")
            // Threads that look at a `OnceLock` while others set it.
            .arg("--skip")
            .arg("threads_that_need_a_page_at_once")
    };
    let commands = sanitized(flags, "tsan", &[&SANITIZED]);
    commands.into_iter().map(prepare).collect()
}

pub(crate) fn sanitize_addresses() -> Vec<Cargo> {
    let suppressions = root().join(".ci/lsan.supp");
    let suppressions = format!("suppressions={}", suppressions.display());
    let prepare = |command: Cargo| {
        command
            .env("ASAN_OPTIONS", "detect_stack_use_after_return=1")
            .env("LSAN_OPTIONS", suppressions.clone())
    };
    let commands = sanitized("-Zsanitizer=address", "asan", &[&SANITIZED, &ADDRESS_ONLY]);
    commands.into_iter().map(prepare).collect()
}

/// Unit tests and the named integration tests, as commands that more arguments of the harness may
/// follow. Not those that replace libc's symbols, which the sanitizers replace too, and nothing of
/// `macros`, which runs in the compiler, uninstrumented.
fn sanitized(flags: &str, directory: &str, tests: &[&Tests]) -> Vec<Cargo> {
    let command = |packages: &str| {
        let line = format!("test --profile model --target {SANITIZED_TARGET} {packages}");
        Cargo::new(&line)
            .flags(flags, directory)
            .env("RUSTC_BOOTSTRAP", "1") // `-Z` flags on the stable toolchain.
            .env("RUNTIME_SANITIZED", "1") // For tests that start a compiler.
    };
    let whole = tests.iter().flat_map(|tests| tests.whole);
    let packages = "-p runtime -p runtime-io-driver -p runtime-timer --lib";
    let whole = whole.fold(command(packages), |command, test| {
        command.arg("--test").arg(*test)
    });
    let mut commands = vec![whole.arg("--")];
    // Names of modules choose among all that a command runs, so each binary has its own.
    for (test, modules) in tests.iter().flat_map(|tests| tests.parts) {
        let part = command("-p runtime --test").arg(*test).arg("--");
        let modules = modules.iter().map(|module| format!("{module}::"));
        commands.push(modules.fold(part, Cargo::arg));
    }
    commands
}

pub(crate) fn bench(filters: &[&str]) -> Vec<Cargo> {
    let table = Cargo::new("bench -p runtime-benches --bench paired --");
    vec![filters.iter().copied().fold(table, Cargo::arg)]
}

/// The targets of `fuzz/fuzz_targets`.
const FUZZED: &[&str] = &[
    "io_adapters",
    "io_registry",
    "macro_parsers",
    "permits",
    "timer_wheel",
];

/// One fuzz target or all, a minute each; with `cargo-fuzz`.
pub(crate) fn fuzz(name: Option<&str>) -> Vec<Cargo> {
    let targets = FUZZED
        .iter()
        .filter(|it| name.is_none_or(|name| name == **it));
    let run = |target: &&str| {
        // Leaks are for `san address`: some streams leak what they put in another's place.
        Cargo::new(&format!("fuzz run {target}"))
            .args("-- -max_total_time=60 -timeout=30 -len_control=0 -max_len=600")
            .args("-detect_leaks=0 -rss_limit_mb=4096")
            .env("RUSTC_BOOTSTRAP", "1") // `-Z` flags on the stable toolchain.
    };
    targets.map(run).collect()
}

pub(crate) fn nightly() -> Vec<Cargo> {
    let mut commands = vec![
        Cargo::new("test").env("PROPTEST_CASES", "20000"),
        Cargo::new("test --profile model -p runtime-benches"),
    ];
    let long = |command: Cargo| command.env("RUNTIME_SHUTTLE_SCHEDULES", "1000000");
    commands.extend(shuttle(None).into_iter().map(long));
    commands.extend(loom_nightly());
    commands.extend(fuzz(None));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_features_are_no_leaves() {
        let manifest = "[package]\nname = \"x\"\n[features]\ndefault = [\"full\"]\n# A leaf.\n\
                        full = [\"net\"]\nnet = [\n  \"dep:mio\",\n]\ntest-util = []\n[lints]\na = 1\n";
        assert_eq!(leaf_features(manifest), ["net", "test-util"]);
    }

    #[test]
    fn every_fuzz_target_is_run() {
        let folder = std::fs::read_dir(root().join("fuzz/fuzz_targets")).expect("it is there");
        let mut found: Vec<String> = folder
            .map(|entry| entry.expect("readable").path())
            .map(|path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        found.sort();
        assert_eq!(found, FUZZED);
        assert_eq!(fuzz(None).len(), FUZZED.len());
        assert_eq!(fuzz(Some("permits")).len(), 1);
        assert!(fuzz(Some("permit")).is_empty());
    }

    /// A module that is gone would pass, with no test.
    #[test]
    fn sanitized_modules_are_there() {
        for tests in [&SANITIZED, &ADDRESS_ONLY] {
            for (test, modules) in tests.parts {
                for module in *modules {
                    let path = format!("runtime/tests/{test}/{module}.rs");
                    assert!(root().join(&path).exists(), "no {path}");
                }
            }
        }
    }

    /// Flags reach every dependency, so each kind of build has its directory.
    #[test]
    fn builds_with_other_flags_do_not_share_a_directory() {
        let builds = [
            loom(None),
            shuttle(None),
            sanitize_threads(),
            sanitize_addresses(),
        ];
        let directory = |build: &Vec<Cargo>| {
            let line = build[0].to_string();
            let word = line
                .split(' ')
                .find(|word| word.starts_with("CARGO_TARGET_DIR="));
            word.expect("has a directory of its own").to_owned()
        };
        let mut directories: Vec<_> = builds.iter().map(directory).collect();
        directories.sort();
        directories.dedup();
        assert_eq!(directories.len(), builds.len());
    }
}
