//! Tasks and timers for runtimes with tokio's names.

/// Implements [`TaskPeer`](super::TaskPeer) and [`SetPeer`](super::SetPeer) for a peer made by
/// `tokio_shaped`.
macro_rules! tokio_shaped_task {
    ($peer:ident = $rt:ident) => {
        const _: () = {
            use std::future::Future;
            use std::pin::Pin;
            use std::task::{Context, Poll};
            use std::time::Duration;

            use ::$rt::runtime::Handle;
            use ::$rt::task::{JoinHandle, JoinSet, LocalSet};
            use ::$rt::time::{self, Interval};

            /// Unwraps the result of a local task.
            #[derive(Debug)]
            pub struct LocalJoin(JoinHandle<()>);

            impl Future for LocalJoin {
                type Output = ();

                fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                    Pin::new(&mut self.0)
                        .poll(cx)
                        .map(|result| result.expect("no task panics"))
                }
            }

            impl TaskPeer for $peer {
                type Interval = Interval;
                type LocalJoin = LocalJoin;

                fn interval(period: Duration) -> Interval {
                    time::interval(period)
                }

                async fn tick(interval: &mut Interval) {
                    interval.tick().await;
                }

                fn abort<T: Send + 'static>(task: Self::Join<T>) {
                    task.0.abort();
                }

                fn run_local<F: Future>(&self, future: F) -> F::Output {
                    LocalSet::new().block_on(&self.0, future)
                }

                fn spawn_local<F>(future: F) -> LocalJoin
                where
                    F: Future<Output = ()> + 'static,
                {
                    LocalJoin(::$rt::task::spawn_local(future))
                }
            }

            impl SetPeer for $peer {
                type JoinSet = JoinSet<()>;

                fn join_set() -> JoinSet<()> {
                    JoinSet::new()
                }

                fn spawn_into<F>(set: &mut JoinSet<()>, future: F)
                where
                    F: Future<Output = ()> + Send + 'static,
                {
                    set.spawn(future);
                }

                async fn join_next(set: &mut JoinSet<()>) -> bool {
                    match set.join_next().await {
                        Some(result) => {
                            result.expect("no task panics");
                            true
                        }
                        None => false,
                    }
                }

                fn read_counters() -> usize {
                    let metrics = Handle::current().metrics();
                    let workers = 0..metrics.num_workers();
                    let parks: u64 = workers.map(|it| metrics.worker_park_count(it)).sum();
                    std::hint::black_box((metrics.global_queue_depth(), parks));
                    metrics.num_alive_tasks()
                }
            }
        };
    };
}
