//! `#[main]` and `#[test]`: an `async fn` becomes a function that builds a runtime and runs it.
//!
//! The body becomes an `async move` block in place: it sees the parameters and lifetimes of the
//! `impl` around the function, and macros that ask for the name of their function find the one
//! that the user wrote. The block is polled on the calling thread, or spawned if the arguments
//! say `root = "spawn"`.
//!
//! Only where nobody said where a `fn main` of `runtime` runs is its body kept as it was, an
//! `async fn` nested in the new function, for method resolution in `root::macros::support` to
//! choose: spawned if it is `Send + 'static`, blocked on if not. A `main` that the system calls is
//! in no `impl` and has no parameters. A `fn main` with a return type whose body may be a task
//! hands back an `ExitCode`, and the task reports the value, which then need not be `Send`.
//!
//! Rejected: a nested function for every body. It cannot name what stands around it, and its path
//! has a level too many. Rejected: putting a block to the choice. The compiler does not answer
//! whether it is `Send` while it checks the function around it.

use crate::args::{Args, Flavor, Placement, Role, UnhandledPanic};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{AttrStyle, Attribute, Error, ReturnType, Signature, Type, Visibility};

/// What holds unless the arguments say otherwise.
pub(crate) struct Defaults {
    pub(crate) root: TokenStream,
    pub(crate) placement: Placement,
}

/// A function whose body is kept as the tokens that the user wrote.
struct Function {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    /// The braces and all between them, without inner attributes.
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let content;
        let brace = syn::braced!(content in input);
        // They move in front of the function: a block of ours could not hold them.
        for mut inner in content.call(Attribute::parse_inner)? {
            inner.style = AttrStyle::Outer;
            attrs.push(inner);
        }
        let statements: TokenStream = content.parse()?;
        let mut body = TokenStream::new();
        brace.surround(&mut body, |tokens| statements.to_tokens(tokens));
        Ok(Self {
            attrs,
            vis,
            sig,
            body,
        })
    }
}

/// Expands `#[main]` or `#[test]`.
pub(crate) fn expand(
    role: Role,
    args: TokenStream,
    item: TokenStream,
    defaults: &Defaults,
) -> syn::Result<TokenStream> {
    let function: Function = syn::parse2(item)?;
    let args = Args::parse(args)?;
    let root = match &args.krate {
        Some(path) => path.to_token_stream(),
        None => defaults.root.clone(),
    };
    let flavor = args.flavor.unwrap_or(match role {
        Role::Main => Flavor::MultiThread,
        Role::Test => Flavor::CurrentThread,
    });
    check_function(role, &function)?;
    args.check(role, flavor, &attribute_name(role, defaults))?;

    let placement = match args.placement {
        Some((placement, _)) => placement,
        None if flavor == Flavor::MultiThread && may_be_nested(&function) => defaults.placement,
        None => Placement::BlockOn,
    };
    let runtime = builder(&args, flavor, &root);
    Ok(match placement {
        Placement::Choose => chosen(&function, &runtime, &root),
        Placement::Spawn => spawned(&function, &runtime, &root),
        Placement::BlockOn => in_place(role, &function, &runtime),
    })
}

/// What stands in for a function that cannot be expanded at all: a `main` that is `async` would
/// be complained about again, in words that point elsewhere.
pub(crate) fn placeholder(item: TokenStream) -> TokenStream {
    match syn::parse2::<Function>(item.clone()) {
        Ok(function) if function.sig.asyncness.is_some() && function.sig.ident == "main" => {
            let name = &function.sig.ident;
            quote!(fn #name() {})
        }
        _ => item,
    }
}

/// How the attribute is written in a message: `tokio::main`, `runtime::test`.
fn attribute_name(role: Role, defaults: &Defaults) -> String {
    let root = defaults.root.to_string().replace([' ', ':'], "");
    match role {
        Role::Main => format!("{root}::main"),
        Role::Test => format!("{root}::test"),
    }
}

fn check_function(role: Role, function: &Function) -> syn::Result<()> {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        return Err(Error::new_spanned(
            sig.fn_token,
            "the `async` keyword is missing from the function declaration",
        ));
    }
    if role == Role::Main && sig.ident == "main" && !sig.inputs.is_empty() {
        return Err(Error::new_spanned(
            &sig.inputs,
            "the main function cannot accept arguments",
        ));
    }
    match function.attrs.iter().find(|attr| is_test_attribute(attr)) {
        Some(second) if role == Role::Test => Err(Error::new_spanned(
            second,
            "second test attribute is supplied; remove it, the function is made a test already",
        )),
        _ => Ok(()),
    }
}

