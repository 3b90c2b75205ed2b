//! The arguments of `#[main]` and `#[test]`: a typed parser whose errors point at the argument.
//!
//! Two steps. [`Args::parse`] reads `name = value` pairs and reports every bad one at once;
//! [`Args::check`] then refuses combinations that make no sense. Values keep their spans until
//! the second step is over.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Meta, Path, Token};

/// What the attribute makes of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Main,
    Test,
}

/// Which scheduler runs the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
    /// One thread, and tasks that need not be `Send`.
    Local,
}

/// Where the body of the function is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// As a task on the workers, where the types and the worker count allow it. Cannot be asked
    /// for; it is a default.
    Choose,
    /// As a task on the workers, where their count allows it.
    Spawn,
    /// On the calling thread.
    BlockOn,
}

/// What a panic in a spawned task does to the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnhandledPanic {
    Ignore,
    ShutdownRuntime,
}

/// The arguments as given: nothing is filled in. Those that [`Args::check`] may still refuse keep
/// their span.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) flavor: Option<Flavor>,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) start_paused: Option<LitBool>,
    pub(crate) name: Option<LitStr>,
    pub(crate) unhandled_panic: Option<(UnhandledPanic, Span)>,
    pub(crate) placement: Option<(Placement, Span)>,
    pub(crate) krate: Option<Path>,
}

const ALLOWED: &str = "`flavor`, `worker_threads`, `start_paused`, `name`, `unhandled_panic`, \
                       `root`, `crate`";

