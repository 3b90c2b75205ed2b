//! What the macros do at run time: `select!`, `join!`, `try_join!`, `pin!`, `#[main]`, `#[test]`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::{Future, IntoFuture, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Is pending once, and wakes itself.
async fn step() {
    let mut stepped = false;
    poll_fn(|cx| {
        if stepped {
            return Poll::Ready(());
        }
        stepped = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls once, with a waker that does nothing.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Sets a flag when dropped.
struct OnDrop<'a>(&'a Cell<bool>);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

mod select {
    use super::*;

    #[runtime::test]
    async fn a_loop_ends_by_a_break_in_a_handler() {
        let mut left = 3;
        let last = loop {
            runtime::select! {
                Some(n) = async { (left == 1).then_some(left) } => break n,
                () = pending(), if left > 3 => {}
                else => left -= 1,
            }
        };
        assert_eq!(last, 1);
    }

    #[runtime::test]
    async fn the_ready_branch_wins() {
        let value = runtime::select! {
            _ = pending::<()>() => 0,
            x = ready(7) => x,
        };
        assert_eq!(value, 7);
    }

    #[runtime::test]
    async fn every_end_of_a_handler_is_accepted() {
        let flag = Cell::new(0);
        let _: () = runtime::select! {
            _ = ready(()), if false => { flag.set(1) }
            _ = ready(()), if false => { flag.set(2) },
            _ = ready(()), if false => flag.set(3),
            _ = async {} => if flag.get() == 0 { flag.set(4) } else { flag.set(5) }
        };
        assert_eq!(flag.get(), 4);
        // As a statement, without a semicolon.
        runtime::select! {
            () = ready(()) => flag.set(6),
        }
        assert_eq!(flag.get(), 6);
    }

    /// 4 branches, always ready, 8,000 draws: each is expected 2,000 times, and 1,500 is more
    /// than twelve standard deviations away.
    #[runtime::test]
    async fn the_first_branch_is_drawn_evenly() {
        let mut wins = [0_u32; 4];
        for _ in 0..8_000 {
            let winner: usize = runtime::select! {
                _ = ready(()) => 0,
                _ = ready(()) => 1,
                _ = ready(()) => 2,
                _ = ready(()) => 3,
            };
            wins[winner] += 1;
        }
        assert!(wins.iter().all(|&wins| wins > 1_500), "{wins:?}");
    }

    #[runtime::test]
    async fn biased_polls_from_first_to_last() {
        for _ in 0..100 {
            let order = RefCell::new(Vec::new());
            let poll = |id: u32, is_ready: bool| {
                let order = &order;
                poll_fn(move |_| {
                    order.borrow_mut().push(id);
                    if is_ready {
                        Poll::Ready(id)
                    } else {
                        Poll::Pending
                    }
                })
            };
            let winner = runtime::select! {
                biased;
                id = poll(1, false) => id,
                id = poll(2, false) => id,
                id = poll(3, true) => id,
                id = poll(4, true) => id,
            };
            assert_eq!(winner, 3);
            assert_eq!(*order.borrow(), [1, 2, 3]);
        }
    }

    #[runtime::test]
    async fn a_disabled_branch_is_evaluated_but_not_polled() {
        let evaluated = Cell::new(false);
        let poisoned = || {
            evaluated.set(true);
            poll_fn(|_| -> Poll<()> { panic!("polled a disabled branch") })
        };
        runtime::select! {
            _ = poisoned(), if evaluated.get() => unreachable!(),
            _ = step() => {}
        }
        assert!(evaluated.get());
    }

    #[runtime::test]
    async fn a_mismatch_disables_its_branch_and_else_runs_last() {
        let mut polls = 0;
        let once = poll_fn(|_| {
            polls += 1;
            Poll::Ready(None::<u8>)
        });
        let value = runtime::select! {
            Some(x) = once => x,
            Some(x) = async { step().await; step().await; None } => x,
            else => 9,
        };
        assert_eq!((value, polls), (9, 1));
    }

    #[runtime::test]
    async fn else_alone_and_all_disabled() {
        assert_eq!(runtime::select! { else => 1 }, 1);
        assert_eq!(runtime::select! { biased; else => { 2 } }, 2);
        let value = runtime::select! { _ = ready(()), if false => 3, else => async { 4 }.await };
        assert_eq!(value, 4);
    }

    #[runtime::test]
    #[should_panic(expected = "all branches are disabled and there is no else branch")]
    async fn nothing_enabled_without_else_panics() {
        runtime::select! { _ = ready(()), if false => {} }
    }

    #[runtime::test]
    async fn patterns_bind_as_in_a_match() {
        runtime::select! {
            Some(mut text) = async { Some(String::from("a")) } => {
                text.push('b');
                assert_eq!(text, "ab");
            }
        }
        runtime::select! {
            Some(ref text) = async { Some(String::from("a")) } => assert_eq!(text, "a"),
        }
        runtime::select! {
            Some(ref mut text) = ready(Some(String::from("a"))) => {
                text.push('b');
                assert_eq!(text, "ab");
            }
        }
        let pair = (5, String::from("x"));
        runtime::select! {
            &(a, ref b) = ready(&pair) => assert_eq!((a, &**b), (5, "x")),
        }
        let word = runtime::select! {
            "no" = ready("yes") => 1,
            | "yes" | "maybe" = async { step().await; "yes" } => 2,
        };
        assert_eq!(word, 2);
        let kind = runtime::select! {
            None = ready(Some(3)) => "none",
            Some(1..=5) = async { step().await; Some(3) } => "small",
        };
        assert_eq!(kind, "small");
    }

    const ZERO: i32 = 0;

    #[derive(PartialEq, Eq)]
    struct Key(u8);

    static KEY: Key = Key(3);

    #[runtime::test]
    async fn patterns_are_matched_as_they_are_written() {
        let zero = 0;
        let value = runtime::select! {
            Some(&ZERO) = ready(Some(&zero)) => 1,
            else => 2,
        };
        assert_eq!(value, 1);
        let value = runtime::select! {
            &Key(2) = ready(&KEY) => 1,
            &Key(3) = async { step().await; &KEY } => 2,
        };
        assert_eq!(value, 2);
        let mut number = 7;
        runtime::select! {
            (&1, Some(&mut ref mut y)) = ready((&1, Some(&mut number))) => *y += 1,
        }
        assert_eq!(number, 8);
        let value = runtime::select! {
            x @ (&1 | &2) = ready(&2) => *x,
            else => 0,
        };
        assert_eq!(value, 2);
        let value = runtime::select! {
            Ok(b"hi") = ready(Ok::<_, ()>(b"ha")) => 1,
            Ok("hi") = async { step().await; Ok::<_, ()>("hi") } => 2,
        };
        assert_eq!(value, 2);
    }

    #[deny(warnings)]
    #[runtime::test]
    async fn a_value_that_cannot_be_copied_is_moved_into_its_handler_only() {
        struct Owned(Vec<u8>);
        impl Drop for Owned {
            fn drop(&mut self) {}
        }
        let value = runtime::select! {
            (Some(text), ref mut rest, ..) = ready((Some(String::from("a")), Owned(vec![1]), 0)) => {
                rest.0.push(2);
                (text, rest.0.len())
            }
            else => (String::new(), 0),
        };
        assert_eq!(value, (String::from("a"), 2));
        let value = runtime::select! {
            whole @ (Ok(_) | Err(_)) = ready(Err::<(), _>(Owned(vec![1]))) => whole.err(),
        };
        assert_eq!(value.unwrap().0, [1]);
        // What does not match is dropped once, by the branch that it came from.
        let count = Rc::new(());
        runtime::select! {
            (Some(_), _) = ready((None::<u8>, count.clone())) => unreachable!(),
            else => assert_eq!(Rc::strong_count(&count), 1),
        }
    }

    #[runtime::test]
    async fn a_precondition_is_over_before_the_next_and_before_the_futures() {
        let open = RefCell::new((true, true));
        let value = runtime::select! {
            _ = pending::<()>(), if open.borrow_mut().0 => 1,
            () = { open.borrow_mut().0 = false; ready(()) }, if open.borrow_mut().1 => 2,
        };
        assert_eq!(value, 2);
        let value = runtime::select! {
            biased;
            _ = ready(()), if open.try_borrow_mut().is_err() => 1,
            _ = ready(()), if (open.borrow_mut().1) && !open.borrow().0 => 2,
            else => 3,
        };
        assert_eq!(value, 2);
    }

    #[runtime::test]
    async fn preconditions_may_leave_and_ask_again() {
        async fn leaves(value: Option<bool>) -> Option<u8> {
            loop {
                runtime::select! {
                    biased;
                    _ = ready(()), if value? => break Some(1),
                    _ = ready(()), if match value { Some(false) => return Some(2), _ => true } => {}
                }
            }
        }
        assert_eq!(leaves(None).await, None);
        assert_eq!(leaves(Some(true)).await, Some(1));
        assert_eq!(leaves(Some(false)).await, Some(2));
    }

    #[runtime::test]
    async fn handlers_belong_to_the_surrounding_function() {
        async fn early(value: Result<u32, String>) -> Result<u32, String> {
            let mut rounds = 0;
            loop {
                rounds += 1;
                runtime::select! {
                    _ = step(), if rounds == 1 => continue,
                    v = ready(value.clone()), if rounds == 2 => {
                        let v = v?;
                        async {}.await;
                        if v > 100 {
                            return Ok(v);
                        }
                    }
                    else => break,
                }
            }
            Ok(rounds)
        }
        assert_eq!(early(Ok(101)).await, Ok(101));
        assert_eq!(early(Ok(1)).await, Ok(3));
        assert_eq!(early(Err("no".into())).await, Err("no".into()));
    }

    #[runtime::test]
    async fn futures_are_dropped_before_the_handler_runs() {
        let dropped = Cell::new(false);
        let guard = OnDrop(&dropped);
        runtime::select! {
            _ = async { let _guard = guard; pending::<()>().await } => unreachable!(),
            _ = step() => assert!(dropped.get()),
        }

        async fn add(to: &mut u32) {
            *to += 1;
            step().await;
        }
        let mut value = 0;
        runtime::select! {
            biased;
            _ = add(&mut value) => unreachable!(),
            _ = ready(()) => value += 10,
            else => value += 100,
        }
        assert_eq!(value, 11);
    }

    #[runtime::test]
    async fn temporaries_of_a_future_live_as_long_as_it_does() {
        let value = runtime::select! {
            x = &mut ready(1) => x,
            _ = &mut Box::pin(pending::<()>()) => 2,
        };
        assert_eq!(value, 1);
    }

    #[runtime::test]
    async fn nesting_works_in_futures_and_handlers() {
        let value = runtime::select! {
            x = async { runtime::select! { x = ready(1) => x + 1 } } => {
                runtime::select! { y = ready(10) => x + y }
            }
        };
        assert_eq!(value, 12);
    }

    #[runtime::test]
    async fn what_is_not_a_future_yet_is_made_one() {
        struct Later;
        impl IntoFuture for Later {
            type Output = u8;
            type IntoFuture = std::future::Ready<u8>;
            fn into_future(self) -> Self::IntoFuture {
                ready(1)
            }
        }
        assert_eq!(runtime::select! { x = Later => x }, 1);
        assert_eq!(runtime::join!(Later), (1,));
    }

    #[deny(warnings)]
    #[runtime::test]
    async fn an_output_that_never_comes_gives_no_warning() {
        async fn never() -> ! {
            pending().await
        }
        let value = runtime::select! {
            _ = never() => 0,
            x = ready(1) => x,
        };
        assert_eq!(value, 1);
    }

    /// One macro call with 70 branches, of which only one is not pending.
    #[runtime::test]
    async fn seventy_branches() {
        macro_rules! many {
            ($($branch:literal)*) => {
                runtime::select! {
                    $(x = async { if $branch != 66 { pending::<()>().await } $branch } => x,)*
                }
            };
        }
        let winner: u32 = many! {
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59
            60 61 62 63 64 65 66 67 68 69
        };
        assert_eq!(winner, 66);
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_branch_costs_no_more_than_its_future() {
        let one = async {
            let a = ready(0_i32);
            runtime::select! { _ = a => {} }
        };
        assert_eq!(size_of_val(&one), 32);
        let three = async {
            let (a, b, c) = (ready(0_i32), ready(0_i32), ready(0_i32));
            runtime::select! { _ = a => {}, _ = b => {}, _ = c => {} }
        };
        assert_eq!(size_of_val(&three), 48);
    }
}

mod join {
    use super::*;

    #[runtime::test]
    async fn outputs_come_in_order_of_the_branches() {
        let outputs = runtime::join!(
            async {
                step().await;
                1
            },
            async { "two" },
            ready(3.0),
        );
        assert_eq!(outputs, (1, "two", 3.0));
        assert_eq!(runtime::join!(ready(1)), (1,));
        assert_eq!(runtime::join!(biased; ready(1), ready(2),), (1, 2));
        let () = runtime::join!();
        let () = runtime::join!(biased;);
        assert_eq!(runtime::try_join!() as Result<_, u8>, Ok(()));
    }

    /// Appends `id` to the list on each of four polls, then is ready.
    async fn noting(id: u32, order: &RefCell<Vec<u32>>) -> Result<u32, ()> {
        for _ in 0..4 {
            order.borrow_mut().push(id);
            step().await;
        }
        Ok(id)
    }

    const ROTATED: [u32; 12] = [1, 2, 3, 2, 3, 1, 3, 1, 2, 1, 2, 3];
    const IN_ORDER: [u32; 12] = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3];

    #[runtime::test]
    async fn each_poll_begins_with_another_future() {
        let order = &RefCell::new(Vec::new());
        let all = runtime::join!(noting(1, order), noting(2, order), noting(3, order));
        assert_eq!(all, (Ok(1), Ok(2), Ok(3)));
        assert_eq!(order.take(), ROTATED);
        let all = runtime::try_join!(noting(1, order), noting(2, order), noting(3, order));
        assert_eq!(all, Ok((1, 2, 3)));
        assert_eq!(order.take(), ROTATED);
    }

    #[runtime::test]
    async fn biased_polls_begin_with_the_first() {
        let order = &RefCell::new(Vec::new());
        let all = runtime::join!(biased; noting(1, order), noting(2, order), noting(3, order));
        assert_eq!(all, (Ok(1), Ok(2), Ok(3)));
        assert_eq!(order.take(), IN_ORDER);
        let all = runtime::try_join!(biased; noting(1, order), noting(2, order), noting(3, order));
        assert_eq!(all, Ok((1, 2, 3)));
        assert_eq!(order.take(), IN_ORDER);
    }

    #[test]
    fn a_finished_future_is_dropped_at_once_and_not_polled_again() {
        let dropped = Cell::new(false);
        let guard = OnDrop(&dropped);
        let mut polled = false;
        let once = poll_fn(|_| {
            let _guard = &guard;
            assert!(!polled, "polled after it was ready");
            polled = true;
            Poll::Ready(())
        });
        let mut joined = Box::pin(async { runtime::join!(once, pending::<()>()) });
        assert!(poll_once(joined.as_mut()).is_pending());
        assert!(poll_once(joined.as_mut()).is_pending());
        drop(joined);
        drop(guard);
        assert!(polled && dropped.get());
    }

    #[runtime::test]
    async fn try_join_returns_the_first_error_and_drops_the_others() {
        let dropped = Cell::new(false);
        let guard = OnDrop(&dropped);
        let result = runtime::try_join!(
            async {
                let _guard = guard;
                pending::<Result<(), String>>().await
            },
            async {
                step().await;
                Err::<u8, _>(String::from("no"))
            },
        );
        assert_eq!(result, Err(String::from("no")));
        assert!(dropped.get());
    }

    #[runtime::test]
    async fn seventy_branches() {
        macro_rules! many {
            ($($branch:literal)*) => {{
                let sum = Cell::new(0);
                let _ = runtime::join!($(async { step().await; sum.set(sum.get() + $branch); }),*);
                sum.get()
            }};
        }
        let sum: u32 = many! {
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59
            60 61 62 63 64 65 66 67 68 69
        };
        assert_eq!(sum, 69 * 70 / 2);
    }

    #[runtime::test]
    async fn temporaries_of_a_future_live_as_long_as_it_does() {
        assert_eq!(
            runtime::join!(&mut ready(1), &mut Box::pin(ready(2))),
            (1, 2)
        );
    }

    /// What one expression locks is free for the next, and when the futures run.
    #[runtime::test]
    async fn an_expression_is_over_before_the_next() {
        let count = &RefCell::new(0);
        let next = |by: &mut i32| {
            *by += 1;
            let seen = *by;
            async move { seen + *count.borrow() }
        };
        let both = runtime::join!(next(&mut count.borrow_mut()), next(&mut count.borrow_mut()));
        assert_eq!(both, (3, 4));
        let ok = |by: &mut i32| {
            *by += 1;
            ready(Ok::<_, ()>(*by))
        };
        let both = runtime::try_join!(ok(&mut count.borrow_mut()), ok(&mut count.borrow_mut()));
        assert_eq!(both, Ok((3, 4)));
        let value = runtime::select! {
            biased;
            x = ok(&mut count.borrow_mut()) => x,
            x = ok(&mut count.borrow_mut()) => x,
        };
        assert_eq!((value, count.take()), (Ok(5), 6));
    }

    #[deny(warnings)]
    #[test]
    fn an_output_that_never_comes_gives_no_warning() {
        use std::convert::Infallible;
        let mut joined = Box::pin(async { runtime::join!(pending::<Infallible>(), ready(1)) });
        assert!(poll_once(joined.as_mut()).is_pending());
        let mut joined = Box::pin(async {
            runtime::try_join!(pending::<Result<Infallible, u8>>(), ready(Ok(1)))
        });
        assert!(poll_once(joined.as_mut()).is_pending());
        let mut joined = Box::pin(async {
            runtime::try_join!(biased; pending::<Result<u8, Infallible>>(), ready(Ok(1)))
        });
        assert!(poll_once(joined.as_mut()).is_pending());
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_branch_costs_its_future_and_a_tag() {
        fn ok(x: i32) -> Result<i32, ()> {
            Ok(x)
        }
        let join = async {
            let (a, b) = (ready(0_i32), ready(0_i32));
            runtime::join!(biased; a, b)
        };
        assert_eq!(size_of_val(&join), 40);
        let join = async {
            let (a, b) = (ready(0_i32), ready(0_i32));
            runtime::join!(a, b)
        };
        assert_eq!(size_of_val(&join), 48);
        let join = async {
            let (a, b) = (ready(ok(0)), ready(ok(0)));
            runtime::try_join!(biased; a, b)
        };
        assert_eq!(size_of_val(&join), 40);
        let join = async {
            let a = ready(ok(0));
            runtime::try_join!(a)
        };
        assert_eq!(size_of_val(&join), 32);
    }
}

mod pin {
    use super::*;

    #[runtime::test]
    async fn variables_and_let_statements_are_pinned() {
        let first = async { 1 };
        let second = async { 2 };
        runtime::pin!(first, second);
        assert_eq!((&mut first).await + (&mut second).await, 3);
        runtime::pin! {
            let third = async { 3 };
            let fourth = async { 4 };
        }
        assert!(poll_once(third.as_mut()).is_ready());
        assert_eq!(fourth.await, 4);
    }
}

mod main {
    use super::*;

    fn code(code: ExitCode) -> String {
        format!("{code:?}")
    }

    #[runtime::main(worker_threads = 2, root = "spawn")]
    async fn spawned() -> thread::ThreadId {
        step().await;
        thread::current().id()
    }

    #[runtime::main(worker_threads = 2, root = "spawn")]
    async fn spawned_with(text: String) -> (usize, thread::ThreadId) {
        step().await;
        (text.len(), thread::current().id())
    }

    #[runtime::main(worker_threads = 2)]
    async fn unnamed() -> thread::ThreadId {
        step().await;
        thread::current().id()
    }

    #[runtime::main(worker_threads = 1, root = "spawn")]
    async fn alone() -> thread::ThreadId {
        step().await;
        thread::current().id()
    }

    #[runtime::main(worker_threads = 2, root = "block_on")]
    async fn kept() -> thread::ThreadId {
        step().await;
        thread::current().id()
    }

    #[runtime::main(flavor = "current_thread")]
    async fn single() -> thread::ThreadId {
        step().await;
        thread::current().id()
    }

    /// Success if it is polled by a thread that the test knows.
    mod chosen {
        use super::*;

        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() -> ExitCode {
            step().await;
            super::known_thread()
        }
    }

    mod not_send {
        use super::*;

        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() -> ExitCode {
            let held = Rc::new(());
            step().await;
            drop(held);
            super::known_thread()
        }
    }

    thread_local!(static KNOWN: Cell<bool> = const { Cell::new(false) });

    fn known_thread() -> ExitCode {
        match KNOWN.get() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    #[runtime::main(worker_threads = 2)]
    async fn output_not_send() -> Rc<thread::ThreadId> {
        step().await;
        Rc::new(thread::current().id())
    }

    #[test]
    fn the_body_runs_on_a_worker_where_it_may() {
        let here = thread::current().id();
        KNOWN.set(true);
        assert_eq!(code(chosen::main()), code(ExitCode::FAILURE));
        assert_eq!(code(not_send::main()), code(ExitCode::SUCCESS));
        assert_ne!(spawned(), here);
        let (length, there) = spawned_with(String::from("text"));
        assert_eq!(length, 4);
        assert_ne!(there, here);
        assert_eq!(unnamed(), here);
        assert_eq!(alone(), here);
        assert_eq!(kept(), here);
        assert_eq!(single(), here);
        assert_eq!(*output_not_send(), here);
    }

    struct Client<'a, T>(&'a str, T);

    impl<'a, T: Default> Client<'a, T> {
        #[runtime::main(worker_threads = 2)]
        async fn fetch() -> T {
            step().await;
            T::default()
        }

        #[runtime::main(flavor = "current_thread")]
        async fn connect(address: &'a str) -> Client<'a, T> {
            step().await;
            Client(address, T::default())
        }
    }

    #[test]
    fn a_function_of_a_generic_type_uses_its_parameters() {
        assert_eq!(Client::<u32>::fetch(), 0);
        let client = Client::<u8>::connect("here");
        assert_eq!((client.0, client.1), ("here", 0));
    }

    /// The path of the function around the call, as logging and snapshot macros find it.
    macro_rules! function_name {
        () => {{
            fn here() {}
            fn name_of<T>(_: T) -> &'static str {
                std::any::type_name::<T>()
            }
            let path = name_of(here).strip_suffix("::here").unwrap();
            let (_, path) = path.rsplit_once("::main::").unwrap();
            path
        }};
    }

    #[runtime::main(worker_threads = 2)]
    async fn here() -> &'static str {
        function_name!()
    }

    #[runtime::main(worker_threads = 2, root = "spawn")]
    async fn there() -> &'static str {
        function_name!()
    }

    #[runtime::test]
    async fn in_a_test() {
        assert_eq!(function_name!(), "in_a_test::{{closure}}");
    }

    #[test]
    fn the_name_of_the_function_has_no_level_of_ours() {
        assert_eq!(here(), "here::{{closure}}");
        assert_eq!(there(), "there::{{closure}}");
    }

    #[deny(warnings)]
    #[runtime::main(worker_threads = 2)]
    async fn diverges() -> ! {
        step().await;
        panic!("as asked")
    }

    #[test]
    fn a_body_may_have_no_value() {
        let payload = catch_unwind(|| diverges()).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"as asked"));
    }

    #[runtime::main(worker_threads = 2)]
    async fn with_arguments(
        text: &str,
        (a, mut b): (usize, usize),
        more: impl Into<usize>,
    ) -> usize {
        step().await;
        b += more.into();
        text.len() + a + b
    }

    struct Receiver(u32);

    impl Receiver {
        #[runtime::main(worker_threads = 2)]
        async fn get(&self) -> Self {
            step().await;
            if self.0 == 0 {
                return Self(1);
            }
            Self(self.0)
        }
    }

    #[runtime::main(worker_threads = 2)]
    async fn generic<T, const N: usize>(values: [T; N]) -> Option<usize>
    where
        T: Default + PartialEq,
    {
        let first = values.iter().position(|value| *value != T::default())?;
        Some(first)
    }

    #[runtime::main(worker_threads = 2)]
    async fn opaque() -> impl Iterator<Item = u8> {
        [1, 2].into_iter()
    }

    #[test]
    fn functions_keep_their_signatures() {
        assert_eq!(with_arguments("four", (1, 2), 3_usize), 10);
        assert_eq!(Receiver(0).get().0, 1);
        assert_eq!(Receiver(5).get().0, 5);
        assert_eq!(generic([0_u8, 0, 3]), Some(2));
        assert_eq!(opaque().sum::<u8>(), 3);
    }

    mod fails {
        use super::*;
        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() -> Result<(), Box<dyn Error>> {
            step().await;
            let _: u32 = "not a number".parse()?;
            Ok(())
        }
    }

    mod succeeds {
        use super::*;
        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() -> Result<(), Box<dyn Error>> {
            step().await;
            Ok(())
        }
    }

    mod chooses {
        use super::*;
        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() -> ExitCode {
            let held = Rc::new(ExitCode::from(42));
            step().await;
            *held
        }
    }

    mod plain {
        use super::*;
        #[runtime::main(worker_threads = 2)]
        pub(super) async fn main() {
            step().await;
        }
    }

    #[test]
    fn main_reports_its_value() {
        assert_eq!(code(fails::main()), code(ExitCode::FAILURE));
        assert_eq!(code(succeeds::main()), code(ExitCode::SUCCESS));
        assert_eq!(code(chooses::main()), code(ExitCode::from(42)));
        plain::main();
    }

    #[derive(Debug, PartialEq)]
    struct Payload(u32);

    #[runtime::main(worker_threads = 2, root = "spawn")]
    async fn panics_on_a_worker() {
        step().await;
        std::panic::panic_any(Payload(1));
    }

    #[runtime::main(flavor = "current_thread")]
    async fn panics_here() {
        step().await;
        std::panic::panic_any(Payload(2));
    }

    #[test]
    fn a_panic_unwinds_with_its_own_payload() {
        let payload = catch_unwind(AssertUnwindSafe(panics_on_a_worker)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&Payload(1)));
        let payload = catch_unwind(AssertUnwindSafe(panics_here)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&Payload(2)));
    }
}

