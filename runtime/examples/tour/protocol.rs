//! The protocol: one command per line in, one answer per line out. Pure functions of text.

use std::fmt;
use std::str::{self, SplitWhitespace};
use std::time::Duration;

/// The longest line in bytes, its end not counted.
pub(crate) const MAX_LINE: usize = 4096;
/// The longest key in bytes.
pub(crate) const MAX_KEY: usize = 256;
/// How often `HASH` mixes if it is not told.
pub(crate) const DEFAULT_ROUNDS: u64 = 20_000;

/// One command, borrowed from its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Get(&'a str),
    Set(&'a str, &'a str),
    Del(&'a str),
    Incr(&'a str),
    Expire(&'a str, Duration),
    Ttl(&'a str),
    Watch(&'a str, Duration),
    Hash(&'a str, u64),
    Stats,
    Help,
    Quit,
}

/// The commands and their arguments, for `HELP` and for refusals.
const COMMANDS: [(&str, &str); 11] = [
    ("GET", "GET <key>"),
    ("SET", "SET <key> <value to the end of the line>"),
    ("DEL", "DEL <key>"),
    ("INCR", "INCR <key>"),
    ("EXPIRE", "EXPIRE <key> <milliseconds>"),
    ("TTL", "TTL <key>"),
    ("WATCH", "WATCH <key> [milliseconds]"),
    ("HASH", "HASH <key> [rounds]"),
    ("STATS", "STATS"),
    ("HELP", "HELP"),
    ("QUIT", "QUIT"),
];

/// Why a line is no command. Displayed as the answer to it, which says what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Empty,
    NotText,
    TooLong,
    Unknown(String),
    /// What was wrong, and how the command is written.
    Arguments(&'static str, &'static str),
    KeyTooLong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("ERR empty line: send HELP for the commands"),
            Self::NotText => f.write_str("ERR not UTF-8: send lines of text"),
            Self::TooLong => write!(f, "ERR line too long: send at most {MAX_LINE} bytes"),
            Self::Unknown(name) => {
                write!(
                    f,
                    "ERR unknown command {name:?}: send HELP for the commands"
                )
            }
            Self::Arguments(problem, usage) => write!(f, "ERR {problem}: write {usage}"),
            Self::KeyTooLong => write!(f, "ERR key too long: use at most {MAX_KEY} bytes"),
        }
    }
}

/// The answer to `HELP`.
pub(crate) fn help() -> String {
    let usages: Vec<_> = COMMANDS.iter().map(|(_, usage)| *usage).collect();
    format!("OK one command per line: {}", usages.join("; "))
}

/// Reads a line without its end; a carriage return there is taken for part of the end.
pub(crate) fn parse(line: &[u8]) -> Result<Command<'_>, Refusal> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE {
        return Err(Refusal::TooLong);
    }
    let line = str::from_utf8(line)
        .map_err(|_| Refusal::NotText)?
        .trim_start();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if name.is_empty() {
        return Err(Refusal::Empty);
    }
    let upper = name.to_ascii_uppercase();
    let Some(&(name, usage)) = COMMANDS.iter().find(|(known, _)| *known == upper) else {
        // A long word is not sent back whole.
        return Err(Refusal::Unknown(name.chars().take(20).collect()));
    };
    let refuse = |problem| Err(Refusal::Arguments(problem, usage));
    if name == "SET" {
        return match rest.trim_start().split_once(' ') {
            Some((key, value)) if !value.is_empty() => Ok(Command::Set(key_of(key)?, value)),
            _ => refuse("SET needs a key and a value"),
        };
    }
    let mut words = rest.split_whitespace();
    let command = match name {
        "STATS" => Command::Stats,
        "HELP" => Command::Help,
        "QUIT" => Command::Quit,
        _ => {
            let Some(key) = words.next() else {
                return refuse("the key is missing");
            };
            match with_key(name, key_of(key)?, &mut words) {
                Ok(command) => command,
                Err(problem) => return refuse(problem),
            }
        }
    };
    match words.next() {
        None => Ok(command),
        Some(_) => refuse("too many arguments"),
    }
}

