//! The attribute and function macros of `runtime`. Users never name this crate: `runtime`
//! re-exports everything in it that is for them.
//!
//! Every macro expands to paths of one root crate and takes nothing else for granted:
//!
//! | macro | where the root comes from |
//! |---|---|
//! | [`macro@main`], [`macro@test`] | `crate = path`, else the name under which the calling package imports `runtime`, else `runtime` |
//! | [`macro@tokio_main`], [`macro@tokio_test`] | `crate = path`, else `tokio` |
//! | `__select`, `__join`, `__try_join` | `$crate`, passed in by the `macro_rules!` shells in `runtime` |
//!
//! A name of the root stands as the user would write it, at the place of the call: it may be an
//! import or a module there. Who writes the attribute with a leading `::`, for want of a prelude
//! or because the name means something else, gets it with a leading `::`.
//!
//! The expanders are plain functions from tokens to `syn::Result` of tokens, so that their
//! errors are unit-tested without a compiler. Local names of an expansion carry
//! `Span::mixed_site()` (the user's code cannot see them); tokens of the user keep their own
//! spans, so that a type error points at the line that the user wrote.

#![forbid(unsafe_code)]

mod args;
mod entry;
#[cfg(test)]
mod fuzzed;
mod join;
mod select;

use args::{Placement, Role};
use entry::Defaults;
use proc_macro::TokenStream;
use proc_macro_crate::FoundCrate;
use proc_macro2::Span;
use quote::{ToTokens, quote};

/// Runs an `async fn` on a runtime made for it, so that it can be called like a plain function.
///
/// The arguments, all optional, in any order:
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `flavor = "multi_thread"` | `"multi_thread"`, `"current_thread"` or `"local"` (one thread, and `spawn_local` works) | `"multi_thread"` |
/// | `worker_threads = 4` | how many workers run tasks; `multi_thread` only | the cores this process may use |
/// | `start_paused = true` | starts with the clock paused; not with `multi_thread` | `false` |
/// | `name = "ingest"` | the name of the runtime | none |
/// | `unhandled_panic = "shutdown_runtime"` | what a panic in a spawned task does, or `"ignore"`; not with `multi_thread` | `"ignore"` |
/// | `root = "block_on"` | where the body runs, see below: `"spawn"` or `"block_on"` | see below |
/// | `crate = path` | the crate to expand to, as a path or a string | the name in `Cargo.toml`, as it is seen at the call |
///
/// # Where the body runs
///
/// On the multi-threaded flavour the body of `fn main` is a task like every other, and the
/// calling thread only waits for it: what it spawns and wakes stays on its worker, where it is
/// cheapest. The body is polled on the calling thread instead when
///
/// - it is not `Send + 'static`;
/// - the runtime has one worker, which a body that blocks its thread would take away;
/// - the function has generics, is `unsafe`, or mentions `Self`;
/// - `root = "block_on"` says so, for what must stay on the main thread: window systems,
///   thread-local state, an 8 MiB stack.
///
/// Functions of every other name are polled on the calling thread, for they may stand in an `impl`
/// whose parameters they use. `root = "spawn"` makes a task of any body; one that is not
/// `Send + 'static`, or whose value is not, is then an error (for `fn main` only the body counts).
///
/// To be put to that choice, the body of `fn main` is kept in an `async fn` inside of it, which
/// macros that ask for the name of their function see: `main::main`. With a `root` there is none.
///
/// A panic unwinds out of the function with its own payload in each case.
///
/// # Errors
///
/// `fn main` may return whatever a plain `main` may. The value is reported by the body's task, so
/// `Result<(), Box<dyn Error>>` need not be `Send`.
///
/// # Panics
///
/// The expanded function panics if the runtime cannot be built, and when called from inside a
/// runtime.
///
/// # Examples
///
/// ```ignore
/// #[runtime::main(worker_threads = 2)]
/// async fn main() {
///     runtime::spawn(async { println!("hello") }).await.unwrap();
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Role::Main, runtime_root(), Placement::Choose, args, item)
}

/// Runs an `async fn` as a test, each on a runtime of its own.
///
/// Takes the arguments of [`macro@main`]; the flavour is `"current_thread"` unless given, and the
/// body is always polled on the test's own thread.
///
/// # Examples
///
/// ```ignore
/// #[runtime::test(start_paused = true)]
/// async fn a_day_passes_at_once() {
///     runtime::time::sleep(std::time::Duration::from_secs(86_400)).await;
/// }
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Role::Test, runtime_root(), Placement::BlockOn, args, item)
}

