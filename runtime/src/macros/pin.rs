//! `pin!`: pins values to the stack of the current function.

/// Pins values in place, so that they can be polled by `&mut` reference.
///
/// Takes variables by name and shadows each with a `Pin<&mut _>` to it, or takes `let`
/// statements and does the same to what they bind. The values live until the end of the
/// enclosing block.
///
/// # Examples
///
/// ```
/// # let rt = runtime::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let answer = async { 42 };
/// runtime::pin!(answer);
/// assert_eq!((&mut answer).await, 42);
///
/// runtime::pin! {
///     let first = async { 1 };
///     let second = async { 2 };
/// }
/// assert_eq!(first.await + second.await, 3);
/// # });
/// ```
#[macro_export]
macro_rules! pin {
    ($($value:ident),* $(,)?) => { $(
        #[allow(unused_mut)]
        let mut $value = ::core::pin::pin!($value);
    )* };
    ($(let $value:ident = $init:expr;)*) => { $(
        #[allow(unused_mut)]
        let mut $value = ::core::pin::pin!($init);
    )* };
}
