//! `join!` and `try_join!`: wait for several futures on the current task.

/// Waits for several futures on the current task and returns all their outputs as a tuple.
///
/// The futures run concurrently but not in parallel: all are polled by the task that awaits
/// them, so one that blocks its thread blocks the others. To use several workers, spawn them
/// and join the handles. Nothing is allocated; the futures are stored in the caller's future.
///
/// Use inside `async` code. Any number of branches is allowed; with none the value is `()`. With
/// `Result`s it waits for all of them even after an `Err`; [`try_join!`](crate::try_join) does
/// not.
///
/// # Fairness
///
/// Each poll begins with another future, in turn, so that no future can use up the task's budget
/// every time. With `biased;` as the first tokens every poll goes from first to last; the caller
/// then sees to it that an early future does not starve a late one.
///
/// # Examples
///
/// ```
/// # let rt = runtime::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let (one, two) = runtime::join!(async { 1 }, async { "two" });
/// assert_eq!((one, two), (1, "two"));
/// let in_order = runtime::join!(biased; async { 1 }, async { 2 });
/// assert_eq!(in_order, (1, 2));
/// # });
/// ```
#[macro_export]
macro_rules! join {
    ($($futures:tt)*) => {
        $crate::macros::support::__join! { { $crate } $($futures)* }
    };
}

/// Waits for several futures of `Result`s on the current task: returns `Ok` with a tuple of the
/// values once all are `Ok`, or the first `Err` at once.
///
/// After an `Err` the other futures are dropped where they are. All errors have one type. The
/// rest is as for [`join!`](crate::join): same task, any number of branches, rotation unless
/// `biased;`. With no branches the value is `Ok(())`.
///
/// # Examples
///
/// ```
/// # let rt = runtime::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let both = runtime::try_join!(async { Ok::<_, &str>(1) }, async { Ok(2) });
/// assert_eq!(both, Ok((1, 2)));
/// let failed = runtime::try_join!(async { Err::<u8, _>("no") }, std::future::pending());
/// assert_eq!(failed, Err::<(u8, u8), _>("no"));
/// # });
/// ```
#[macro_export]
macro_rules! try_join {
    ($($futures:tt)*) => {
        $crate::macros::support::__try_join! { { $crate } $($futures)* }
    };
}
