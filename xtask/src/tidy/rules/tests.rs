//! Each rule accepts what is right and names what is wrong.

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text.to_owned())
}

#[test]
fn a_file_without_module_docs_is_found() {
    let missing = |text| !module_docs(&source("runtime/src/a.rs", text)).is_empty();
    assert!(!missing("//! What.\nfn a() {}\n"));
    assert!(!missing(
        "// Licence.\n\n#![forbid(unsafe_code)]\n//! What.\n"
    ));
    assert!(!missing("#![doc = include_str!(\"README.md\")]\n"));
    assert!(missing("fn a() {}\n//! Late.\n"));
    assert!(missing("/// Of the function.\nfn a() {}\n"));
    assert!(missing(""));
}

#[test]
fn unsafe_is_found_in_code_only_and_outside_the_list_only() {
    let text =
        "#![deny(unsafe_code)] // unsafe\nfn f() { \"unsafe\"; }\nunsafe impl Send for X {}\n";
    let found = unsafe_outside_list(&source("runtime/src/time/sleep.rs", text));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("runtime/src/time/sleep.rs:3:"),
        "{found:?}"
    );
    assert!(unsafe_outside_list(&source("runtime/src/cell/raw.rs", text)).is_empty());
    assert!(unsafe_outside_list(&source("runtime/src/fs/file/state.rs", text)).is_empty());
}

#[test]
fn patterns_match_whole_paths() {
    assert!(listed("a/src/loom.rs", &["*/src/loom.rs"]));
    assert!(listed("a/net/tcp/socket.rs", &["a/net/*socket.rs"]));
    assert!(!listed("a/src/loom.rs.bak", &["*/src/loom.rs"]));
    assert!(!listed("b/a/x.rs", &["a/x.rs"]));
}

#[test]
fn feature_gates_outside_seams_are_found() {
    let text = "#[cfg(any(\n    feature = \"net\",\n    unix,\n))]\nmod a;\n#[cfg(test)]\nmod tests {\n    \
                #[cfg(feature = \"x\")]\n    fn t() {}\n}\n";
    let found = feature_outside_seams(&source("runtime/src/sync/mod.rs", text));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(":2:"), "{found:?}");
    assert!(feature_outside_seams(&source("runtime/src/lib.rs", text)).is_empty());
}

#[test]
fn public_async_functions_need_a_cancel_safety_section() {
    let text = "impl A {\n    /// Waits.\n    ///\n    /// # Cancel safety\n    ///\n    /// Yes {}.\n    \
                #[inline]\n    pub async fn good(&self) {}\n    /// Waits.\n    pub async fn bad(&self) {}\n    \
                pub(crate) async fn private() {}\n}\n";
    let found = cancel_safety(&source("runtime/src/a.rs", text));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(":10:"), "{found:?}");
}

#[test]
fn atomics_need_the_shim_and_a_line_in_the_table() {
    let direct = source("runtime/src/a.rs", "use std::sync::atomic::AtomicUsize;\n");
    assert_eq!(atomics(&direct, &[]).len(), 2);
    let shim = source("runtime/src/a.rs", "use crate::loom::AtomicUsize;\n");
    assert_eq!(atomics(&shim, &[]).len(), 1);
    assert!(atomics(&shim, &[("runtime/src/a.rs", Checked::By(&["a"]))]).is_empty());
    let models = source(
        "loom-tests/src/lib.rs",
        "use std::sync::atomic::AtomicUsize;\n",
    );
    assert!(atomics(&models, &[]).is_empty());
    let none = source("runtime/src/a.rs", "use crate::util::AtomicWaker;\n");
    assert!(atomics(&none, &[]).is_empty());
}

fn import(path: &str, text: &str) -> Vec<String> {
    imports(&source(path, text))
}

#[test]
fn imports_point_up() {
    assert!(
        import(
            "runtime/src/scheduler/worker.rs",
            "use crate::cell::{A, B};\n"
        )
        .is_empty()
    );
    assert!(
        import(
            "runtime/src/scheduler/mod.rs",
            "use crate::scheduler::idle;\n"
        )
        .is_empty()
    );
    assert!(import("runtime/src/cell/poll.rs", "use crate::budget;\n").is_empty());
    let found = import(
        "runtime/src/sync/notify.rs",
        "\nfn f() { crate::scheduler::x(); }\n",
    );
    assert_eq!(
        found,
        ["runtime/src/sync/notify.rs:2: sync (row 2) imports scheduler::x (row 4)"]
    );
}

#[test]
fn groups_and_relative_paths_do_not_hide_an_import() {
    let group = "use crate::{\n    util::list,\n    time::{sleep, Sleep},\n};\n";
    assert_eq!(import("runtime/src/sync/notify.rs", group).len(), 1);
    assert_eq!(
        import("runtime/src/sync/mod.rs", "use super::time::Sleep;\n").len(),
        1
    );
    assert_eq!(
        import(
            "runtime/src/sync/watch.rs",
            "use super::super::time::Sleep;\n"
        )
        .len(),
        1
    );
    assert!(import("runtime/src/sync/watch.rs", "use super::notify::Notify;\n").is_empty());
    // `super` in a module inside the file.
    let inner = "mod futures {\n    use super::notify::Notified;\n}\n";
    assert!(import("runtime/src/sync/mod.rs", inner).is_empty());
}

#[test]
fn leaves_know_only_their_pairs() {
    assert!(import("runtime/src/process/child.rs", "use crate::signal::unix;\n").is_empty());
    assert_eq!(
        import("runtime/src/signal/mod.rs", "use crate::process::Child;\n").len(),
        1
    );
    // What of `io` needs the driver is a leaf.
    assert!(
        import(
            "runtime/src/async_fd/mod.rs",
            "use crate::driver::Evented;\n"
        )
        .is_empty()
    );
    assert_eq!(
        import(
            "runtime/src/io_core/copy/mod.rs",
            "use crate::driver::Evented;\n"
        )
        .len(),
        1
    );
}

#[test]
fn tests_macros_and_visibilities_are_no_imports() {
    let text = "pub(in crate::net) fn f() { crate::select!(); $crate::spawn(); }\n\
                #[cfg(test)]\nmod tests {\n    use crate::task::spawn;\n}\n";
    assert!(import("runtime/src/sync/notify.rs", text).is_empty());
}

#[test]
fn the_root_and_unknown_modules_are_refused() {
    assert_eq!(
        import("runtime/src/net/tcp.rs", "use crate::Runtime;\n").len(),
        1
    );
    assert_eq!(import("runtime/src/fancy.rs", "").len(), 1);
}

#[test]
fn banned_words_name_their_replacement() {
    let (word, instead) = BANNED[0];
    let found = banned_words("a.md", &format!("fine\n// {word}: later\n"));
    assert_eq!(found, [format!("a.md:2: `{word}`: {instead}")]);
}