mod test {
    use super::*;
    use runtime as renamed;

    #[runtime::test]
    async fn the_body_is_polled_on_the_test_thread() {
        let not_send = Rc::new(thread::current().id());
        step().await;
        assert_eq!(*not_send, thread::current().id());
    }

    #[runtime::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_body_is_never_spawned() {
        let not_send = Rc::new(thread::current().id());
        step().await;
        assert_eq!(*not_send, thread::current().id());
    }

    #[runtime::test(crate = "renamed")]
    async fn a_test_may_return_a_result() -> Result<(), Box<dyn Error>> {
        step().await;
        let number: u32 = "1".parse()?;
        assert_eq!(number, 1);
        Ok(())
    }

    #[runtime::test(crate = renamed)]
    #[should_panic(expected = "as asked")]
    async fn other_attributes_stay() {
        step().await;
        panic!("as asked");
    }
}

mod names {
    use super::*;

    /// A crate that passes `runtime` on under another name.
    mod framework {
        pub(super) use runtime as tokio;
        pub(super) use runtime::macros::support;
    }

    /// The name is that of an import, and of nothing else.
    mod imported {
        use super::framework::{support, tokio};

        #[support::tokio_main(root = "spawn")]
        pub(super) async fn run() -> u8 {
            tokio::select! { x = async { 1 } => x }
        }

        #[support::tokio_test]
        async fn attributes_take_the_name_in_scope() {
            super::step().await;
        }
    }

    /// The names mean something else here, and nothing is imported.
    #[no_implicit_prelude]
    mod bare {
        #[allow(dead_code)]
        mod runtime {}

        #[::runtime::main(flavor = "current_thread")]
        pub(super) async fn run() -> (u8, u8) {
            let both = ::runtime::join!(async { 1 }, async { 2 });
            let third = ::runtime::select! {
                biased;
                x = async { 3 }, if true => x,
                else => 4,
            };
            (both.0 + both.1, third)
        }

        #[::runtime::test]
        async fn an_absolute_attribute_needs_no_name_in_scope() {
            let one = ::runtime::try_join!(async { ::std::result::Result::Ok::<_, ()>(1) });
            ::std::assert_eq!(one, ::std::result::Result::Ok((1,)));
        }

        #[cfg_attr(all(), ::runtime::test)]
        async fn and_so_does_one_under_a_condition() {}
    }

    #[test]
    fn attributes_find_their_crate() {
        assert_eq!(imported::run(), 1);
        assert_eq!(bare::run(), (3, 3));
    }
}
