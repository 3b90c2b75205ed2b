//! Entries of the tables that match nothing: what they were for has moved or gone.

use std::path::Path;

use super::rules::{feature_gates, fits, imported};
use super::scan::{Source, words};
use super::tables::{Checked, FEATURE_SEAMS, LEAF_PAIRS, MODELS, ROWS, UNSAFE};

/// Every entry of a table that matches no file of `sources`, or none that needs it.
pub(super) fn unused(root: &Path, sources: &[Source]) -> Vec<String> {
    let rows = ROWS.iter().flat_map(|(_, names)| names.iter());
    let mut problems: Vec<String> = rows
        .filter(|name| !is_module(sources, name))
        .map(|name| stale("ROWS", name, "no such module"))
        .collect();
    problems.extend(unused_pairs(LEAF_PAIRS, sources));
    let has_unsafe = |source: &Source| words(&source.code, "unsafe").next().is_some();
    problems.extend(unused_patterns("UNSAFE", UNSAFE, sources, has_unsafe));
    let has_gate = |source: &Source| feature_gates(source).next().is_some();
    problems.extend(unused_patterns(
        "FEATURE_SEAMS",
        FEATURE_SEAMS,
        sources,
        has_gate,
    ));
    problems.extend(missing_models(root));
    problems
}

fn stale(table: &str, entry: &str, why: &str) -> String {
    format!("xtask/src/tidy/tables.rs: `{entry}` in {table}: {why}; take it out")
}

fn is_module(sources: &[Source], name: &str) -> bool {
    let file = format!("runtime/src/{name}.rs");
    let folder = format!("runtime/src/{name}/");
    sources
        .iter()
        .any(|source| source.path == file || source.path.starts_with(&folder))
}

fn unused_patterns(
    table: &str,
    patterns: &[&str],
    sources: &[Source],
    needs_it: impl Fn(&Source) -> bool,
) -> Vec<String> {
    let holders: Vec<&str> = sources
        .iter()
        .filter(|source| needs_it(source))
        .map(|source| source.path.as_str())
        .collect();
    patterns
        .iter()
        .filter(|pattern| !holders.iter().any(|path| fits(path, pattern)))
        .map(|pattern| stale(table, pattern, "no file needs it"))
        .collect()
}

fn unused_pairs(pairs: &[(&str, &str)], sources: &[Source]) -> Vec<String> {
    let is_used = |who: &str, target: &str| {
        sources
            .iter()
            .any(|source| imported(source).any(|(own, name)| own == who && name == target))
    };
    pairs
        .iter()
        .filter(|(who, target)| !is_used(who, target))
        .map(|(who, target)| {
            let entry = format!("{who}, {target}");
            stale("LEAF_PAIRS", &entry, "no such import")
        })
        .collect()
}

/// Lines of [`MODELS`] that name a file that does not exist.
fn missing_models(root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |path: String| {
        if !root.join(&path).exists() {
            problems.push(stale("MODELS", &path, "no such file"));
        }
    };
    for (file, checked) in MODELS {
        expect((*file).to_owned());
        if let Checked::By(models) = checked {
            models
                .iter()
                .for_each(|model| expect(format!("loom-tests/tests/{model}.rs")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        files
            .iter()
            .map(|(path, text)| Source::new(path, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_module_is_a_file_or_a_folder() {
        let sources = sources(&[("runtime/src/park.rs", ""), ("runtime/src/io/copy.rs", "")]);
        assert!(is_module(&sources, "park"));
        assert!(is_module(&sources, "io"));
        assert!(is_module(&sources, "io/copy"));
        assert!(!is_module(&sources, "par"));
    }

    #[test]
    fn a_pattern_needs_a_file_that_has_what_it_allows() {
        let sources = sources(&[
            ("a/b.rs", "unsafe fn f() {}"),
            ("a/c.rs", "// unsafe\nfn f() {}"),
        ]);
        let has_unsafe = |source: &Source| words(&source.code, "unsafe").next().is_some();
        let found = unused_patterns("T", &["a/b.rs", "a/c.rs", "x/*"], &sources, has_unsafe);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_pair_needs_an_import() {
        let sources = sources(&[(
            "runtime/src/process/child.rs",
            "use crate::signal::unix;\n#[cfg(test)]\nmod tests {\n    use crate::net::Tcp;\n}\n",
        )]);
        let pairs = [("process", "signal"), ("process", "net")];
        let found = unused_pairs(&pairs, &sources);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("process, net"), "{found:?}");
    }
}