/// The commands whose first argument is a key.
fn with_key<'a>(
    name: &str,
    key: &'a str,
    words: &mut SplitWhitespace<'a>,
) -> Result<Command<'a>, &'static str> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let mut number = || match words.next().map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err("the number is not one"),
    };
    Ok(match name {
        "GET" => Command::Get(key),
        "DEL" => Command::Del(key),
        "INCR" => Command::Incr(key),
        "TTL" => Command::Ttl(key),
        "HASH" => Command::Hash(key, number()?.unwrap_or(DEFAULT_ROUNDS)),
        "WATCH" => Command::Watch(
            key,
            Duration::from_millis(number()?.unwrap_or(30_000).min(DAY_MS)),
        ),
        _ => match number()? {
            Some(milliseconds) => {
                Command::Expire(key, Duration::from_millis(milliseconds.min(DAY_MS)))
            }
            None => return Err("the milliseconds are missing"),
        },
    })
}

fn key_of(key: &str) -> Result<&str, Refusal> {
    match key.len() <= MAX_KEY {
        true => Ok(key),
        false => Err(Refusal::KeyTooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_any_case_and_line_end() {
        assert_eq!(parse(b"GET a"), Ok(Command::Get("a")));
        assert_eq!(parse(b"  get   a \r"), Ok(Command::Get("a")));
        assert_eq!(parse(b"SET a b c  d"), Ok(Command::Set("a", "b c  d")));
        assert_eq!(
            parse(b"EXPIRE a 5"),
            Ok(Command::Expire("a", Duration::from_millis(5)))
        );
        assert_eq!(parse(b"HASH a"), Ok(Command::Hash("a", DEFAULT_ROUNDS)));
        assert_eq!(parse(b"HASH a 7"), Ok(Command::Hash("a", 7)));
        assert_eq!(
            parse(b"WATCH a 9"),
            Ok(Command::Watch("a", Duration::from_millis(9)))
        );
        assert_eq!(parse(b"QUIT"), Ok(Command::Quit));
    }

    #[test]
    fn every_refusal_starts_with_err_and_says_what_to_do() {
        let long = vec![b'x'; MAX_LINE + 1];
        let long_key = [b"GET ".as_slice(), &vec![b'k'; MAX_KEY + 1]].concat();
        let cases: [(&[u8], &str); 12] = [
            (b"", "send HELP"),
            (b"\r", "send HELP"),
            (b"\xff\xfe", "send lines of text"),
            (&long, "at most 4096 bytes"),
            (&long_key, "at most 256 bytes"),
            (b"FLY away", "send HELP"),
            (b"GET", "write GET <key>"),
            (b"GET a b", "too many arguments"),
            (b"SET a", "write SET <key> <value"),
            (b"EXPIRE a", "milliseconds are missing"),
            (b"EXPIRE a soon", "number is not one"),
            (b"HASH a -1", "write HASH"),
        ];
        for (line, advice) in cases {
            let answer = parse(line).unwrap_err().to_string();
            assert!(
                answer.starts_with("ERR ") && answer.contains(advice),
                "{answer}"
            );
            assert!(!answer.contains('\n') && answer.len() < 200, "{answer}");
        }
    }

    /// An answer is one line whatever the client sent.
    #[test]
    fn control_characters_of_an_unknown_command_are_escaped() {
        let answer = parse(b"\x1b[2J\x07").unwrap_err().to_string();
        assert!(answer.chars().all(|c| !c.is_control()), "{answer:?}");
    }

    #[test]
    fn no_line_makes_the_parser_panic() {
        // Every pair of bytes after every command's name.
        for (name, _) in COMMANDS {
            for pair in 0..=u16::MAX {
                let [a, b] = pair.to_be_bytes();
                let _ = parse(&[name.as_bytes(), b" ", &[a, b]].concat());
            }
        }
    }

    #[test]
    fn help_names_every_command() {
        assert!(COMMANDS.iter().all(|(name, _)| help().contains(name)));
    }
}
