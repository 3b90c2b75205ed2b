//! The list of what tokio has: `tokio-1.54.txt`, parsed.

/// The list itself; its head says how a line is read.
const TEXT: &str = include_str!("tokio-1.54.txt");

/// Items that are absent on purpose, each with its reason.
const ABSENT: &str = include_str!("absent.txt");

/// One item of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) module: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: Name,
    /// Methods, associated constants, fields, variants.
    pub(super) members: Vec<Name>,
    pub(super) traits: Vec<Name>,
}

/// A name with its marks taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: &'static str,
    /// Behind `--cfg tokio_unstable` there.
    pub(super) is_unstable: bool,
    /// Where it exists, if not everywhere.
    pub(super) platform: Option<&'static str>,
}

impl Name {
    fn parse(word: &'static str) -> Self {
        let text = word.trim_end_matches('*');
        let is_unstable = text.len() < word.len();
        match text.split_once('(') {
            Some((text, platform)) => Self {
                text,
                is_unstable,
                platform: Some(platform.trim_end_matches(')')),
            },
            None => Self {
                text,
                is_unstable,
                platform: None,
            },
        }
    }

    /// Whether it exists on Linux, where the check runs.
    pub(super) fn is_here(self) -> bool {
        self.platform.is_none_or(|platform| platform == "unix")
    }
}

/// All items, in the order of the list.
pub(super) fn items() -> Result<Vec<Item>, String> {
    lines(TEXT).map(parse).collect()
}

/// Reasons for what is absent: the name of an item as in the page, and the reason.
pub(super) fn absent() -> Result<Vec<(&'static str, &'static str)>, String> {
    lines(ABSENT)
        .map(|line| {
            line.split_once(": ")
                .ok_or_else(|| format!("absent.txt: no reason in `{line}`"))
        })
        .collect()
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn parse(line: &'static str) -> Result<Item, String> {
    let mut words = line.splitn(4, ' ');
    let (Some(module), Some(kind), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("not `module kind name`: `{line}`"));
    };
    let rest = words.next().unwrap_or_default();
    let (name, rest) = match name.split_once(':') {
        Some((name, "")) => (name, rest),
        Some((name, tail)) => (
            name,
            if rest.is_empty() {
                tail
            } else {
                line_after(line, name)
            },
        ),
        None => (name, rest),
    };
    let (members, traits) = rest.split_once(';').unwrap_or((rest, ""));
    let names = |text: &'static str| text.split_whitespace().map(Name::parse).collect();
    Ok(Item {
        module,
        kind,
        name: Name::parse(name),
        members: names(members),
        traits: names(traits),
    })
}

/// What follows `name:` in `line`.
fn line_after(line: &'static str, name: &str) -> &'static str {
    line.split_once(&format!("{name}:"))
        .map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let item = parse("net struct TcpSocket(unix)*: new_v4 device(unix)*; AsFd(unix)").unwrap();
        assert_eq!((item.module, item.kind), ("net", "struct"));
        assert!(item.name.is_unstable && item.name.is_here());
        assert_eq!(item.members[1].text, "device");
        assert_eq!(item.members[1].platform, Some("unix"));
        assert_eq!(item.traits[0].text, "AsFd");
        let bare = parse("sync struct Id:; Clone").unwrap();
        assert_eq!((bare.members.len(), bare.traits.len()), (0, 1));
        assert!(parse("task fn").is_err());
    }

    #[test]
    fn the_whole_list_can_be_read_and_names_no_item_twice() {
        let items = items().unwrap();
        assert!(items.len() > 250);
        let mut names: Vec<_> = items
            .iter()
            .map(|item| (item.module, item.kind, item.name.text))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn absences_have_reasons() {
        for (item, reason) in absent().unwrap() {
            assert!(!item.is_empty() && reason.len() > 10, "{item}: {reason}");
        }
    }
}
