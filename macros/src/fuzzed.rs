//! All expanders over whatever tokens there are: none panics, and what it says is an expansion can
//! be parsed. (If the item of an attribute can: its body is passed on as it is.)
//!
//! [`check`] is fed by the test below and by a fuzz target, which brings these files in by their
//! path.

use crate::args::{Placement, Role};
use crate::entry::{self, Defaults};
use crate::{join, select};
use proc_macro2::TokenStream;
use quote::quote;

/// What the macros know, and what surrounds it in programs. [`decode`] makes texts of it.
const WORDS: &[&str] = &[
    "biased",
    ";",
    ",",
    "=",
    "=>",
    "if",
    "else",
    "_",
    "x",
    "mut",
    "ref",
    "&",
    "|",
    "Some(x)",
    "Ok(x) | Err(x)",
    "1..=2",
    "[a, ..]",
    "Point { x, .. }",
    "CONST",
    "f()",
    "f().await",
    "{ 1 }",
    "{}",
    "()",
    "async { 1 }",
    "async move {}",
    "return",
    "break",
    "|| 1",
    "move || {}",
    "!x",
    "x?",
    "match x { _ => 1 }",
    "if x { 1 } else { 2 }",
    "loop {}",
    "let x = 1",
    "..",
    "...",
    "#",
    "#[cfg(x)]",
    "#[must_use]",
    "'a",
    "'a: loop {}",
    "1",
    "\"text\"",
    "b\"\"",
    "r#type",
    "crate",
    "crate = path",
    "crate = \"path\"",
    "crate = \"\"",
    "flavor = \"multi_thread\"",
    "flavor = \"current_thread\"",
    "flavor = \"local\"",
    "flavor = \"\"",
    "flavor = 1",
    "worker_threads = 4",
    "worker_threads = 0",
    "worker_threads = 99999999999999999999",
    "worker_threads = \"4\"",
    "start_paused = true",
    "start_paused",
    "name = \"n\"",
    "name = \"\\0\"",
    "unhandled_panic = \"ignore\"",
    "unhandled_panic = \"shutdown_runtime\"",
    "root = \"spawn\"",
    "root = \"block_on\"",
    "root = \"\"",
    "async",
    "fn",
    "async fn main() {}",
    "fn main() {}",
    "async fn main() -> Result<(), ()> { Ok(()) }",
    "async fn f<T>(x: T) -> impl Trait {}",
    "async unsafe extern \"C\" fn f(&self, mut x: u8) where Self: Sized {}",
    "async fn f();",
    "pub(crate)",
    "const",
    "unsafe",
    "impl X {}",
    "-> u8",
    "<T>",
    "where T:",
    "Self",
    "self",
    "#![x]",
    "macro!()",
    "macro!{}",
    "$x",
    "::",
    "a::b::<C>",
    "\u{1F980}",
    "/// doc\n",
    "//! doc\n",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
];

/// Where arguments of an attribute end and its item begins.
const CUT: &str = "@@";

/// Expands `text` by every macro.
///
/// # Panics
///
/// Panics if an expander does, or if what it gives cannot be parsed.
pub(crate) fn check(text: &str) {
    let root = quote!(::root);
    if let Ok(tokens) = text.replace(CUT, " ").parse::<TokenStream>() {
        for expand in [select::expand, join::expand, join::expand_try] {
            match expand(tokens.clone(), &root) {
                Ok(expanded) => {
                    let parsed = syn::parse2::<syn::Expr>(expanded.clone());
                    assert!(parsed.is_ok(), "{text}\n{expanded}\n{:?}", parsed.err());
                }
                Err(error) => drop(error.to_compile_error()),
            }
        }
    }
    let (args, item) = text.split_once(CUT).unwrap_or(("", text));
    let (Ok(args), Ok(item)) = (args.parse::<TokenStream>(), item.parse::<TokenStream>()) else {
        return;
    };
    for role in [Role::Main, Role::Test] {
        for placement in [Placement::Spawn, Placement::BlockOn] {
            let root = root.clone();
            let defaults = Defaults { root, placement };
            match entry::expand(role, args.clone(), item.clone(), &defaults) {
                Ok(expanded) if syn::parse2::<syn::File>(item.clone()).is_ok() => {
                    let parsed = syn::parse2::<syn::File>(expanded.clone());
                    assert!(parsed.is_ok(), "{text}\n{expanded}\n{:?}", parsed.err());
                }
                Ok(_) => {}
                Err(error) => drop(error.to_compile_error()),
            }
        }
    }
    drop(entry::placeholder(item));
}

/// Makes a text of bytes: of words, each named by one, or, if the first is odd, of the bytes.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    if first % 2 == 1 {
        return String::from_utf8_lossy(rest).into_owned();
    }
    let word = |&byte: &u8| match WORDS.get(usize::from(byte)) {
        Some(word) => word,
        // Often, as each attribute has one.
        None if byte < 200 => CUT,
        // And what the macros are full of.
        None => ["x = f() => {}", "f()", ",", ";"][usize::from(byte) % 4],
    };
    rest.iter().map(word).flat_map(|it| [it, " "]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64.
    fn bytes(seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
        };
        let count = next() % 12;
        // Of words: bytes alone are seldom tokens.
        std::iter::once(0)
            .chain((0..count).map(|_| next() as u8))
            .collect()
    }

    #[test]
    fn no_text_makes_an_expander_panic() {
        for seed in 0..2_000 {
            check(&decode(&bytes(seed)));
        }
    }

    /// Whole uses of the macros, with one word too many somewhere, or in place of another.
    #[test]
    fn no_word_too_many_makes_an_expander_panic() {
        let uses = [
            "biased ; x = f() , if x => {} Some(x) = f() => x , else => {}",
            "_ = f() => return , x = async { 1 } => { 1 }",
            "f() , g() , async move {} ,",
            "flavor = \"multi_thread\" , worker_threads = 4 , crate = path @@ async fn main() {}",
            "start_paused = true , flavor = \"local\" @@ #[cfg(x)] pub async fn f<T>(x: T) -> u8 { 1 }",
        ];
        for text in uses {
            let parts: Vec<&str> = text.split(' ').collect();
            for at in 0..=parts.len() {
                // One in five of all pairs of a place and a word.
                for word in WORDS.iter().skip(at % 5).step_by(5) {
                    let (before, after) = parts.split_at(at);
                    let rest = after.get(1..).unwrap_or_default();
                    check(&[before, &[word], after].concat().join(" "));
                    check(&[before, &[word], rest].concat().join(" "));
                }
            }
        }
    }
}
