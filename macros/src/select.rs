//! `select!`: polls the futures of all branches on the current task, and runs the handler of the
//! first whose output matches its pattern.
//!
//! The expansion, for two branches (`S` is `root::macros::support`):
//!
//! ```text
//! enum Output<T0, T1> { Branch0(T0), Branch1(T1), Disabled }
//! match {
//!     let enabled_0 = precondition_0; …
//!     let mut enabled = [enabled_0, …];
//!     let future_0 = expression_0; …          all evaluated, also of disabled branches
//!     let mut futures = S::pin!(S::Pair::new(…));
//!     S::poll_fn(move |cx| loop over the branches, from a random one).await
//! } {
//!     Output::Branch0(pattern_0) => handler_0, …
//!     Output::Disabled => else_handler,
//! }
//! ```
//!
//! The block drops all futures before a handler runs, so a handler may use what they borrowed;
//! and handlers stand in the user's function, so `break`, `return`, `?` and `.await` in them mean
//! what they say. Each poll ends with one of:
//!
//! I1. A branch became ready and matched: it is the output.
//! I2. Some enabled branch is pending: the whole is pending. A branch that became ready without
//!     matching is disabled and never polled again.
//! I3. No branch is enabled: `Disabled`, which runs `else` or panics.
//!
//! Whether the output matches is asked twice, with the user's pattern as it is: in the poll, then
//! by the `match` that runs the handler. In the poll the arm has a guard that takes a note and
//! fails. The compiler moves an output into bindings only after the guard, so nothing is moved,
//! and the arm itself, which is never entered, diverges: after the match the output is whole.
//!
//! Each precondition is a statement, so that what it locked or borrowed is free for the next one
//! and for the futures.
//!
//! Rejected: a match on `&value` with a pattern that loses its `&`, `ref` and `mut`. Only the
//! compiler knows whether a name is a binding or a constant, which a reference does not match.

use crate::join::{evaluate, local, parse_biased, split, tree};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Block, Error, Expr, Pat, Token, token};

struct Branch {
    pattern: Pat,
    future: Expr,
    precondition: Option<Expr>,
    handler: TokenStream,
}

struct Select {
    biased: bool,
    branches: Vec<Branch>,
    otherwise: Option<TokenStream>,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let biased = parse_biased(input)?;
        let mut branches = Vec::new();
        let mut otherwise = None;
        while !input.is_empty() {
            if input.peek(Token![else]) {
                let keyword: Token![else] = input.parse()?;
                input.parse::<Token![=>]>()?;
                otherwise = Some(handler(input)?);
                if !input.is_empty() {
                    return Err(Error::new_spanned(
                        keyword,
                        "the `else` branch of `select!` must be the last one",
                    ));
                }
            } else {
                branches.push(input.parse()?);
            }
        }
        if branches.is_empty() && otherwise.is_none() {
            return Err(Error::new(
                Span::call_site(),
                "`select!` needs at least one branch: `pattern = future => handler`",
            ));
        }
        Ok(Self {
            biased,
            branches,
            otherwise,
        })
    }
}

impl Parse for Branch {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        if input.peek(Token![=>]) {
            return Err(input.error("expected `= future` between the pattern and `=>`"));
        }
        input.parse::<Token![=]>()?;
        let future = input.parse()?;
        let mut precondition = None;
        if input.peek(Token![,]) && input.peek2(Token![if]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            let condition: Expr = input.parse()?;
            if let Expr::Let(binding) = &condition {
                return Err(Error::new_spanned(
                    binding.let_token,
                    "a precondition of `select!` is a `bool` expression and binds nothing; use \
                     `matches!` or `is_some`",
                ));
            }
            precondition = Some(condition);
        }
        input.parse::<Token![=>]>()?;
        Ok(Self {
            pattern,
            future,
            precondition,
            handler: handler(input)?,
        })
    }
}

/// A handler and what ends it: a block needs no comma, everything else does unless it is last.
fn handler(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if input.peek(token::Brace) {
        let block: Block = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        return Ok(block.into_token_stream());
    }
    let expression: Expr = input.parse()?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(expression.into_token_stream())
}