/// Whether an attribute makes a test of a function: `test`, `std::prelude::v1::test`,
/// `runtime::test` and the like.
fn is_test_attribute(attribute: &Attribute) -> bool {
    let segments = &attribute.path().segments;
    let ends = segments.last().is_some_and(|last| last.ident == "test");
    let ours = ["core", "std", "runtime", "tokio"];
    let first = segments.first().map(|first| first.ident.to_string());
    ends && (segments.len() == 1 || first.is_some_and(|first| ours.contains(&&*first)))
}

/// Whether the function is a `main` that nothing around it has a part in.
fn may_be_nested(function: &Function) -> bool {
    let sig = &function.sig;
    sig.ident == "main"
        && sig.inputs.is_empty()
        && sig.generics.params.is_empty()
        && sig.generics.where_clause.is_none()
        && sig.unsafety.is_none()
        && sig.abi.is_none()
        && !mentions("Self", sig.to_token_stream().into_iter())
        && !mentions("Self", function.body.clone().into_iter())
}

/// Whether the identifier stands anywhere in the tokens.
fn mentions(name: &str, tokens: impl Iterator<Item = TokenTree>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(name, group.stream().into_iter()),
        _ => false,
    })
}

/// The runtime, and what `block_on` is called on: an expression that builds it.
fn builder(args: &Args, flavor: Flavor, root: &TokenStream) -> TokenStream {
    let constructor = match flavor {
        Flavor::MultiThread => quote!(new_multi_thread()),
        Flavor::CurrentThread | Flavor::Local => quote!(new_current_thread()),
    };
    let build = match flavor {
        Flavor::Local => quote!(build_local(::core::default::Default::default())),
        Flavor::MultiThread | Flavor::CurrentThread => quote!(build()),
    };
    let mut options = TokenStream::new();
    if let Some(count) = &args.worker_threads {
        options.extend(quote!(.worker_threads(#count)));
    }
    if let Some(paused) = &args.start_paused {
        options.extend(quote!(.start_paused(#paused)));
    }
    if let Some(name) = &args.name {
        options.extend(quote!(.name(#name)));
    }
    if let Some((UnhandledPanic::ShutdownRuntime, _)) = args.unhandled_panic {
        let policy = quote!(#root::runtime::UnhandledPanic::ShutdownRuntime);
        options.extend(quote!(.unhandled_panic(#policy)));
    }
    quote_spanned! {Span::mixed_site()=>
        #root::runtime::Builder::#constructor
            .enable_all()
            #options
            .#build
            .expect("failed to build the runtime for this function")
    }
}

/// The attributes and the signature of the new function; `sig` has lost its `async`.
fn header(role: Role, function: &Function, sig: &Signature) -> TokenStream {
    let Function { attrs, vis, .. } = function;
    let test = match role {
        Role::Test => quote!(#[::core::prelude::v1::test]),
        Role::Main => TokenStream::new(),
    };
    quote!(#test #(#attrs)* #vis #sig)
}

fn without_async(sig: &Signature) -> Signature {
    Signature {
        asyncness: None,
        ..sig.clone()
    }
}

/// The body is put to the choice between the workers and this thread.
fn chosen(function: &Function, runtime: &TokenStream, root: &TokenStream) -> TokenStream {
    let Function { sig, body, .. } = function;
    let name = &sig.ident;
    let mut outer = without_async(sig);
    let mut future = quote!(#name());
    if let Some(output) = reported(sig) {
        // A type that `main` cannot return is complained about where it stands.
        let mut name = name.clone();
        name.set_span(output.span());
        let call = quote_spanned!(output.span()=> #name());
        future = quote!(#root::macros::support::report(#call));
        outer.output = syn::parse_quote!(-> ::std::process::ExitCode);
    }
    let header = header(Role::Main, function, &outer);
    quote_spanned! {Span::mixed_site()=>
        #header {
            #[allow(clippy::unused_async)]
            #sig #body
            let future = #future;
            let runtime = #runtime;
            {
                use #root::macros::support::{OnCallerThread as _, OnWorkers as _};
                (&&#root::macros::support::Root::of(&future))
                    .placement()
                    .run(runtime, future)
            }
        }
    }
}

/// The return type of a `main` whose value its task reports.
fn reported(sig: &Signature) -> Option<&Type> {
    match &sig.output {
        ReturnType::Type(_, output) if sig.ident == "main" => Some(output),
        _ => None,
    }
}

/// The body is a task. One that cannot be is complained about at the name of the function.
fn spawned(function: &Function, runtime: &TokenStream, root: &TokenStream) -> TokenStream {
    let mut sig = without_async(&function.sig);
    let mut future = block(function);
    if reported(&sig).is_some() {
        future = quote!(#root::macros::support::report(#future));
        sig.output = syn::parse_quote!(-> ::std::process::ExitCode);
    }
    let header = header(Role::Main, function, &sig);
    let located = Span::mixed_site().located_at(sig.ident.span());
    let run = quote_spanned!(located=> #root::macros::support::Workers.run(runtime, future));
    quote_spanned! {Span::mixed_site()=>
        #header {
            let future = #future;
            let runtime = #runtime;
            #run
        }
    }
}

/// The body stays on this thread. In a test behind `dyn`, so that `block_on` is compiled once per
/// return type and not once per test.
fn in_place(role: Role, function: &Function, runtime: &TokenStream) -> TokenStream {
    let sig = without_async(&function.sig);
    let header = header(role, function, &sig);
    let future = block(function);
    if role == Role::Main {
        return quote_spanned! {Span::mixed_site()=>
            #header {
                let future = #future;
                #runtime.block_on(future)
            }
        };
    }
    let output = nameable(&sig.output).unwrap_or_else(|| quote!(_));
    quote_spanned! {Span::mixed_site()=>
        #header {
            let future = ::core::pin::pin!(#future);
            let future: ::core::pin::Pin<&mut dyn ::core::future::Future<Output = #output>> =
                future;
            #runtime.block_on(future)
        }
    }
}

/// The body as an `async` block that captures the arguments.
fn block(function: &Function) -> TokenStream {
    let body = &function.body;
    // Unlike a function, a block has no declared type: a `return` that is never reached gives
    // the compiler one before it reads the user's code.
    let typed = match nameable(&function.sig.output) {
        Some(output) => quote_spanned! {Span::mixed_site()=>
            #[allow(unreachable_code, clippy::all)]
            if false {
                let never: #output = loop {};
                return never;
            }
        },
        None => TokenStream::new(),
    };
    quote!(async move { #typed #body })
}

/// The return type, if a `let` may be annotated with it.
fn nameable(output: &ReturnType) -> Option<TokenStream> {
    match output {
        ReturnType::Default => Some(quote!(())),
        // `!` may stand for the value of a function only.
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => None,
        ReturnType::Type(_, ty) if mentions("impl", ty.to_token_stream().into_iter()) => None,
        ReturnType::Type(_, ty) => Some(ty.to_token_stream()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(role: Role, args: TokenStream, item: TokenStream) -> Result<String, String> {
        let defaults = Defaults {
            root: quote!(runtime),
            placement: Placement::Choose,
        };
        match expand(role, args, item, &defaults) {
            Ok(tokens) => {
                let file: syn::File = syn::parse2(tokens.clone()).expect("expands to an item");
                assert_eq!(file.items.len(), 1);
                Ok(tokens.to_string().replace(' ', ""))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn main(args: TokenStream, item: TokenStream) -> String {
        run(Role::Main, args, item).unwrap()
    }

    fn error(role: Role, args: TokenStream, item: TokenStream) -> String {
        run(role, args, item).unwrap_err()
    }

    #[test]
    fn main_is_put_to_the_choice_by_default() {
        let text = main(
            quote!(),
            quote!(
                async fn main() {
                    work().await
                }
            ),
        );
        assert!(text.starts_with("fnmain(){"), "{text}");
        assert!(text.contains("asyncfnmain(){work().await}"), "{text}");
        assert!(text.contains("runtime::runtime::Builder::new_multi_thread().enable_all()"));
        assert!(text.contains("runtime::macros::support::Root::of(&future)"));
        assert!(!text.contains("block_on"));
    }

    #[test]
    fn main_with_a_value_becomes_an_exit_code() {
        let text = main(
            quote!(),
            quote!(
                async fn main() -> Result<(), E> {
                    Ok(())
                }
            ),
        );
        assert!(
            text.starts_with("fnmain()->::std::process::ExitCode{"),
            "{text}"
        );
        assert!(text.contains("runtime::macros::support::report(main())"));
        // Other functions hand their value on.
        let text = main(
            quote!(root = "spawn"),
            quote!(
                async fn load() -> u32 {
                    7
                }
            ),
        );
        assert!(text.starts_with("fnload()->u32{"), "{text}");
        assert!(text.contains("Workers.run(runtime,future)"), "{text}");
        assert!(!text.contains("report"));
    }

    #[test]
    fn the_body_stays_on_the_thread_where_asked_or_needed() {
        let function = || {
            quote!(
                async fn main() -> u8 {
                    0
                }
            )
        };
        for args in [quote!(root = "block_on"), quote!(flavor = "current_thread")] {
            let text = main(args, function());
            assert!(text.starts_with("fnmain()->u8{"), "{text}");
            assert!(text.contains(".block_on(future)"), "{text}");
            assert!(!text.contains("asyncfn"), "{text}");
        }
        for item in [
            quote!(
                async fn f() -> u8 {
                    0
                }
            ),
            quote!(
                async fn f(x: &str) -> u8 {
                    0
                }
            ),
            quote!(
                async fn f<T>() -> u8 {
                    0
                }
            ),
            quote!(
                async fn f(&self) -> u8 {
                    0
                }
            ),
            quote!(
                async fn f() -> Self {
                    x
                }
            ),
            quote!(
                async unsafe fn f() -> u8 {
                    0
                }
            ),
        ] {
            let text = main(quote!(), item);
            assert!(text.contains(".block_on(future)"), "{text}");
            assert!(!text.contains("asyncfn"), "{text}");
        }
    }

    #[test]
    fn a_body_that_is_asked_to_be_a_task_is_no_function_of_its_own() {
        let text = main(
            quote!(root = "spawn"),
            quote!(
                async fn main() -> Result<(), E> {
                    work().await
                }
            ),
        );
        assert!(
            text.starts_with("fnmain()->::std::process::ExitCode{"),
            "{text}"
        );
        assert!(text.contains("report(asyncmove{"), "{text}");
        assert!(text.contains("Workers.run(runtime,future)"), "{text}");
        assert!(!text.contains("asyncfn"), "{text}");
    }

    #[test]
    fn options_reach_the_builder() {
        let args = quote!(worker_threads = 4, name = "pool", crate = some::root);
        let text = main(
            args,
            quote!(
                async fn main() {}
            ),
        );
        assert!(text.contains(
            "some::root::runtime::Builder::new_multi_thread().enable_all().worker_threads(4)\
             .name(\"pool\").build()"
        ));
        assert!(!text.contains("runtime::runtime::"));
        let args = quote!(
            flavor = "current_thread",
            start_paused = true,
            unhandled_panic = "shutdown_runtime"
        );
        let text = main(
            args,
            quote!(
                async fn main() {}
            ),
        );
        assert!(text.contains(
            "new_current_thread().enable_all().start_paused(true)\
             .unhandled_panic(runtime::runtime::UnhandledPanic::ShutdownRuntime)\
             .build()"
        ));
    }

    #[test]
    fn a_test_is_current_thread_and_never_spawned() {
        for args in [quote!(), quote!(flavor = "multi_thread")] {
            let text = run(
                Role::Test,
                args,
                quote!(
                    async fn works() {}
                ),
            )
            .unwrap();
            assert!(text.starts_with("#[::core::prelude::v1::test]fnworks(){"));
            assert!(text.contains(".block_on(future)") && !text.contains("support"));
        }
        let text = run(
            Role::Test,
            quote!(),
            quote!(
                async fn works() {}
            ),
        )
        .unwrap();
        assert!(text.contains("new_current_thread()"));
    }

    #[test]
    fn attributes_visibility_and_inner_attributes_are_kept() {
        let text = main(
            quote!(),
            quote!(
                #[inline]
                pub(crate) async fn f() {
                    #![allow(dead_code)]
                    g()
                }
            ),
        );
        assert!(
            text.starts_with("#[inline]#[allow(dead_code)]pub(crate)fnf(){"),
            "{text}"
        );
    }

    #[test]
    fn bad_functions_are_refused() {
        for role in [Role::Main, Role::Test] {
            assert_eq!(
                error(
                    role,
                    quote!(),
                    quote!(
                        fn main() {}
                    )
                ),
                "the `async` keyword is missing from the function declaration"
            );
        }
        assert_eq!(
            error(
                Role::Main,
                quote!(),
                quote!(
                    async fn main(x: u8) {}
                )
            ),
            "the main function cannot accept arguments"
        );
        for second in [
            quote!(#[test]),
            quote!(#[core::prelude::v1::test]),
            quote!(#[::std::prelude::rust_2021::test]),
            quote!(#[runtime::test(start_paused = true)]),
        ] {
            let message = error(Role::Test, quote!(), quote!(#second async fn f() {}));
            assert!(
                message.starts_with("second test attribute is supplied"),
                "{message}"
            );
        }
        let message = error(
            Role::Test,
            quote!(worker_threads = 2),
            quote!(
                async fn f() {}
            ),
        );
        assert!(message.contains("use `#[runtime::test(flavor = \"multi_thread\")]`"));
        assert!(
            run(
                Role::Main,
                quote!(),
                quote!(
                    struct NotAFunction;
                )
            )
            .is_err()
        );
    }
}
