//! `select!`: waits for the first of several futures on the current task.

/// Waits for the first of several futures on the current task, drops the others, and runs the
/// handler of the one that was ready.
///
/// ```text
/// select! {
///     biased;                                                  // optional
///     <pattern> = <async expression>, if <precondition> => <handler>,
///     <pattern> = <async expression> => <handler>,             // any number
///     else => <handler>,                                       // optional, last
/// }
/// ```
///
/// Use inside `async` code. All handlers have one type, the type of the whole. They belong to
/// the function around the macro: `break`, `continue`, `return`, `?` and `.await` work in them.
/// A handler that is a block needs no comma after it.
///
/// # What happens in which order
///
/// 1. All preconditions are evaluated, one after the other: what one of them locks or borrows is
///    free for the next, and for the async expressions. A branch whose precondition is `false` is
///    disabled for this call.
/// 2. All async expressions are evaluated, **those of disabled branches too**; the futures of
///    disabled branches are not polled.
/// 3. If no branch is enabled, `else` runs; without an `else` the macro panics.
/// 4. The enabled futures are polled until one is ready. If its output matches the pattern, all
///    futures are dropped and the handler runs. If it does not match, the branch is disabled and
///    step 3 follows.
///
/// The futures run concurrently but not in parallel, all on the task that awaits them.
///
/// # Fairness
///
/// Each poll starts at a random branch, so that one which is always ready does not starve the
/// others. With `biased;` every poll goes from first to last, which costs no random number; put
/// a shutdown signal before a busy stream then.
///
/// # Panics
///
/// Panics if all branches are disabled and there is no `else`.
///
/// # Cancel safety
///
/// Losing futures are dropped, and what they had done so far may be lost with them. In a loop,
/// use futures that are documented as cancel safe, or poll the same future on by reference:
/// [`pin!`](crate::pin) it outside and write `&mut future`.
///
/// # Examples
///
/// ```
/// # let rt = runtime::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let mut left = 3;
/// let last = loop {
///     runtime::select! {
///         Some(n) = async { (left == 1).then_some(left) } => break n,
///         () = std::future::pending(), if left > 3 => {}
///         else => left -= 1,
///     }
/// };
/// assert_eq!(last, 1);
/// # });
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::macros::support::__select! { { $crate } $($branches)* }
    };
}
