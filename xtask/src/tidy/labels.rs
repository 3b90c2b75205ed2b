//! Labels of invariants, as in `CELL-9`: the head of a module, or of a type, defines them, texts cite
//! them.
//!
//! A prefix belongs to one file, so a label says where to look. Every label that a comment, a message
//! or a page of documentation cites is defined in a head.

use std::collections::BTreeMap;

use super::rules::listed;
use super::scan::Source;

/// Prefixes are that long, so that UTF-8 or SHA-256 is none.
const SHORTEST_PREFIX: usize = 4;

/// Everything wrong with the labels of `sources` and of `pages` (path and text). Heads of files that
/// `old` lists may number their invariants in the old way (`I3`).
pub(super) fn all(sources: &[Source], pages: &[(String, String)], old: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    let mut defined: BTreeMap<&str, String> = BTreeMap::new();
    for source in sources {
        for (line, label) in definitions(source) {
            let place = source.at(line);
            let Some((prefix, _)) = label.rsplit_once('-') else {
                if !listed(&source.path, old) {
                    problems.push(format!(
                        "{place}: give `{label}` the file's prefix, as in CELL-9"
                    ));
                }
                continue;
            };
            let owner = files.entry(prefix).or_insert(&source.path);
            if *owner != source.path {
                problems.push(format!("{place}: the prefix {prefix} belongs to {owner}"));
            }
            if let Some(first) = defined.insert(label, place.clone()) {
                problems.push(format!("{place}: {label} is defined at {first}"));
            }
        }
    }
    let texts = sources.iter().map(|source| (&source.path, &source.raw));
    let texts = texts.chain(pages.iter().map(|(path, text)| (path, text)));
    for (path, text) in texts.filter(|(path, _)| !path.starts_with("xtask/src/tidy/")) {
        let is_code = path.ends_with(".rs");
        for (index, line) in text.lines().enumerate() {
            let unknown = cited(line).filter(|label| !defined.contains_key(label));
            problems.extend(
                unknown.map(|label| format!("{path}:{}: no head defines {label}", index + 1)),
            );
            if let Some(label) = old_citation(line).filter(|_| is_code && !listed(path, old)) {
                problems.push(format!(
                    "{path}:{}: cite `{label}` by its label, as in CELL-9",
                    index + 1
                ));
            }
        }
    }
    problems
}

/// Labels, in either form, that open a line of the head or of an item's documentation outside tests;
/// with the line from 0.
fn definitions(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.raw.lines().enumerate();
    let outside = lines.filter(|&(line, _)| !source.is_test(line));
    outside.filter_map(|(index, line)| Some((index, definition(line)?)))
}

/// `I3` of `//! - **I3** …`, or `CELL-9` of `//! CELL-9. …` and `/// CELL-9. …`.
fn definition(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line.strip_prefix("//! ").or(line.strip_prefix("/// "))?;
    let text = text.strip_prefix("- ").unwrap_or(text);
    let end = if text.starts_with("**") { "** " } else { ". " };
    let (label, _) = text.trim_start_matches('*').split_once(end)?;
    (label_form(label) || old_form(label)).then_some(label)
}

fn is_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
}

fn label_form(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(prefix, number)| {
        prefix.len() >= SHORTEST_PREFIX
            && prefix.bytes().all(|it| it.is_ascii_uppercase())
            && is_number(number)
    })
}

/// One or two capitals and a number.
fn old_form(text: &str) -> bool {
    let number = text.trim_start_matches(|it: char| it.is_ascii_uppercase());
    (1..=2).contains(&(text.len() - number.len())) && is_number(number)
}

/// Every word of the form `CELL-9`.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.split(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_')
        .filter(|word| label_form(word))
}

/// An old label in a comment behind "by" or a bracket: in other places it may be a type's name.
fn old_citation(line: &str) -> Option<&str> {
    let (_, comment) = line.split_once("// ").or_else(|| line.split_once("/// "))?;
    let end = |text: &str| {
        text.find(|it: char| !it.is_ascii_alphanumeric())
            .unwrap_or(text.len())
    };
    ["by ", "("].iter().find_map(|before| {
        comment.match_indices(before).find_map(|(at, _)| {
            let rest = &comment[at + before.len()..];
            let label = &rest[..end(rest)];
            old_form(label).then_some(label)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], old: &[&str]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(path, (*text).to_owned()))
            .collect();
        all(&sources, &[], old)
    }

    #[test]
    fn a_cited_label_is_defined_in_a_head() {
        let head = "//! - **CELL-1** a.\n//! CELL-2. b\n\n// SAFETY: by CELL-1, (CELL-2); UTF-8.\n";
        assert!(check(&[("a/src/cell.rs", head)], &[]).is_empty());
        let other = "//! B.\n\n// By CELL-3.\n";
        let found = check(&[("a/src/cell.rs", head), ("a/src/b.rs", other)], &[]);
        assert_eq!(found, ["a/src/b.rs:3: no head defines CELL-3"]);
        // A test's documentation defines nothing.
        let late = "//! A.\n#[cfg(test)]\nmod tests {\n    /// CELL-1. a\n    fn a() {}\n}\n";
        assert_eq!(check(&[("a/src/cell.rs", late)], &[]).len(), 1);
    }

    #[test]
    fn a_prefix_has_one_file_and_a_label_one_definition() {
        let found = check(
            &[
                ("a/src/cell.rs", "//! CELL-1. a\n//! CELL-1. b\n"),
                ("a/src/poll.rs", "//! CELL-2. c\n"),
            ],
            &[],
        );
        assert_eq!(
            found,
            [
                "a/src/cell.rs:2: CELL-1 is defined at a/src/cell.rs:1",
                "a/src/poll.rs:1: the prefix CELL belongs to a/src/cell.rs"
            ]
        );
    }

    #[test]
    fn old_labels_are_refused_outside_the_list() {
        let file = (
            "a/src/cell.rs",
            "//! - I1. a\n\n// SAFETY: by I1 (I2).\nstruct A<T1>(T1);\n",
        );
        assert_eq!(check(&[file], &[]).len(), 2);
        assert!(check(&[file], &["a/*"]).is_empty());
    }
}