impl Args {
    /// Reads the arguments. All errors are reported together.
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut args = Self::default();
        let errors = metas.iter().filter_map(|meta| args.read(meta).err());
        errors
            .reduce(|mut all, next| {
                all.combine(next);
                all
            })
            .map_or(Ok(()), Err)?;
        Ok(args)
    }

    /// Reads one argument.
    fn read(&mut self, meta: &Meta) -> syn::Result<()> {
        let Some(ident) = meta.path().get_ident() else {
            return Err(Error::new_spanned(
                meta,
                format!("an argument must be a single name; expected one of: {ALLOWED}"),
            ));
        };
        let name = ident.to_string();
        if let Some(message) = unknown(&name) {
            return Err(Error::new_spanned(meta, message));
        }
        let Meta::NameValue(pair) = meta else {
            return Err(Error::new_spanned(
                meta,
                format!("`{name}` needs a value: write `{name} = ...`"),
            ));
        };
        let value = &pair.value;
        let fresh = match &*name {
            "flavor" => self.flavor.replace(flavor(value)?).is_none(),
            "worker_threads" => self.worker_threads.replace(count(value)?).is_none(),
            "start_paused" => self.start_paused.replace(boolean(value)?).is_none(),
            "name" => self.name.replace(string(&name, value)?).is_none(),
            "unhandled_panic" => {
                let policy = (unhandled_panic(value)?, value.span());
                self.unhandled_panic.replace(policy).is_none()
            }
            "root" => {
                let placement = (placement(value)?, value.span());
                self.placement.replace(placement).is_none()
            }
            _ => self.krate.replace(path(value)?).is_none(),
        };
        match fresh {
            true => Ok(()),
            false => Err(Error::new_spanned(
                meta,
                format!("`{name}` is set multiple times; keep one of them"),
            )),
        }
    }

    /// Refuses options that the flavour does not have.
    pub(crate) fn check(&self, role: Role, flavor: Flavor, attribute: &str) -> syn::Result<()> {
        let multi_thread = flavor == Flavor::MultiThread;
        if let (Some(count), false) = (&self.worker_threads, multi_thread) {
            return Err(Error::new(
                count.span(),
                format!(
                    "the `worker_threads` option requires the `multi_thread` runtime flavor; use \
                     `#[{attribute}(flavor = \"multi_thread\")]`"
                ),
            ));
        }
        if let (Some(paused), true) = (&self.start_paused, multi_thread) {
            return Err(Error::new(
                paused.span(),
                format!(
                    "the `start_paused` option requires the `current_thread` runtime flavor; use \
                     `#[{attribute}(flavor = \"current_thread\")]`"
                ),
            ));
        }
        if let (Some((UnhandledPanic::ShutdownRuntime, span)), true) =
            (self.unhandled_panic, multi_thread)
        {
            return Err(Error::new(
                span,
                format!(
                    "`unhandled_panic = \"shutdown_runtime\"` requires the `current_thread` \
                     runtime flavor; use `#[{attribute}(flavor = \"current_thread\")]`"
                ),
            ));
        }
        match self.placement {
            Some((Placement::Spawn, span)) if role == Role::Test || !multi_thread => {
                Err(Error::new(
                    span,
                    "`root = \"spawn\"` requires `#[main]` with the `multi_thread` runtime flavor; \
                     elsewhere the body always runs on the calling thread",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The complaint about an argument name that is not ours, if it is not.
fn unknown(name: &str) -> Option<String> {
    match name {
        "flavor" | "worker_threads" | "start_paused" | "name" | "unhandled_panic" | "root"
        | "crate" => None,
        "core_threads" => Some("`core_threads` is renamed to `worker_threads`".into()),
        "threaded_scheduler" | "multi_thread" => Some(format!(
            "`{name}` is not an argument; set the runtime flavor with \
             `flavor = \"multi_thread\"`"
        )),
        "basic_scheduler" | "current_thread" | "single_threaded" => Some(format!(
            "`{name}` is not an argument; set the runtime flavor with \
             `flavor = \"current_thread\"`"
        )),
        _ => Some(format!(
            "unknown argument `{name}`; expected one of: {ALLOWED}"
        )),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, attrs }) if attrs.is_empty() => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

fn string(name: &str, value: &Expr) -> syn::Result<LitStr> {
    match literal(value) {
        Some(Lit::Str(text)) => Ok(text.clone()),
        _ => Err(Error::new_spanned(
            value,
            format!("failed to parse value of `{name}` as string"),
        )),
    }
}

fn boolean(value: &Expr) -> syn::Result<LitBool> {
    match literal(value) {
        Some(Lit::Bool(flag)) => Ok(flag.clone()),
        _ => Err(Error::new_spanned(
            value,
            "failed to parse value of `start_paused` as bool",
        )),
    }
}

fn count(value: &Expr) -> syn::Result<LitInt> {
    let Some(Lit::Int(count)) = literal(value) else {
        return Err(Error::new_spanned(
            value,
            "failed to parse value of `worker_threads` as integer",
        ));
    };
    match count.base10_parse::<usize>() {
        Ok(0) => Err(Error::new_spanned(
            value,
            "`worker_threads` must be at least 1",
        )),
        Ok(_) => Ok(count.clone()),
        Err(error) => Err(Error::new_spanned(
            value,
            format!("failed to parse value of `worker_threads` as integer: {error}"),
        )),
    }
}

fn flavor(value: &Expr) -> syn::Result<Flavor> {
    let text = string("flavor", value)?;
    match &*text.value() {
        "multi_thread" => Ok(Flavor::MultiThread),
        "current_thread" => Ok(Flavor::CurrentThread),
        "local" => Ok(Flavor::Local),
        "single_thread" => Err(Error::new_spanned(
            value,
            "the single threaded runtime flavor is called `current_thread`",
        )),
        "basic_scheduler" => Err(Error::new_spanned(
            value,
            "the `basic_scheduler` runtime flavor is renamed to `current_thread`",
        )),
        "threaded_scheduler" => Err(Error::new_spanned(
            value,
            "the `threaded_scheduler` runtime flavor is renamed to `multi_thread`",
        )),
        other => Err(Error::new_spanned(
            value,
            format!(
                "no such runtime flavor `{other}`; the runtime flavors are `current_thread`, \
                 `local` and `multi_thread`"
            ),
        )),
    }
}

fn unhandled_panic(value: &Expr) -> syn::Result<UnhandledPanic> {
    let text = string("unhandled_panic", value)?;
    match &*text.value() {
        "ignore" => Ok(UnhandledPanic::Ignore),
        "shutdown_runtime" => Ok(UnhandledPanic::ShutdownRuntime),
        other => Err(Error::new_spanned(
            value,
            format!(
                "no such unhandled panic behavior `{other}`; the behaviors are `ignore` and \
                 `shutdown_runtime`"
            ),
        )),
    }
}

fn placement(value: &Expr) -> syn::Result<Placement> {
    let text = string("root", value)?;
    match &*text.value() {
        "spawn" => Ok(Placement::Spawn),
        "block_on" => Ok(Placement::BlockOn),
        other => Err(Error::new_spanned(
            value,
            format!("no such place for the body `{other}`; the places are `spawn` and `block_on`"),
        )),
    }
}

/// A path, written as one or inside a string.
fn path(value: &Expr) -> syn::Result<Path> {
    if let Some(Lit::Str(text)) = literal(value) {
        return text.parse_with(module).map_err(|_| {
            let message = format!(
                "failed to parse value of `crate` as path: {:?}",
                text.value()
            );
            Error::new_spanned(value, message)
        });
    }
    module
        .parse2(value.to_token_stream())
        .map_err(|_| Error::new_spanned(value, "failed to parse value of `crate` as path"))
}

/// A path of a module: what it is for stands in a `use`, where no type may.
fn module(input: ParseStream<'_>) -> syn::Result<Path> {
    let path = Path::parse_mod_style(input)?;
    match path.segments.iter().find(|it| it.ident == "Self") {
        Some(own) => Err(Error::new_spanned(own, "a type is no crate")),
        None => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn messages(tokens: TokenStream) -> Vec<String> {
        match Args::parse(tokens) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|e| e.to_string()).collect(),
        }
    }

    fn message(tokens: TokenStream) -> String {
        messages(tokens).join(" | ")
    }

    #[test]
    fn every_argument_is_read() {
        let args = Args::parse(quote! {
            flavor = "multi_thread", worker_threads = 3, start_paused = true, name = "n",
            unhandled_panic = "shutdown_runtime", root = "block_on", crate = a::b,
        })
        .unwrap();
        assert_eq!(args.flavor, Some(Flavor::MultiThread));
        assert_eq!(args.worker_threads.unwrap().to_string(), "3");
        assert!(args.start_paused.unwrap().value);
        assert_eq!(args.name.unwrap().value(), "n");
        assert_eq!(
            args.unhandled_panic.unwrap().0,
            UnhandledPanic::ShutdownRuntime
        );
        assert_eq!(args.placement.unwrap().0, Placement::BlockOn);
        assert_eq!(args.krate.unwrap().to_token_stream().to_string(), "a :: b");
    }

    #[test]
    fn the_flavours_are_read() {
        let read = |tokens| Args::parse(tokens).unwrap().flavor;
        assert_eq!(read(quote!(flavor = "local")), Some(Flavor::Local));
        assert_eq!(
            read(quote!(flavor = "current_thread")),
            Some(Flavor::CurrentThread)
        );
    }

    #[test]
    fn the_crate_may_be_a_path_a_keyword_or_a_string() {
        for tokens in [quote!(crate = "x::y"), quote!(crate = x::y)] {
            let args = Args::parse(tokens).unwrap();
            assert_eq!(args.krate.unwrap().to_token_stream().to_string(), "x :: y");
        }
        let args = Args::parse(quote!(crate = crate)).unwrap();
        assert_eq!(args.krate.unwrap().to_token_stream().to_string(), "crate");
        let args = Args::parse(quote!(crate = ::x)).unwrap();
        assert_eq!(args.krate.unwrap().to_token_stream().to_string(), ":: x");
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        for tokens in [quote!(foo), quote!(foo = 123), quote!(foo(1))] {
            assert_eq!(
                message(tokens),
                "unknown argument `foo`; expected one of: `flavor`, `worker_threads`, \
                 `start_paused`, `name`, `unhandled_panic`, `root`, `crate`"
            );
        }
        assert!(message(quote!(a::b)).starts_with("an argument must be a single name"));
        assert!(message(quote!(core_threads = 2)).contains("renamed to `worker_threads`"));
        assert!(message(quote!(threaded_scheduler)).contains("flavor = \"multi_thread\""));
        assert!(message(quote!(basic_scheduler)).contains("flavor = \"current_thread\""));
        assert!(message(quote!(flavor)).contains("write `flavor = ...`"));
    }

    #[test]
    fn wrong_literal_types_name_the_right_one() {
        assert!(message(quote!(flavor = 123)).contains("`flavor` as string"));
        assert!(message(quote!(worker_threads = "foo")).contains("`worker_threads` as integer"));
        assert!(message(quote!(worker_threads = 1 + 1)).contains("`worker_threads` as integer"));
        assert!(message(quote!(worker_threads = 0)).contains("at least 1"));
        assert!(message(quote!(start_paused = 1)).contains("`start_paused` as bool"));
        assert!(message(quote!(name = 1)).contains("`name` as string"));
        assert!(message(quote!(root = true)).contains("`root` as string"));
        assert!(message(quote!(unhandled_panic = 1)).contains("`unhandled_panic` as string"));
        assert_eq!(
            message(quote!(crate = 456)),
            "failed to parse value of `crate` as path"
        );
        assert_eq!(
            message(quote!(crate = Self)),
            "failed to parse value of `crate` as path"
        );
        assert_eq!(
            message(quote!(crate = "456")),
            "failed to parse value of `crate` as path: \"456\""
        );
    }

    #[test]
    fn unknown_values_are_answered_with_the_known_ones() {
        assert_eq!(
            message(quote!(flavor = "foo")),
            "no such runtime flavor `foo`; the runtime flavors are `current_thread`, `local` and \
             `multi_thread`"
        );
        assert!(message(quote!(flavor = "threaded_scheduler")).contains("to `multi_thread`"));
        assert!(message(quote!(flavor = "basic_scheduler")).contains("to `current_thread`"));
        assert!(message(quote!(flavor = "single_thread")).contains("called `current_thread`"));
        assert!(message(quote!(root = "x")).contains("`spawn` and `block_on`"));
        assert!(message(quote!(unhandled_panic = "x")).contains("`ignore` and `shutdown_runtime`"));
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let all = messages(quote!(
            flavor = 1,
            foo = 2,
            start_paused = false,
            start_paused = true
        ));
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[2].contains("`start_paused` is set multiple times"));
    }

    fn check(role: Role, flavor: Flavor, tokens: TokenStream) -> String {
        let args = Args::parse(tokens).unwrap();
        args.check(role, flavor, "runtime::main")
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn options_are_refused_where_the_flavour_lacks_them() {
        use Flavor::{CurrentThread, MultiThread};
        use Role::{Main, Test};
        let single = |tokens| check(Main, CurrentThread, tokens);
        assert!(single(quote!(worker_threads = 2)).contains("`multi_thread`"));
        assert!(single(quote!(root = "spawn")).contains("`multi_thread`"));
        assert_eq!(single(quote!(start_paused = true)), "");
        let local = |tokens| check(Main, Flavor::Local, tokens);
        assert!(local(quote!(worker_threads = 2)).contains("`multi_thread`"));
        assert!(local(quote!(root = "spawn")).contains("`multi_thread`"));
        assert_eq!(local(quote!(start_paused = true)), "");
        assert!(check(Main, MultiThread, quote!(start_paused = false)).contains("current_thread"));
        let shutdown = quote!(unhandled_panic = "shutdown_runtime");
        assert!(check(Main, MultiThread, shutdown.clone()).contains("current_thread"));
        assert_eq!(check(Main, CurrentThread, shutdown), "");
        assert_eq!(check(Main, MultiThread, quote!(root = "spawn")), "");
        assert!(check(Test, MultiThread, quote!(root = "spawn")).contains("calling thread"));
        assert_eq!(check(Test, MultiThread, quote!(worker_threads = 2)), "");
    }
}
