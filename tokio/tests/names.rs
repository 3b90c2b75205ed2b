//! The names are tokio's and no others, and what goes by a name is tokio's as well: programs that
//! import all of a module, forbid warnings, or set tokio's environment run as they did.

#![deny(warnings)]

use std::env;
use std::process::Command;
use tokio::runtime::{Builder, Handle, LogHistogram, Runtime};

/// A name that a program has besides, imported by a glob, stays its own.
mod globs {
    mod mine {
        pub(super) struct Scope;
        pub(super) struct CancellationToken;
        pub(super) struct TaskTracker;
        pub(super) struct AbortOnDropHandle;
        pub(super) fn name() -> &'static str {
            "mine"
        }
        pub(super) fn scope() {}
        pub(super) struct AccessError;
    }

    #[test]
    fn tasks_leave_names_of_programs_alone() {
        use mine::*;
        #[allow(unused_imports)]
        use tokio::task::*;
        let _ = (
            Scope,
            CancellationToken,
            TaskTracker,
            AbortOnDropHandle,
            AccessError,
        );
        scope();
        assert_eq!(name(), "mine");
    }

    #[test]
    fn sync_leaves_names_of_std_alone() {
        #[allow(unused_imports)]
        use std::sync::*;
        #[allow(unused_imports)]
        use tokio::sync::*;
        let _ = Condvar::new();
    }

    #[test]
    fn the_root_leaves_names_of_programs_alone() {
        mod mine {
            pub(super) struct Builder;
            pub(super) fn spawn_blocking() {}
        }
        use mine::*;
        #[allow(unused_imports)]
        use tokio::*;
        let _ = Builder;
        spawn_blocking();
    }
}

/// None of these types says that it must be used, as none of tokio's does. A warning is an error.
#[allow(clippy::let_underscore_future)]
#[tokio::test]
async fn what_tokio_leaves_without_a_warning_may_be_dropped_at_once() {
    use std::sync::Arc;
    use tokio::sync::{
        Mutex, OwnedRwLockWriteGuard, RwLock, RwLockWriteGuard, mpsc, oneshot, watch,
    };
    use tokio::task::{JoinSet, LocalSet};

    LocalSet::new();
    LocalSet::new().enter();
    JoinSet::<()>::new();
    watch::channel(1).0.subscribe();
    Builder::new_current_thread();
    Builder::new_multi_thread();
    LogHistogram::builder();
    let receiver = || oneshot::channel::<()>().1;
    receiver();
    let mutex = Arc::new(Mutex::new(1));
    mutex.clone().lock_owned().await;
    mutex.try_lock_owned().unwrap();
    let lock = Arc::new(RwLock::new((1, 2)));
    lock.clone().read_owned().await;
    lock.clone().write_owned().await;
    RwLockWriteGuard::map(lock.write().await, |pair| &mut pair.0);
    OwnedRwLockWriteGuard::into_mapped(lock.clone().write_owned().await);
    let (sender, _receiver) = mpsc::channel::<u8>(2);
    sender.reserve().await.unwrap();
    sender.reserve_many(2).await.unwrap();
    sender.reserve_owned().await.unwrap();
}

#[test]
fn threads_have_the_names_that_tokio_gives_them() {
    let name = || std::thread::current().name().map(str::to_owned);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let names = runtime.block_on(async move {
        let worker = tokio::spawn(async move { name() }).await.unwrap();
        (worker, tokio::task::spawn_blocking(name).await.unwrap())
    });
    let expected = Some("tokio-rt-worker".to_owned());
    assert_eq!(names, (expected.clone(), expected));
}

#[test]
fn messages_name_the_crate_that_the_program_names() {
    let text = Handle::try_current().unwrap_err().to_string();
    let sentence =
        "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
    assert!(text.starts_with(sentence), "{text}");
    assert!(text.contains("`#[tokio::main]`"), "{text}");
}

/// The environment belongs to the whole process: each case is one of its own.
#[test]
fn the_environment_sets_the_number_of_workers() {
    const CHILD: &str = "NAMES_TEST_CHILD";
    if env::var_os(CHILD).is_some() {
        println!(
            "workers={}",
            Runtime::new().unwrap().metrics().num_workers()
        );
        return;
    }
    let run = |variables: &[(&str, &str)]| {
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "the_environment_sets_the_number_of_workers",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .env_remove("TOKIO_WORKER_THREADS")
            .env_remove("RUNTIME_WORKER_THREADS")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let texts = [output.stdout, output.stderr].concat();
        String::from_utf8(texts).unwrap()
    };
    let text = run(&[("TOKIO_WORKER_THREADS", "3")]);
    assert!(text.contains("workers=3"), "{text}");
    let text = run(&[
        ("TOKIO_WORKER_THREADS", "3"),
        ("RUNTIME_WORKER_THREADS", "5"),
    ]);
    assert!(text.contains("workers=3"), "{text}");
    let text = run(&[("RUNTIME_WORKER_THREADS", "5")]);
    assert!(text.contains("workers=5"), "{text}");
    for (value, sentence) in [
        ("0", "\"TOKIO_WORKER_THREADS\" cannot be set to 0"),
        (
            "x",
            "\"TOKIO_WORKER_THREADS\" must be usize, error: invalid digit found in string, value: x",
        ),
    ] {
        let text = run(&[("TOKIO_WORKER_THREADS", value)]);
        assert!(text.contains(sentence), "{text}");
    }
}
