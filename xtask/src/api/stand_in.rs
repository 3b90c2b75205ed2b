//! Whether the package named tokio has tokio's names and no others: a name more stands in the way
//! of a program's own where it imports all of a module.

use std::collections::BTreeSet;

use super::found::Surface;
use super::list::Item;

/// What tokio has but hides, and the page does not count; `macros::support` is for expansions, and
/// `sync::mpmc` is ours.
const HIDDEN: &[(&str, &str)] = &[
    ("macros", "support"),
    ("sync", "mpmc"),
    ("sync::mpsc::error", "RecvError"),
    ("task", "Unconstrained"),
    ("task", "consume_budget"),
    ("task", "unconstrained"),
];

/// Names that are missing or too many, as complaints.
pub(super) fn problems(items: &[Item], surface: &Surface) -> Vec<String> {
    let listed: BTreeSet<(&str, &str)> = items
        .iter()
        .filter(|item| item.name.is_here())
        .map(|item| (item.module, item.name.text))
        .collect();
    let there: BTreeSet<(&str, &str)> = surface
        .keys()
        .map(|(module, name)| (module.as_str(), name.as_str()))
        .collect();
    let missing = listed.difference(&there);
    let more = there.difference(&listed);
    let missing = missing.map(|(module, name)| format!("tokio/src lacks {module}::{name}"));
    let more = more
        .filter(|name| !HIDDEN.contains(name))
        .map(|(module, name)| format!("tokio/src has {module}::{name}, which tokio has not"));
    missing.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use super::*;

    #[test]
    fn names_too_few_and_too_many_are_found() {
        let items = list::items().unwrap();
        let mut surface: Surface = items
            .iter()
            .filter(|item| item.name.is_here())
            .map(|item| (item.module.to_owned(), item.name.text.to_owned()))
            .map(|name| (name, Default::default()))
            .collect();
        let unconstrained = ("task".to_owned(), "unconstrained".to_owned());
        surface.insert(unconstrained, Default::default());
        assert_eq!(problems(&items, &surface), [""; 0]);
        surface.remove(&("sync".to_owned(), "Mutex".to_owned()));
        let scope = ("task".to_owned(), "Scope".to_owned());
        surface.insert(scope, Default::default());
        assert_eq!(
            problems(&items, &surface),
            [
                "tokio/src lacks sync::Mutex",
                "tokio/src has task::Scope, which tokio has not"
            ]
        );
    }
}
