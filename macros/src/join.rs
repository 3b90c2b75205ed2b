//! `join!` and `try_join!`: polls every future on the current task until all are done.
//!
//! The futures live in a balanced tree of `support::Pair`s with `support::MaybeDone` leaves, so
//! that they are pinned by safe projections, the nesting stays logarithmic (auto traits of a
//! hundred futures do not reach the recursion limit), and no count is too large. `select!` uses
//! the same tree.
//!
//! Fairness: the n-th poll starts with future n modulo the count; `biased;` starts each with the
//! first. Rejected: an unsafe projection of a tuple, which would put `unsafe` into user crates.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token};

mod keyword {
    syn::custom_keyword!(biased);
}

/// Reads `biased;` if it is there.
pub(crate) fn parse_biased(input: ParseStream<'_>) -> syn::Result<bool> {
    if !(input.peek(keyword::biased) && input.peek2(Token![;])) {
        return Ok(false);
    }
    input.parse::<keyword::biased>()?;
    input.parse::<Token![;]>()?;
    Ok(true)
}

struct Join {
    biased: bool,
    futures: Vec<Expr>,
}

impl Parse for Join {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let biased = parse_biased(input)?;
        let futures = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
        Ok(Self {
            biased,
            futures: futures.into_iter().collect(),
        })
    }
}

/// Expands `join!`.
pub(crate) fn expand(input: TokenStream, root: &TokenStream) -> syn::Result<TokenStream> {
    let join = Join::parse.parse2(input)?;
    Ok(match join.futures.is_empty() {
        true => quote!(()),
        false => expand_all(&join, root, false),
    })
}