/// Expands `select!`.
pub(crate) fn expand(input: TokenStream, root: &TokenStream) -> syn::Result<TokenStream> {
    let select = Select::parse.parse2(input)?;
    let support = quote!(#root::macros::support);
    if select.branches.is_empty() {
        let otherwise = select.otherwise;
        return Ok(quote!(match () { () => #otherwise }));
    }
    let count = select.branches.len();
    let output = Ident::new("__SelectOutput", Span::mixed_site());
    let types: Vec<_> = (0..count).map(|index| local("T", index)).collect();
    let variants: Vec<_> = (0..count).map(variant).collect();
    let wait = wait(&select, &output, root);
    let patterns = select.branches.iter().map(|branch| &branch.pattern);
    let handlers = select.branches.iter().map(|branch| &branch.handler);
    let otherwise = select
        .otherwise
        .unwrap_or_else(|| quote!(#support::all_branches_disabled()));
    Ok(quote_spanned! {Span::mixed_site()=>
        {
            #[allow(non_camel_case_types, clippy::large_enum_variant)]
            enum #output<#(#types),*> {
                #(#variants(#types),)*
                Disabled,
            }
            #[allow(unused_mut)]
            let mut output = #wait;
            match output {
                #(#output::#variants(#patterns) => #handlers,)*
                #output::Disabled => #otherwise,
                #[allow(unreachable_patterns)]
                _ => #support::pattern_matched_once_only(),
            }
        }
    })
}

fn variant(index: usize) -> Ident {
    format_ident!("Branch{index}", span = Span::mixed_site())
}

/// The block that evaluates to the output.
fn wait(select: &Select, output: &Ident, root: &TokenStream) -> TokenStream {
    let span = Span::mixed_site();
    let support = quote!(#root::macros::support);
    let count = select.branches.len();
    let (preconditions, enabled) = preconditions(select);
    let futures: Vec<_> = select
        .branches
        .iter()
        .map(|branch| &branch.future)
        .collect();
    let convert = quote!(#support::IntoFuture::into_future);
    let evaluate = evaluate(&futures, &convert);
    let leaves: Vec<_> = (0..count)
        .map(|index| local("future", index).into_token_stream())
        .collect();
    let tree = tree(&leaves, root);
    let split = split(&quote_spanned!(span=> futures.as_mut()), 0, count);
    let polls = select
        .branches
        .iter()
        .enumerate()
        .map(|(index, branch)| poll(index, &branch.pattern, output, &support));
    let polls = in_order(select.biased, count, polls, &support);
    quote_spanned! {span=>
        {
            #preconditions
            let mut enabled: [::core::primitive::bool; #count] = #enabled;
            #evaluate
            let mut futures = #support::pin!(#tree);
            // Bindings of the patterns are not used here, and an output may have no value.
            #[allow(
                unused_variables,
                unused_mut,
                unused_assignments,
                unreachable_patterns,
                unreachable_code,
                clippy::all
            )]
            let output = #support::poll_fn(move |cx| {
                if let #support::Poll::Pending = #support::poll_budget_available(cx) {
                    return #support::Poll::Pending;
                }
                let mut pending = false;
                #split
                #polls
                match pending {
                    true => #support::Poll::Pending,
                    false => #support::Poll::Ready(#output::Disabled),
                }
            })
            .await;
            output
        }
    }
}

/// The statements that evaluate the preconditions, and the array of what they said.
fn preconditions(select: &Select) -> (TokenStream, TokenStream) {
    let mut statements = TokenStream::new();
    let mut enabled = Vec::new();
    for (index, branch) in select.branches.iter().enumerate() {
        let Some(condition) = &branch.precondition else {
            enabled.push(quote!(true));
            continue;
        };
        let name = local("enabled", index);
        // Parentheses around a condition are the user's taste.
        statements.extend(quote_spanned! {Span::mixed_site()=>
            #[allow(unused_parens, unused_braces)]
            let #name: ::core::primitive::bool = #condition;
        });
        enabled.push(name.into_token_stream());
    }
    (statements, quote!([#(#enabled),*]))
}

/// Polls one branch, if it is enabled; returns from the closure with its output.
fn poll(index: usize, pattern: &Pat, output: &Ident, support: &TokenStream) -> TokenStream {
    let pinned = local("pinned", index);
    let variant = variant(index);
    quote_spanned! {Span::mixed_site()=>
        'branch: {
            if !enabled[#index] {
                break 'branch;
            }
            let mut value = match #support::Future::poll(#pinned.as_mut(), cx) {
                #support::Poll::Ready(value) => value,
                // Diverges, so that an output which nothing else tells the type of, as that of
                // `poll_fn(|_| panic!())`, gets one.
                #support::Poll::Pending => {
                    pending = true;
                    break 'branch;
                }
            };
            enabled[#index] = false;
            let mut matches = false;
            match value {
                #pattern if { matches = true; false } => #support::never_entered(),
                _ => {}
            }
            if matches {
                return #support::Poll::Ready(#output::#variant(value));
            }
        }
    }
}

/// The polls from first to last, or all of them once from a random one.
fn in_order(
    biased: bool,
    count: usize,
    polls: impl Iterator<Item = TokenStream>,
    support: &TokenStream,
) -> TokenStream {
    if biased || count == 1 {
        return quote!(#(#polls)*);
    }
    let count = u32::try_from(count).expect("a macro call has fewer than 2^32 branches");
    let indices = 0..count;
    quote_spanned! {Span::mixed_site()=>
        let mut index = #support::thread_rng_n(#count);
        let mut step = 0u32;
        while step != #count {
            match index {
                #(#indices => #polls)*
                _ => {}
            }
            index += 1u32;
            if index == #count {
                index = 0u32;
            }
            step += 1u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tokens: TokenStream) -> syn::Result<Select> {
        Select::parse.parse2(tokens)
    }

    fn error(tokens: TokenStream) -> String {
        match expand(tokens, &quote!(root)) {
            Ok(tokens) => panic!("expanded to {tokens}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_way_to_end_a_handler_is_read() {
        let select = parse(quote! {
            a = f(), if x < 1 => one,
            Some(b) = g() => { two }
            mut c = h() => { three },
            | Ok(d) | Err(d) = async { 1 } => if d { 4 } else { 5 },
            _ = i => return,
            else => 6,
        })
        .unwrap();
        assert!(!select.biased);
        assert_eq!(select.branches.len(), 5);
        let guarded: Vec<_> = select
            .branches
            .iter()
            .map(|b| b.precondition.is_some())
            .collect();
        assert_eq!(guarded, [true, false, false, false, false]);
        assert_eq!(select.branches[1].handler.to_string(), "{ two }");
        assert_eq!(select.otherwise.unwrap().to_string(), "6");
        let select = parse(quote!(biased; a = f => g)).unwrap();
        assert!(select.biased && select.otherwise.is_none());
    }

    #[test]
    fn a_lone_else_needs_no_future() {
        let text = expand(quote!(biased; else => 1), &quote!(root)).unwrap();
        assert_eq!(text.to_string(), "match () { () => 1 }");
    }

    #[test]
    fn each_precondition_is_a_statement_of_its_own() {
        let input = quote!(a = f, if x() => 1, b = g => 2, c = h, if y() => 3);
        let text = expand(input, &quote!(root)).unwrap().to_string();
        let text = text.replace(' ', "");
        assert!(
            text.contains("letenabled_0:::core::primitive::bool=x();"),
            "{text}"
        );
        assert!(text.contains("=[enabled_0,true,enabled_2];"), "{text}");
    }

    #[test]
    fn patterns_are_kept() {
        let input = quote!((&A, mut b, Some(ref mut c)) = f => 1);
        let text = expand(input, &quote!(root)).unwrap().to_string();
        let kept = quote!((&A, mut b, Some(ref mut c))).to_string();
        assert_eq!(text.matches(&kept).count(), 2);
    }

    #[test]
    fn only_an_unbiased_choice_draws_a_number() {
        let draws = |tokens| {
            let text = expand(tokens, &quote!(root)).unwrap().to_string();
            text.contains("thread_rng_n")
        };
        assert!(draws(quote!(a = f => 1, b = g => 2)));
        assert!(!draws(quote!(a = f => 1)));
        assert!(!draws(quote!(biased; a = f => 1, b = g => 2)));
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(error(quote!()).contains("at least one branch"));
        assert!(error(quote!(biased;)).contains("at least one branch"));
        assert!(error(quote!(else => 1, a = b => 2)).contains("must be the last one"));
        assert!(error(quote!(else => 1, else => 2)).contains("must be the last one"));
        assert!(error(quote!(a = b, if let Some(x) = y => 2)).contains("`bool` expression"));
        assert!(error(quote!(a = b => 1 c = d => 2)).contains("expected `,`"));
        assert!(error(quote!(a => 1)).contains("expected `= future`"));
        assert!(error(quote!(a)).contains("expected `=`"));
        assert!(error(quote!(a = b)).contains("expected `=>`"));
        assert!(!error(quote!(1 + 1 = b => 2)).is_empty());
    }
}
