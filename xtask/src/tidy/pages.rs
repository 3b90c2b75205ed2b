//! Heads of modules and pages of `docs/design`: each names the other.

use std::collections::BTreeSet;

use super::scan::Source;

const FOLDER: &str = "docs/design/";

/// What is missing: the page that a room's head does not name, and the page that no head names.
pub(super) fn missing(
    sources: &[Source],
    pages: &[(String, String)],
    exempt: &[&str],
) -> Vec<String> {
    let named: BTreeSet<&str> = sources.iter().flat_map(|it| named_by(head(it))).collect();
    let unnamed = pages
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| path.starts_with(FOLDER) && !named.contains(path))
        .map(|path| format!("{path}: no module's head names this page"));
    let silent = sources
        .iter()
        .filter(|source| is_room(&source.path) && !exempt.contains(&source.path.as_str()))
        .filter(|source| named_by(head(source)).next().is_none())
        .map(|source| {
            format!(
                "{}: name the page in docs/design that tells the whole",
                source.at(0)
            )
        });
    silent.chain(unnamed).collect()
}

/// Citations in Rust files of pages that do not exist.
pub(super) fn dangling(sources: &[Source], pages: &[(String, String)]) -> Vec<String> {
    let exists = |page: &str| pages.iter().any(|(path, _)| path == page);
    let outside = sources
        .iter()
        .filter(|source| !source.path.starts_with("xtask/src/tidy/"));
    outside
        .flat_map(|source| {
            let gone = named_by(&source.raw).filter(|page| !exists(page));
            gone.map(|page| format!("{}: there is no {page}", source.path))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The head of a module at the root of a crate of ours: what `docs/ARCHITECTURE.md` calls a room.
fn is_room(path: &str) -> bool {
    let Some((package, rest)) = path.split_once("/src/") else {
        return false;
    };
    match package {
        "timer" | "io-driver" => rest == "lib.rs",
        "runtime" => match rest.split_once('/') {
            Some((_, file)) => file == "mod.rs",
            None => rest != "lib.rs",
        },
        _ => false,
    }
}

/// The lines of a file up to its first item.
fn head(source: &Source) -> &str {
    let is_head =
        |line: &str| line.trim().is_empty() || line.starts_with("//") || line.starts_with("#!");
    let length: usize = source
        .raw
        .split_inclusive('\n')
        .take_while(|line| is_head(line))
        .map(str::len)
        .sum();
    &source.raw[..length]
}

/// Every `docs/design/….md` in `text`.
fn named_by(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(FOLDER).filter_map(|(at, _)| {
        let name = &text[at + FOLDER.len()..];
        let end = name.find(|it: char| !it.is_alphanumeric() && it != '_')?;
        name[end..]
            .starts_with(".md")
            .then(|| &text[at..at + FOLDER.len() + end + ".md".len()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(path, text.to_owned())
    }

    #[test]
    fn rooms_name_their_page_in_the_head() {
        let pages = [("docs/design/cell.md".to_owned(), String::new())];
        let good = source(
            "runtime/src/cell/mod.rs",
            "//! Cells: `docs/design/cell.md`.\nfn f() {}\n",
        );
        let part = source("runtime/src/cell/poll.rs", "//! Polls.\n");
        assert!(missing(&[good, part], &pages, &[]).is_empty());
        let late = source(
            "runtime/src/cell/mod.rs",
            "//! Cells.\nfn f() {} // docs/design/cell.md\n",
        );
        assert_eq!(missing(&[late], &pages, &[]).len(), 2);
        let loom = source("runtime/src/loom.rs", "//! Loom.\n");
        assert_eq!(missing(&[loom], &[], &["runtime/src/loom.rs"]).len(), 0);
    }

    #[test]
    fn a_page_that_is_gone_is_found() {
        let pages = [("docs/design/cell.md".to_owned(), String::new())];
        let found = dangling(
            &[source(
                "a/src/b.rs",
                "// docs/design/cell.md docs/design/gone.md.\n",
            )],
            &pages,
        );
        assert_eq!(found, ["a/src/b.rs: there is no docs/design/gone.md"]);
    }
}
