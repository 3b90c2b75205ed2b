//! The rules: each takes a file and returns what is wrong in it, as `path:line: what to do`.

use super::scan::{Source, words};
use super::tables::{BANNED, Checked, FEATURE_SEAMS, LEAF_PAIRS, LEAVES, MODELS, ROWS, UNSAFE};

/// Everything wrong in a Rust file.
pub(super) fn all(source: &Source) -> Vec<String> {
    let mut problems = module_docs(source);
    problems.extend(unsafe_outside_list(source));
    let programs = ["xtask/", "examples/"];
    let shipped = !programs
        .iter()
        .any(|folder| source.path.starts_with(folder));
    if shipped && source.path.contains("/src/") {
        problems.extend(feature_outside_seams(source));
        problems.extend(cancel_safety(source));
        problems.extend(atomics(source, MODELS));
    }
    if source.path.starts_with("runtime/src/") {
        problems.extend(imports(source));
    }
    problems
}

/// Banned words, in any text file.
pub(super) fn banned_words(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (word, instead) in BANNED {
            if line.contains(word) {
                problems.push(format!("{path}:{}: `{word}`: {instead}", index + 1));
            }
        }
    }
    problems
}

/// Whether `path` fits one of the patterns.
pub(super) fn listed(path: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| fits(path, pattern))
}

/// Whether `path` fits `pattern`, in which `*` stands for any characters.
pub(super) fn fits(path: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => path == pattern,
        Some((head, rest)) => path.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.is_char_boundary(at) && fits(&tail[at..], rest))
        }),
    }
}

/// A file opens with `//!`; only attributes and plain comments may come before.
fn module_docs(source: &Source) -> Vec<String> {
    // Cases of a compiler's messages: a line more would move the lines in the expected texts.
    if source.path.contains("/tests/ui/") {
        return Vec::new();
    }
    let documented = source
        .raw
        .lines()
        .map(str::trim_start)
        .find(|line| {
            let skipped = line.is_empty()
                || (line.starts_with("//") && !line.starts_with("//!"))
                || (line.starts_with("#!") && !line.starts_with("#![doc"));
            !skipped
        })
        .is_some_and(|line| line.starts_with("//!") || line.starts_with("#![doc"));
    if documented {
        Vec::new()
    } else {
        vec![format!(
            "{}: open the file with `//!`: what it is for",
            source.at(0)
        )]
    }
}

fn unsafe_outside_list(source: &Source) -> Vec<String> {
    if listed(&source.path, UNSAFE) {
        return Vec::new();
    }
    let problem = |offset| {
        let place = source.at(source.line_of(offset));
        format!("{place}: unsafe code outside the closed list (xtask/src/tidy/tables.rs)")
    };
    words(&source.code, "unsafe").map(problem).collect()
}

fn feature_outside_seams(source: &Source) -> Vec<String> {
    if listed(&source.path, FEATURE_SEAMS) {
        return Vec::new();
    }
    let problem = |line| {
        let place = source.at(line);
        format!("{place}: features gate whole modules, in lib.rs or a listed seam")
    };
    feature_gates(source).map(problem).collect()
}

/// Lines (from 0) outside tests that ask for a feature.
pub(super) fn feature_gates(source: &Source) -> impl Iterator<Item = usize> + '_ {
    let is_gate = |&offset: &usize| {
        source.code[offset + "feature".len()..]
            .trim_start()
            .starts_with('=')
    };
    words(&source.code, "feature")
        .filter(is_gate)
        .map(|offset| source.line_of(offset))
        .filter(|&line| !source.is_test(line))
}

/// A public async function says what happens when its future is dropped.
fn cancel_safety(source: &Source) -> Vec<String> {
    let raw: Vec<&str> = source.raw.lines().map(str::trim).collect();
    let mut problems = Vec::new();
    for (index, line) in source.code_lines() {
        if words(line, "pub async fn").next().is_none() {
            continue;
        }
        let above = raw[..index].iter().rev().take_while(|line| {
            line.starts_with("//") || !(line.is_empty() || line.ends_with(['{', '}', ';']))
        });
        if !above
            .into_iter()
            .any(|line| line.starts_with("/// # Cancel safety"))
        {
            problems.push(format!(
                "{}: add `# Cancel safety` to its documentation",
                source.at(index)
            ));
        }
    }
    problems
}

/// Atomics come through the shim, and their orderings are checked by a model or exempt.
fn atomics(source: &Source, models: &[(&str, Checked)]) -> Vec<String> {
    // `loom-tests` is itself the check, `model` is its test facade; what `benches` counts is no
    // protocol.
    let foreign = [
        "benches/",
        "loom-tests/",
        "runtime/src/model",
        "runtime/src/loom/",
    ];
    if source.path.ends_with("/src/loom.rs") || foreign.iter().any(|it| source.path.starts_with(it))
    {
        return Vec::new();
    }
    const KINDS: [&str; 12] = [
        "Bool", "Ptr", "U8", "U16", "U32", "U64", "Usize", "I8", "I16", "I32", "I64", "Isize",
    ];
    let mut problems = Vec::new();
    let mut first = None;
    for (index, line) in source.code_lines() {
        if line.contains("std::sync::atomic") || line.contains("core::sync::atomic") {
            problems.push(format!(
                "{}: import atomics from `crate::loom`",
                source.at(index)
            ));
        }
        let named = |kind: &&str| words(line, &format!("Atomic{kind}")).next().is_some();
        if first.is_none() && KINDS.iter().any(named) {
            first = Some(index);
        }
    }
    let known = models.iter().any(|(file, _)| *file == source.path);
    if let (Some(index), false) = (first, known) {
        let place = source.at(index);
        problems.push(format!(
            "{place}: name its models in MODELS (xtask/src/tidy/tables.rs)"
        ));
    }
    problems
}

