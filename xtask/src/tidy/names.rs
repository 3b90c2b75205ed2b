//! Names of private types: their words are terms of the glossary, or the field's standard ones.

use std::collections::BTreeSet;

use super::rules::core_row;
use super::scan::{Source, is_word, words};

/// Standard words, separated by spaces; a line that starts with `#` is a comment.
const STANDARD: &str = include_str!("words.txt");

/// Every private type of the core's rows with a word that is neither in `glossary` nor standard.
pub(super) fn all(sources: &[Source], glossary: &str) -> Vec<String> {
    let known = vocabulary(glossary);
    let core = sources.iter().filter(|source| core_row(source));
    core.flat_map(|source| {
        types(source)
            .into_iter()
            .filter_map(|(line, name)| Some((line, unknown_words(&name, &known)?, name)))
            .map(|(line, unknown, name)| {
                let place = source.at(line);
                format!(
                    "{place}: `{name}`: {unknown} is neither in docs/glossary.md nor in words.txt"
                )
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The terms in the first column of the glossary, and the standard words.
fn vocabulary(glossary: &str) -> BTreeSet<String> {
    let terms = glossary
        .lines()
        .filter_map(|line| line.strip_prefix("| **")?.split("**").next())
        .flat_map(|term| term.split(|it: char| !it.is_alphanumeric()));
    let standard = STANDARD
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace);
    terms
        .chain(standard)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Types outside tests that are not `pub` without a limit, with their lines from 0.
fn types(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for kind in ["struct", "enum", "trait", "union", "type"] {
        for offset in words(&source.code, kind) {
            let line = source.line_of(offset);
            let start = source.code[..offset].rfind('\n').map_or(0, |at| at + 1);
            let before = source.code[start..offset].trim();
            let is_item = ["", "unsafe", "pub(crate)", "pub(super)"].contains(&before)
                || before.starts_with("pub(in ");
            let name: String = source.code[offset + kind.len()..]
                .trim_start()
                .chars()
                .take_while(is_word)
                .collect();
            // An associated type has its trait's name.
            let is_nested = kind == "type" && source.code[start..].starts_with(' ');
            if is_item && !is_nested && !name.is_empty() && !source.is_test(line) {
                found.push((line, name));
            }
        }
    }
    found.sort();
    found
}

/// The unknown words of `name`, each in backticks; none if it has none.
fn unknown_words(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let is_known = |word: &str| {
        known.contains(word) || word.strip_suffix('s').is_some_and(|it| known.contains(it))
    };
    let unknown: Vec<String> = split(name)
        .into_iter()
        .filter(|word| !is_known(word))
        .map(|word| format!("`{word}`"))
        .collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// `IoVecs` is `io`, `vecs`; `LIFOSlot` is `lifo`, `slot`.
fn split(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut found: Vec<String> = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let after_small = index > 0 && !letters[index - 1].is_uppercase();
        let before_small = letters.get(index + 1).is_some_and(|it| it.is_lowercase());
        let starts = letter.is_uppercase() && (after_small || before_small);
        match found.last_mut() {
            Some(word) if !starts => word.extend(letter.to_lowercase()),
            _ => found.push(letter.to_lowercase().collect()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_capitals() {
        assert_eq!(split("IoVecs"), ["io", "vecs"]);
        assert_eq!(split("LIFOSlot"), ["lifo", "slot"]);
        assert_eq!(split("Rx"), ["rx"]);
        assert_eq!(split("Utf8Buf"), ["utf8", "buf"]);
    }

    #[test]
    fn private_types_are_found() {
        let text = "pub struct A;\npub(crate) struct B;\nenum C {}\ntrait T { type D; }\n\
                    pub(in crate::x) type E = u8;\n#[cfg(test)]\nmod tests {\n    struct F;\n}\n";
        let source = Source::new("runtime/src/cell/a.rs", text.to_owned());
        let names: Vec<_> = types(&source).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["B", "C", "T", "E"]);
    }

    #[test]
    fn words_come_from_the_glossary_or_the_list() {
        let known = vocabulary("| **park, unpark** | x |\n| **LIFO slot** | y |\n");
        assert_eq!(unknown_words("LifoSlots", &known), None);
        assert_eq!(unknown_words("UnparkHandle", &known), None);
        assert_eq!(
            unknown_words("Frobnicator", &known),
            Some("`frobnicator`".to_owned())
        );
    }

    #[test]
    fn only_the_core_is_looked_at() {
        let leaf = Source::new("runtime/src/net/a.rs", "struct Frobnicator;\n".to_owned());
        let core = Source::new("runtime/src/sync/a.rs", "struct Frobnicator;\n".to_owned());
        assert_eq!(all(&[leaf, core], "").len(), 1);
    }
}