/// Expands `try_join!`.
pub(crate) fn expand_try(input: TokenStream, root: &TokenStream) -> syn::Result<TokenStream> {
    let join = Join::parse.parse2(input)?;
    Ok(match join.futures.is_empty() {
        true => quote!(#root::macros::support::Result::Ok(())),
        false => expand_all(&join, root, true),
    })
}

/// A local name of the expansion, invisible to the user's code.
pub(crate) fn local(name: &str, index: usize) -> Ident {
    format_ident!("{name}_{index}", span = Span::mixed_site())
}

/// The expressions in order, each in its own `let`, so that temporaries in them live as long as
/// the futures do; then each made a future by `convert`. An expression that cannot be made one
/// is complained about where it stands.
pub(crate) fn evaluate(futures: &[impl ToTokens], convert: &TokenStream) -> TokenStream {
    let names: Vec<_> = (0..futures.len())
        .map(|index| local("future", index))
        .collect();
    let located = names.iter().zip(futures).map(|(name, future)| {
        let mut name = name.clone();
        name.set_span(Span::mixed_site().located_at(future.span()));
        name
    });
    quote! {
        #(let #names = #futures;)*
        #(let #names = #convert(#located);)*
    }
}

/// The tree over `leaves`, as an expression.
pub(crate) fn tree(leaves: &[TokenStream], root: &TokenStream) -> TokenStream {
    match leaves {
        [] => quote!(()),
        [leaf] => leaf.clone(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            let (left, right) = (tree(left, root), tree(right, root));
            quote!(#root::macros::support::Pair::new(#left, #right))
        }
    }
}

/// Statements that take the pinned tree `source` apart into `pinned_0`, `pinned_1`, …
pub(crate) fn split(source: &TokenStream, first: usize, count: usize) -> TokenStream {
    if count == 1 {
        let pinned = local("pinned", first);
        return quote!(let mut #pinned = #source;);
    }
    let at = count / 2;
    let left = format_ident!("left_{first}_{count}", span = Span::mixed_site());
    let right = format_ident!("right_{first}_{count}", span = Span::mixed_site());
    let rest_left = split(&left.to_token_stream(), first, at);
    let rest_right = split(&right.to_token_stream(), first + at, count - at);
    quote! {
        let (#left, #right) = #source.split();
        #rest_left
        #rest_right
    }
}

fn expand_all(join: &Join, root: &TokenStream, is_try: bool) -> TokenStream {
    let span = Span::mixed_site();
    let support = quote!(#root::macros::support);
    let count = join.futures.len();
    let convert = match is_try {
        false => quote!(#support::IntoFuture::into_future),
        true => quote!(#support::into_try_future),
    };
    let evaluate = evaluate(&join.futures, &convert);
    let leaves: Vec<_> = (0..count)
        .map(|index| {
            let future = local("future", index);
            quote!(#support::MaybeDone::new(#future))
        })
        .collect();
    let tree = tree(&leaves, root);
    let split = split(&quote_spanned!(span=> futures.as_mut()), 0, count);
    let pinned: Vec<_> = (0..count).map(|index| local("pinned", index)).collect();
    let polls = pinned.iter().map(|pinned| match is_try {
        false => quote_spanned!(span=> all_done &= #pinned.as_mut().poll_done(cx)),
        true => quote_spanned! {span=>
            match #pinned.as_mut().poll_ok(cx) {
                #support::Result::Ok(done) => all_done &= done,
                #support::Result::Err(error) => {
                    return #support::Poll::Ready(#support::Result::Err(error));
                }
            }
        },
    });
    let output = match is_try {
        false => quote!((#(#pinned.as_mut().take_output(),)*)),
        true => quote!(#support::Result::Ok((#(#pinned.as_mut().take_ok(),)*))),
    };
    let (state, polls) = rotate(join.biased, count, polls);
    quote_spanned! {span=>
        {
            #evaluate
            let mut futures = #support::pin!(#tree);
            #state
            // An output may have no value.
            #[allow(unreachable_code)]
            let output = #support::poll_fn(move |cx| {
                let mut all_done = true;
                #split
                #polls
                match all_done {
                    true => #support::Poll::Ready(#output),
                    false => #support::Poll::Pending,
                }
            })
            .await;
            output
        }
    }
}

/// The polls in the order that fairness asks for, and the state that it keeps between them.
fn rotate(
    biased: bool,
    count: usize,
    polls: impl Iterator<Item = TokenStream>,
) -> (TokenStream, TokenStream) {
    if biased {
        return (TokenStream::new(), quote!(#(#polls;)*));
    }
    let count = u32::try_from(count).expect("a macro call has fewer than 2^32 branches");
    let indices = 0..count;
    let span = Span::mixed_site();
    let state = quote_spanned!(span=> let mut first = 0u32;);
    let polls = quote_spanned! {span=>
        let mut index = first;
        let mut step = 0u32;
        while step != #count {
            match index {
                #(#indices => #polls,)*
                _ => {}
            }
            index += 1u32;
            if index == #count {
                index = 0u32;
            }
            step += 1u32;
        }
        first += 1u32;
        if first == #count {
            first = 0u32;
        }
    };
    (state, polls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: syn::Result<TokenStream>) -> String {
        tokens.unwrap().to_string().replace(' ', "")
    }

    #[test]
    fn no_future_is_ready_at_once() {
        let root = quote!(root);
        for input in [quote!(), quote!(biased;)] {
            assert_eq!(text(expand(input.clone(), &root)), "()");
            let expected = "root::macros::support::Result::Ok(())";
            assert_eq!(text(expand_try(input, &root)), expected);
        }
    }

    #[test]
    fn the_tree_is_balanced_and_split_the_same_way() {
        let leaves: Vec<_> = (0..5)
            .map(|i| quote!(f).into_iter().chain(quote!(#i)).collect())
            .collect();
        let tree = tree(&leaves, &quote!(r)).to_string().replace(' ', "");
        let tree = tree.replace("r::macros::support::Pair::new", "");
        assert_eq!(tree, "((f0i32,f1i32),(f2i32,(f3i32,f4i32)))");
        let split = split(&quote!(all), 0, 3).to_string();
        assert_eq!(
            split,
            quote! {
                let (left_0_3, right_0_3) = all.split();
                let mut pinned_0 = left_0_3;
                let (left_1_2, right_1_2) = right_0_3.split();
                let mut pinned_1 = left_1_2;
                let mut pinned_2 = right_1_2;
            }
            .to_string()
        );
    }

    #[test]
    fn only_the_unbiased_form_rotates() {
        let root = quote!(root);
        assert!(text(expand(quote!(a, b), &root)).contains("first+=1u32"));
        assert!(!text(expand(quote!(biased; a, b,), &root)).contains("first"));
        // `biased` alone is a future of that name.
        assert!(text(expand(quote!(biased), &root)).contains("letfuture_0=biased;"));
    }

    #[test]
    fn bad_input_is_refused() {
        let root = quote!(root);
        for input in [quote!(a b), quote!(a;), quote!(, a), quote!(biased, ; a)] {
            assert!(expand(input.clone(), &root).is_err(), "{input}");
            assert!(expand_try(input.clone(), &root).is_err(), "{input}");
        }
    }
}
