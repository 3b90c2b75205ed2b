//! The rules of the house that no compiler checks; see `tables` for their lists.

mod entries;
mod labels;
mod names;
mod pages;
mod python;
mod rules;
mod scan;
mod tables;

use std::fs;
use std::path::Path;

use self::scan::Source;
use self::tables::{NAMES_REFUSED, OLD_LABELS, PAGES_REFUSED, WITHOUT_PAGE};
use crate::command::root;

/// Text files that the rules look at.
const TEXT: [&str; 9] = ["rs", "toml", "md", "yml", "yaml", "sh", "supp", "run", "py"];

/// Checks every file of the repository; the longest files and functions are shown, not refused.
pub(crate) fn run() -> Result<(), String> {
    let root = root();
    let mut problems = Vec::new();
    let tree = read(&root, &mut problems)?;
    problems.extend(tree.sources.iter().flat_map(rules::all));
    problems.extend(entries::unused(&root, &tree.sources));
    problems.extend(labels::all(&tree.sources, &tree.pages, OLD_LABELS));
    problems.extend(pages::dangling(&tree.sources, &tree.pages));
    print_longest(&tree.sources);
    let names = names::all(&tree.sources, tree.page("docs/glossary.md"));
    refuse_or_count(NAMES_REFUSED, "names of types", names, &mut problems);
    let silent = pages::missing(&tree.sources, &tree.pages, WITHOUT_PAGE);
    refuse_or_count(PAGES_REFUSED, "heads or pages", silent, &mut problems);
    if problems.is_empty() {
        println!("tidy: {} Rust files are in order", tree.sources.len());
        return Ok(());
    }
    Err(format!(
        "{}\ntidy: {} problems",
        problems.join("\n"),
        problems.len()
    ))
}

/// What most rules look at.
struct Tree {
    sources: Vec<Source>,
    /// Markdown files: path and text.
    pages: Vec<(String, String)>,
}

impl Tree {
    fn page(&self, path: &str) -> &str {
        let page = self.pages.iter().find(|(own, _)| own == path);
        page.map_or("", |(_, text)| text)
    }
}

/// Reads all text files; `problems` gets what is wrong in each of them alone.
fn read(root: &Path, problems: &mut Vec<String>) -> Result<Tree, String> {
    let mut paths = Vec::new();
    collect(root, root, &mut paths)?;
    paths.sort();
    let mut tree = Tree {
        sources: Vec::new(),
        pages: Vec::new(),
    };
    for path in paths {
        let text =
            fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        problems.extend(rules::banned_words(&path, &text));
        match path.rsplit('.').next() {
            Some("rs") => tree.sources.push(Source::new(&path, text)),
            Some("py") => problems.extend(python::all(&path, &text)),
            Some("md") => tree.pages.push((path, text)),
            _ => {}
        }
    }
    Ok(tree)
}

/// Adds what a rule found to the problems, or says how many it would, while it is switched off.
fn refuse_or_count(refused: bool, what: &str, found: Vec<String>, problems: &mut Vec<String>) {
    if refused {
        problems.extend(found);
    } else if !found.is_empty() {
        let number = found.len();
        println!("tidy: {number} {what} to put right before their rule is switched on:");
        println!("{}", found.join("\n"));
    }
}

/// Paths of text files below `folder`, relative to `root`, without build outputs.
fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{folder:?}: {error}"))?;
    for entry in entries {
        let path = entry
            .map_err(|error| format!("{folder:?}: {error}"))?
            .path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            let foreign = name == ".git" || name.starts_with("target");
            if !foreign && !path.is_symlink() {
                collect(root, &path, paths)?;
            }
        } else if is_text(&name) {
            let relative = path.strip_prefix(root).expect("found below the root");
            paths.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or(name);
    TEXT.contains(&extension)
}

fn print_longest(sources: &[Source]) {
    let is_product = |source: &&Source| source.path.contains("/src/");
    let mut files: Vec<_> = sources
        .iter()
        .filter(is_product)
        .map(|source| (source.raw.lines().count(), source.path.clone()))
        .collect();
    let mut functions: Vec<_> = sources
        .iter()
        .filter(is_product)
        .flat_map(|source| {
            let to_row = |(name, line, length)| (length, format!("{} {name}", source.at(line)));
            source.functions().into_iter().map(to_row)
        })
        .collect();
    for (title, rows) in [
        ("files (aim: 500)", &mut files),
        ("functions (aim: 70)", &mut functions),
    ] {
        rows.sort_by(|left, right| right.cmp(left));
        println!("longest {title}:");
        for (length, what) in rows.iter().take(10) {
            println!("{length:>6} {what}");
        }
    }
}