/// [`macro@main`] for the `tokio` stand-in: the root is `tokio` and the body stays on the calling
/// thread, unless the arguments say otherwise.
#[proc_macro_attribute]
pub fn tokio_main(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Role::Main, root("tokio"), Placement::BlockOn, args, item)
}

/// [`macro@test`] for the `tokio` stand-in: the root is `tokio`, unless the arguments say
/// otherwise.
#[proc_macro_attribute]
pub fn tokio_test(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Role::Test, root("tokio"), Placement::BlockOn, args, item)
}

/// The expander behind `select!`. Input: `{ root } branches`.
#[doc(hidden)]
#[proc_macro]
pub fn __select(input: TokenStream) -> TokenStream {
    function(input, select::expand)
}

/// The expander behind `join!`. Input: `{ root } futures`.
#[doc(hidden)]
#[proc_macro]
pub fn __join(input: TokenStream) -> TokenStream {
    function(input, join::expand)
}

/// The expander behind `try_join!`. Input: `{ root } futures`.
#[doc(hidden)]
#[proc_macro]
pub fn __try_join(input: TokenStream) -> TokenStream {
    function(input, join::expand_try)
}

/// Expands an attribute. On an error the function is expanded with the default arguments beside
/// the message, so that one mistake is not followed by "`main` function not found".
fn attribute(
    role: Role,
    root: proc_macro2::TokenStream,
    placement: Placement,
    args: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let defaults = Defaults { root, placement };
    let item = proc_macro2::TokenStream::from(item);
    let expanded = entry::expand(role, args.into(), item.clone(), &defaults);
    let tokens = expanded.unwrap_or_else(|error| {
        let mut tokens = error.to_compile_error();
        let no_args = proc_macro2::TokenStream::new();
        let without_args = entry::expand(role, no_args, item.clone(), &defaults);
        tokens.extend(without_args.unwrap_or_else(|_| entry::placeholder(item)));
        tokens
    });
    tokens.into()
}

/// Splits the root off the input of a function-like macro and expands the rest.
fn function(
    input: TokenStream,
    expand: fn(
        proc_macro2::TokenStream,
        &proc_macro2::TokenStream,
    ) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let mut input = proc_macro2::TokenStream::from(input).into_iter();
    let expanded = match input.next() {
        Some(proc_macro2::TokenTree::Group(root)) => expand(input.collect(), &root.stream()),
        other => Err(syn::Error::new_spanned(
            other.map(ToTokens::into_token_stream),
            "call `select!`, `join!` or `try_join!` of the runtime crate instead",
        )),
    };
    expanded
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// The name under which the calling package imports `runtime`; `runtime` where it cannot be known
/// (a package that has it through another one's re-export).
fn runtime_root() -> proc_macro2::TokenStream {
    match proc_macro_crate::crate_name("runtime") {
        Ok(FoundCrate::Name(name)) => root(&name),
        // Our own tests, examples and documentation see the library under its own name.
        Ok(FoundCrate::Itself) | Err(_) => root("runtime"),
    }
}

/// The name of a crate as it is seen at the call.
fn root(name: &str) -> proc_macro2::TokenStream {
    let name = proc_macro2::Ident::new(name, Span::call_site());
    match written_absolute(proc_macro::Span::call_site().source_text().as_deref()) {
        true => quote!(::#name),
        false => quote!(#name),
    }
}

/// Whether the path of an attribute begins with `::`, from the text of `#[path(arguments)]`.
/// Without a text (the attribute comes out of another macro) it does not.
fn written_absolute(attribute: Option<&str>) -> bool {
    attribute.is_some_and(|text| {
        let is_bracket = |letter: char| "#[".contains(letter) || letter.is_whitespace();
        text.trim_start_matches(is_bracket).starts_with("::")
    })
}

#[cfg(test)]
mod tests {
    use super::written_absolute;

    #[test]
    fn a_leading_colon_is_seen() {
        for text in [
            "#[::tokio::main]",
            "# [ ::a::test(b = c) ]",
            "::tokio::test",
        ] {
            assert!(written_absolute(Some(text)), "{text}");
        }
        for text in ["#[tokio::main]", "#[main(crate = ::a)]", "tokio::test", ""] {
            assert!(!written_absolute(Some(text)), "{text}");
        }
        assert!(!written_absolute(None));
    }
}