/// The row of `a::b::…`: that of `a`.
fn row(path: &[&str]) -> Option<u8> {
    let name = path.first()?;
    ROWS.iter()
        .find(|(_, names)| names.contains(name))
        .map(|(row, _)| *row)
}

/// Whether a file belongs to a part of `runtime` that is always compiled, with private types of its own.
pub(super) fn core_row(source: &Source) -> bool {
    let path = source.path.strip_prefix("runtime/src/").unwrap_or_default();
    let own: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    row(&own).is_some_and(|it| it < LEAVES)
}

fn has_row(name: &str) -> bool {
    row(&[name]).is_some()
}

/// Imports of `runtime` point to the module's own row or above it.
fn imports(source: &Source) -> Vec<String> {
    let path = source
        .path
        .trim_start_matches("runtime/src/")
        .trim_end_matches(".rs");
    if path == "lib" {
        return Vec::new();
    }
    let own: Vec<&str> = path.split('/').filter(|part| *part != "mod").collect();
    let Some(own_row) = row(&own) else {
        return vec![format!("{}: give the module a row in ROWS", source.at(0))];
    };
    let mut problems = Vec::new();
    for (offset, target) in crate_paths(&source.code, own.len()) {
        let line = source.line_of(offset);
        if source.is_test(line) || target[0] == own[0] {
            continue;
        }
        let words: Vec<&str> = target.iter().map(String::as_str).collect();
        let name = words.join("::");
        let pair = (own[0], words[0]);
        match row(&words) {
            None => problems.push(format!(
                "{}: crate::{name} is in no row: import from the module that defines it",
                source.at(line)
            )),
            Some(LEAVES) if own_row == LEAVES && !LEAF_PAIRS.contains(&pair) => problems.push(
                format!("{}: a leaf imports the leaf {name}", source.at(line)),
            ),
            Some(target_row) if target_row > own_row => problems.push(format!(
                "{}: {} (row {own_row}) imports {name} (row {target_row})",
                source.at(line),
                own[0]
            )),
            Some(_) => {}
        }
    }
    problems
}

/// The imports of a file of `runtime` outside its tests: its own outer module, and the one named.
pub(super) fn imported(source: &Source) -> impl Iterator<Item = (String, String)> + '_ {
    let path = source.path.strip_prefix("runtime/src/").unwrap_or_default();
    let own = path.split(['/', '.']).next().unwrap_or_default().to_owned();
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let paths = if path.is_empty() {
        Vec::new()
    } else {
        crate_paths(&source.code, depth)
    };
    paths
        .into_iter()
        .filter(|(offset, _)| !source.is_test(source.line_of(*offset)))
        .map(move |(_, mut names)| (own.clone(), names.swap_remove(0)))
}

/// The first two names of every path that starts at the root of the crate, with its offset.
/// `depth` is that of the file's module: so many times `super` is the root, too.
fn crate_paths(code: &str, depth: usize) -> Vec<(usize, Vec<String>)> {
    let supers = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", &supers] {
        for (offset, _) in code.match_indices(root) {
            let before = code[..offset].chars().next_back().unwrap_or(' ');
            // `$crate` expands elsewhere, `pub(in crate::…)` is no import.
            let other = before.is_alphanumeric() || "_$:".contains(before);
            if other || code[..offset].ends_with("(in ") {
                continue;
            }
            let rest = &code[offset + root.len()..];
            let paths = match rest.strip_prefix('{') {
                Some(group) => group_elements(group),
                None => vec![rest],
            };
            // In a module inside the file `super` is the file itself: only names that stand in a
            // row are taken for modules of the root.
            let names = paths.into_iter().filter_map(first_names);
            let at_root = names.filter(|names| root == "crate::" || has_row(&names[0]));
            found.extend(at_root.map(|names| (offset, names)));
        }
    }
    found
}

/// The elements of `a::b, c::{d, e}}…` up to the brace that closes the group.
fn group_elements(group: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0, 0);
    let mut elements = Vec::new();
    for (offset, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth > 0 => {}
            ',' | '}' => {
                elements.push(&group[start..offset]);
                start = offset + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    elements
}

/// One or two names of a path; none for a macro, which always lies at the root, and for what is no
/// name.
fn first_names(path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = path.trim_start();
    while names.len() < 2 {
        let end = rest
            .find(|it: char| !it.is_alphanumeric() && it != '_')
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        if !name.is_empty() {
            names.push(name.to_owned());
        }
        if names.len() == 1 && tail.starts_with('!') {
            return None;
        }
        match tail.strip_prefix("::") {
            Some(tail) => rest = tail,
            None => break,
        }
        if rest.starts_with(['{', '*', '<']) {
            break;
        }
    }
    (!names.is_empty() && names[0] != "super").then_some(names)
}

#[cfg(test)]
mod tests;
