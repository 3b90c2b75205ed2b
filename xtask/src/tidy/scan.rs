//! A Rust file with its comments and literals blanked out, so that rules see code alone.
//!
//! No parser: only what is needed to tell code from comments, to match braces, and to find test
//! modules. Every blanked character becomes a space, so lines and columns stay.

use std::ops::Range;

/// A source file, with the path relative to the root.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) raw: String,
    /// The text with comments and the contents of literals blanked.
    pub(super) code: String,
    /// Lines (from 0) of the items under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(path: &str, raw: String) -> Self {
        let code = blank(&raw);
        let tests = test_items(&code);
        Self {
            path: path.to_owned(),
            raw,
            code,
            tests,
        }
    }

    /// Whether the line (from 0) belongs to tests.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.tests.iter().any(|range| range.contains(&line))
    }

    /// Lines of code outside tests, with their numbers from 0.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .filter(|&(line, _)| !self.is_test(line))
    }

    /// The line (from 0) of a byte of `code`.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count()
    }

    /// `path:line`, the line counted from 1 as editors do.
    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }

    /// Every function with a body: its name, first line, and number of lines.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for start in words(&self.code, "fn") {
            let name: String = self.code[start + 2..]
                .trim_start()
                .chars()
                .take_while(is_word)
                .collect();
            if let (false, Some(end)) = (name.is_empty(), end_of_body(&self.code, start)) {
                let (first, last) = (self.line_of(start), self.line_of(end));
                found.push((name, first, last - first + 1));
            }
        }
        found
    }
}

pub(super) fn is_word(character: &char) -> bool {
    character.is_alphanumeric() || *character == '_'
}

/// Offsets at which `word` stands alone.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(move |&offset| {
            let before = code[..offset].chars().next_back();
            let after = code[offset + word.len()..].chars().next();
            !before.is_some_and(|it| is_word(&it)) && !after.is_some_and(|it| is_word(&it))
        })
}

/// The end of the item that starts at `start`: its closing brace, or none if it ends in `;`.
fn end_of_body(code: &str, start: usize) -> Option<usize> {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (offset, character) in code[start..].char_indices() {
        match character {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces <= 0 {
                    return Some(start + offset);
                }
            }
            ';' if brackets <= 0 && braces == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Items under a `cfg` that asks for `test`.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let line_of = |offset: usize| code[..offset].matches('\n').count();
    let mut items = Vec::new();
    for (start, _) in code.match_indices("#[cfg(") {
        let Some(length) = code[start..].find(']') else {
            continue;
        };
        let attribute = &code[start..start + length];
        if words(attribute, "test").next().is_some() && !attribute.contains("not(test") {
            let body = start + length + 1;
            let end = end_of_body(code, body)
                .or_else(|| code[body..].find(';').map(|offset| body + offset))
                .unwrap_or(body);
            items.push(line_of(start)..line_of(end) + 1);
        }
    }
    items
}

/// Replaces comments and the contents of literals by spaces.
pub(super) fn blank(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < text.len() {
        let end = match literal_or_comment(&text, at) {
            Some(end) => end.min(text.len()),
            None => {
                out.push(text[at]);
                at += 1;
                continue;
            }
        };
        out.extend(
            text[at..end]
                .iter()
                .map(|&it| if it == '\n' { '\n' } else { ' ' }),
        );
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends; none if neither begins there.
fn literal_or_comment(text: &[char], at: usize) -> Option<usize> {
    let next = text.get(at + 1).copied();
    let after_word = at > 0 && is_word(&text[at - 1]);
    match text[at] {
        '/' if next == Some('/') => Some(find(text, at, |it| it == '\n')),
        '/' if next == Some('*') => Some(end_of_block_comment(text, at)),
        '"' => Some(end_of_string(text, at)),
        'r' if !after_word || matches!(text[at - 1], 'b' | 'c') => end_of_raw_string(text, at),
        '\'' if next == Some('\\') => Some(find(text, at + 3, |it| it == '\'') + 1),
        '\'' if text.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

fn find(text: &[char], from: usize, is_end: impl Fn(char) -> bool) -> usize {
    (from..text.len())
        .find(|&index| is_end(text[index]))
        .unwrap_or(text.len())
}

fn end_of_string(text: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// None if the `r` at `start` begins no raw string.
fn end_of_raw_string(text: &[char], start: usize) -> Option<usize> {
    let quote = find(text, start + 1, |it| it != '#');
    let hashes = quote - start - 1;
    if text.get(quote) != Some(&'"') {
        return None;
    }
    let closes = |&index: &usize| {
        let tail = &text[index + 1..];
        text[index] == '"' && tail.len() >= hashes && tail[..hashes].iter().all(|&it| it == '#')
    };
    let close = (quote + 1..text.len()).find(closes)?;
    Some(close + hashes + 1)
}

fn end_of_block_comment(text: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a line when spaces are dropped.
    fn left(source: &str) -> String {
        blank(source).split_whitespace().collect()
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(left("a /* b /* c */ d */ e // f"), "ae");
        assert_eq!(left(r#"a("b \" // c") + d"#), "a()+d");
        assert_eq!(left(r###"a(r#"b " c"#, br"d\", e)"###), "a(,b,e)");
        assert_eq!(left("x == '\"' || y == '\\'' || 'z' == z"), "x==||y==||==z");
    }

    /// A lifetime is no character, a raw identifier no string.
    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        assert_eq!(
            left("fn f<'a>(x: &'a str, r#type: u8)"),
            "fnf<'a>(x:&'astr,r#type:u8)"
        );
    }

    #[test]
    fn blanking_keeps_lines() {
        let source = "a \"b\nc\" /*\n*/ d";
        assert_eq!(blank(source).matches('\n').count(), 2);
        assert_eq!(blank(source).chars().count(), source.chars().count());
    }

    #[test]
    fn items_under_cfg_test_are_tests() {
        let source = "fn a() {}\n#[cfg(all(test, not(loom)))]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n\
                      #[cfg(not(test))]\nfn d() {}\n#[cfg(test)]\nmod e;\nfn f() {}\n";
        let source = Source::new("x/src/y.rs", source.to_owned());
        let tests: Vec<_> = (0..11).filter(|&line| source.is_test(line)).collect();
        assert_eq!(tests, [1, 2, 3, 4, 8, 9]);
    }

    #[test]
    fn functions_are_measured_from_name_to_brace() {
        let source =
            "trait T {\n    fn a(&self, x: [u8; 4]);\n    fn b() {\n        \"}\";\n    }\n}\n";
        let source = Source::new("x.rs", source.to_owned());
        assert_eq!(source.functions(), [("b".to_owned(), 2, 3)]);
    }
}
