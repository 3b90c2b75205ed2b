//! What `runtime` has: read from rustdoc's JSON, re-exports resolved.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A public item.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) members: BTreeSet<String>,
    pub(super) traits: BTreeSet<String>,
}

/// Public items by module (`crate` for the root) and name.
pub(super) type Surface = BTreeMap<(String, String), Found>;

/// Reads the output of `rustdoc --output-format json`.
pub(super) fn read(json: &str) -> Result<Surface, String> {
    let document: Value =
        serde_json::from_str(json).map_err(|error| format!("rustdoc's JSON: {error}"))?;
    let index = &document["index"];
    if !index.is_object() {
        return Err("rustdoc's JSON has no index: its format changed".to_owned());
    }
    let mut surface = Surface::new();
    walk(index, &document["root"], "crate", &mut surface);
    Ok(surface)
}

/// Describes what `surface` has only by name, as an item of another crate, with the items of that
/// crate's root.
pub(super) fn fill(surface: &mut Surface, below: Surface) {
    for ((module, name), found) in below {
        let is_bare = |item: &Found| item.members.is_empty() && item.traits.is_empty();
        let re_exports = surface
            .iter_mut()
            .filter(|((_, bare), item)| *bare == name && is_bare(item));
        if module == "crate" {
            for (_, item) in re_exports {
                item.members.clone_from(&found.members);
                item.traits.clone_from(&found.traits);
            }
        }
    }
}

fn walk(index: &Value, module: &Value, path: &str, surface: &mut Surface) {
    let items = &item(index, module)["inner"]["module"]["items"];
    for id in items.as_array().into_iter().flatten() {
        enter(index, id, None, path, surface);
    }
}

/// Adds the item with this id, under the name it is re-exported with.
fn enter(index: &Value, id: &Value, rename: Option<&str>, path: &str, surface: &mut Surface) {
    let entry = item(index, id);
    let inner = &entry["inner"];
    if let Some(import) = inner.get("use") {
        let name = import["name"].as_str();
        if import["is_glob"] == true {
            walk(index, &import["id"], path, surface);
        } else if item(index, &import["id"]).is_null() {
            // An item of another crate.
            let name = name.unwrap_or_default().to_owned();
            surface.entry((path.to_owned(), name)).or_default();
        } else {
            enter(index, &import["id"], name, path, surface);
        }
        return;
    }
    let Some(name) = rename.or(entry["name"].as_str()) else {
        return;
    };
    if inner.get("module").is_some() {
        let below = match path {
            "crate" => name.to_owned(),
            _ => format!("{path}::{name}"),
        };
        walk(index, id, &below, surface);
        return;
    }
    let found = surface
        .entry((path.to_owned(), name.to_owned()))
        .or_default();
    for kind in ["struct", "enum", "trait"] {
        if let Some(definition) = inner.get(kind) {
            describe(index, definition, found);
        }
    }
}

/// Fields, variants, methods and implemented traits of a definition.
fn describe(index: &Value, definition: &Value, found: &mut Found) {
    let ids = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut members = ids(&definition["items"]);
    members.extend(ids(&definition["variants"]));
    members.extend(ids(&definition["kind"]["plain"]["fields"]));
    for id in ids(&definition["impls"]) {
        let block = &item(index, &id)["inner"]["impl"];
        match block["trait"]["path"].as_str() {
            None => members.extend(ids(&block["items"])),
            Some(path) => {
                // Blanket impls say nothing: everything is `From` itself.
                let says = block["is_negative"] != true && block["blanket_impl"].is_null();
                let name = path.rsplit("::").next().unwrap_or(path);
                if says {
                    found.traits.insert(name.to_owned());
                }
            }
        }
    }
    let names = members
        .iter()
        .filter_map(|id| item(index, id)["name"].as_str());
    found.members.extend(names.map(str::to_owned));
}

fn item<'a>(index: &'a Value, id: &Value) -> &'a Value {
    &index[id.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn re_exports_methods_and_traits_are_found() {
        let json = r#"{"root": 0, "index": {
            "0": {"name": "runtime", "inner": {"module": {"items": [1, 2]}}},
            "1": {"name": "sync", "inner": {"module": {"items": [3]}}},
            "2": {"name": null, "inner": {"use": {"name": "error", "id": 99, "is_glob": false}}},
            "3": {"name": null, "inner": {"use": {"name": "Lock", "id": 4, "is_glob": false}}},
            "4": {"name": "Mutex", "inner": {"struct": {"kind": "unit", "impls": [5, 6, 7]}}},
            "5": {"name": null, "inner": {"impl": {"trait": null, "items": [8]}}},
            "6": {"name": null, "inner": {"impl": {"trait": {"path": "std::clone::Clone"},
                  "items": [], "is_negative": false, "blanket_impl": null}}},
            "7": {"name": null, "inner": {"impl": {"trait": {"path": "From"},
                  "items": [], "is_negative": false, "blanket_impl": {"generic": "T"}}}},
            "8": {"name": "lock", "inner": {"function": {}}}
        }}"#;
        let surface = read(json).unwrap();
        assert!(surface.contains_key(&("crate".to_owned(), "error".to_owned())));
        let lock = &surface[&("sync".to_owned(), "Lock".to_owned())];
        assert!(lock.members.contains("lock"));
        assert_eq!(lock.traits.iter().collect::<Vec<_>>(), ["Clone"]);
        assert!(read("{}").is_err());
    }
}
