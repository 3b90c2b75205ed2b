//! Rules for Python files: a type on every parameter and result, and functions that fit a screen.

/// Lines that a function may have.
const MOST_LINES: usize = 70;

/// Everything wrong in a Python file.
pub(super) fn all(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = (0..lines.len()).filter(|&at| is_definition(lines[at]));
    starts
        .flat_map(|at| function(path, &lines[at..], at + 1))
        .collect()
}

fn is_definition(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("def ") || line.starts_with("async def ")
}

/// What is wrong in the function that begins at the first of `lines`, line `number` of the file.
fn function(path: &str, lines: &[&str], number: usize) -> Vec<String> {
    let (signature, rest) = signature(lines);
    let name = signature
        .split("def ")
        .nth(1)
        .and_then(|it| it.split('(').next())
        .unwrap_or_default();
    let mut problems = Vec::new();
    let length = rest + body_length(lines[0], &lines[rest..]);
    if length > MOST_LINES {
        problems.push(format!(
            "{path}:{number}: `{name}` has {length} lines: split it into parts of at most {MOST_LINES}"
        ));
    }
    let untyped = untyped_parameters(&signature);
    if !untyped.is_empty() {
        let names = untyped.join(", ");
        problems.push(format!("{path}:{number}: `{name}`: give a type to {names}"));
    }
    if !signature.contains("->") {
        problems.push(format!("{path}:{number}: `{name}`: say what it returns"));
    }
    problems
}

/// The text from `def` to the colon that opens the body, and how many lines it takes.
fn signature(lines: &[&str]) -> (String, usize) {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        text.push_str(line.split(" #").next().unwrap_or_default());
        text.push(' ');
        let depth =
            text.matches(['(', '[']).count() as isize - text.matches([')', ']']).count() as isize;
        if depth <= 0 && text.trim_end().ends_with(':') {
            return (text, index + 1);
        }
    }
    (text, lines.len())
}

/// Lines up to the last one that is indented further than the `def`.
fn body_length(definition: &str, lines: &[&str]) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(definition);
    let end = lines
        .iter()
        .position(|line| !line.trim().is_empty() && indent(line) <= own)
        .unwrap_or(lines.len());
    let blank = lines[..end]
        .iter()
        .rev()
        .take_while(|line| line.trim().is_empty());
    end - blank.count()
}

/// Parameters without a type; `self`, `cls`, `*` and `/` need none.
fn untyped_parameters(signature: &str) -> Vec<String> {
    let open = signature.find('(').map_or(0, |at| at + 1);
    let mut depth = 1;
    let mut parameters = vec![String::new()];
    for character in signature[open..].chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if character == ',' && depth == 1 {
            parameters.push(String::new());
        } else {
            parameters.last_mut().expect("one at least").push(character);
        }
    }
    parameters
        .iter()
        .map(|parameter| parameter.trim())
        .filter(|it| !it.is_empty() && !["self", "cls", "*", "/"].contains(it))
        .filter(|parameter| {
            !parameter
                .split('=')
                .next()
                .unwrap_or_default()
                .contains(':')
        })
        .map(|parameter| format!("`{parameter}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_functions_pass() {
        let text = "def f(a: int, b: dict[str, int] | None = None, *, c: str = \"x\") -> None:\n    pass\n\n\
                    class A:\n    def g(self,\n          x: int) -> tuple[int, str]:\n        return x, \"\"\n";
        assert!(all("a.py", text).is_empty());
    }

    #[test]
    fn a_missing_type_is_named() {
        let found = all("a.py", "\ndef f(a, b: int, c=1):\n    pass\n");
        assert_eq!(
            found,
            [
                "a.py:2: `f`: give a type to `a`, `c=1`",
                "a.py:2: `f`: say what it returns"
            ]
        );
    }

    #[test]
    fn long_functions_are_found_by_the_lines_of_their_own() {
        let body = "    x = 1\n\n".repeat(MOST_LINES / 2);
        let text = format!("def f() -> None:\n{body}\n\ndef g() -> None:\n    pass\n");
        assert!(all("a.py", &text).is_empty());
        let text =
            format!("def f() -> None:\n    y = 1\n{body}    z = 1\n\ndef g() -> None:\n    pass\n");
        let found = all("a.py", &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a.py:1: `f` has"), "{found:?}");
    }
}
