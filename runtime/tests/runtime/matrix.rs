//! Every duty of a scheduler under every load: workers × a registered socket or none × what keeps
//! the workers busy × what somebody waits for. A cell fails if its duty is not served at all within
//! a bound that no load explains: nothing here asks how fast.

use crate::support::*;
use runtime::runtime::{Builder, Handle, Runtime};
use runtime::sync::mpsc::unbounded_channel;
use runtime::{net, task, time};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Nothing that is served at all takes so long.
const BOUND: Duration = Duration::from_secs(10);

/// Rounds per cell: which worker has the reactor or the timer is chance.
const ROUNDS: usize = 4;

/// Turns of a load before the duty comes up.
const WARM_UP: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Idle,
    /// One poll that does not end until the duty is served.
    Blocked,
    /// Two tasks that wake each other, one with polls of a millisecond.
    PingPong,
    /// One task that yields all the time.
    Yielder,
    /// Four tasks with polls of a millisecond.
    LongPolls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// A timer on the wheel of the worker under load.
    OwnTimer,
    /// A timer that another task armed.
    OtherTimer,
    /// A byte on a socket.
    Socket,
    /// A task that another thread spawns.
    OutsideSpawn,
    /// A task that the loaded one spawns, and a second one behind it.
    SiblingSpawn,
}

const LOADS: [Load; 5] = [
    Load::Idle,
    Load::Blocked,
    Load::PingPong,
    Load::Yielder,
    Load::LongPolls,
];

const DUTIES: [Duty; 5] = [
    Duty::OwnTimer,
    Duty::OtherTimer,
    Duty::Socket,
    Duty::OutsideSpawn,
    Duty::SiblingSpawn,
];

/// Says that the duty was served. A waker, too.
struct Served(mpsc::Sender<()>);

impl Wake for Served {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

impl Served {
    fn tell(&self) {
        let _ = self.0.send(());
    }
}

/// What a loaded task does in the poll in which the duty comes up; what it returns lives as long as
/// the load.
type ComesUp = Box<dyn FnOnce() -> Option<std::pin::Pin<Box<time::Sleep>>> + Send>;

fn comes_up(duty: Duty, served: Arc<Served>) -> ComesUp {
    Box::new(move || match duty {
        Duty::OwnTimer => {
            let mut sleep = Box::pin(time::sleep(Duration::from_millis(5)));
            // Armed here, whoever is woken.
            let waker = Waker::from(served);
            let polled = sleep.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            Some(sleep)
        }
        Duty::SiblingSpawn => {
            task::spawn(async {});
            task::spawn(async move { served.tell() });
            None
        }
        Duty::OtherTimer | Duty::Socket | Duty::OutsideSpawn => None,
    })
}

fn compute(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// Runs a load until `stop`; the duty comes up in one of its first polls.
async fn run(load: Load, stop: Arc<AtomicBool>, blocked: mpsc::Receiver<()>, comes_up: ComesUp) {
    let ms = Duration::from_millis(1);
    match load {
        Load::Idle => {
            let _kept = comes_up();
            while !stop.load(SeqCst) {
                time::sleep(ms).await;
            }
        }
        Load::Blocked => {
            let _kept = comes_up();
            // Until the other end is dropped.
            let _ = blocked.recv();
        }
        Load::Yielder => {
            for _ in 0..WARM_UP {
                task::yield_now().await;
            }
            let _kept = comes_up();
            while !stop.load(SeqCst) {
                task::yield_now().await;
            }
        }
        Load::LongPolls => {
            for _ in 0..3 {
                let stop = stop.clone();
                task::spawn(async move {
                    while !stop.load(SeqCst) {
                        compute(ms);
                        task::yield_now().await;
                    }
                });
            }
            for _ in 0..WARM_UP {
                compute(ms);
                task::yield_now().await;
            }
            let _kept = comes_up();
            while !stop.load(SeqCst) {
                compute(ms);
                task::yield_now().await;
            }
        }
        Load::PingPong => {
            let (ping, mut pinged) = unbounded_channel();
            let (pong, mut ponged) = unbounded_channel();
            task::spawn(
                async move { while pinged.recv().await.is_some() && pong.send(()).is_ok() {} },
            );
            let mut comes_up = Some(comes_up);
            let mut kept = None;
            let mut turns = 0;
            while !stop.load(SeqCst) {
                compute(ms);
                turns += 1;
                if turns == WARM_UP {
                    kept = comes_up.take().and_then(|comes_up| comes_up());
                }
                if ping.send(()).is_err() || ponged.recv().await.is_none() {
                    break;
                }
            }
            drop(kept);
        }
    }
}

/// Echoes bytes.
async fn echo(listener: net::TcpListener) {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    while let Ok((mut stream, _)) = listener.accept().await {
        task::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                if stream.write_all(&byte).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn outside_duty(
    duty: Duty,
    handle: &Handle,
    client: Option<&mut std::net::TcpStream>,
    served: Arc<Served>,
) {
    match duty {
        Duty::OtherTimer => {
            handle.spawn(async move {
                time::sleep(Duration::from_millis(5)).await;
                served.tell();
            });
        }
        Duty::OutsideSpawn => {
            handle.spawn(async move { served.tell() });
        }
        Duty::Socket => {
            let client = client.expect("a socket is registered");
            client.write_all(b"x").unwrap();
            let mut byte = [0];
            if client.read_exact(&mut byte).is_ok() {
                served.tell();
            }
        }
        Duty::OwnTimer | Duty::SiblingSpawn => {}
    }
}

/// A runtime and, for one without threads, the thread that runs it until the sender is dropped.
struct Running {
    runtime: Arc<Runtime>,
    end: Option<runtime::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn new(workers: usize) -> Self {
        let mut builder = match workers {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        if workers > 0 {
            builder.worker_threads(workers);
        }
        let runtime = Arc::new(builder.enable_all().build().unwrap());
        let mut running = Self {
            runtime: runtime.clone(),
            end: None,
            thread: None,
        };
        if workers == 0 {
            let (end, ended) = runtime::sync::oneshot::channel();
            running.end = Some(end);
            running.thread = Some(std::thread::spawn(move || {
                let _ = runtime.block_on(ended);
            }));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn cell(workers: usize, source: bool, load: Load, duty: Duty) {
    let running = Running::new(workers);
    let handle = running.runtime.handle().clone();
    let mut client = source.then(|| {
        let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = bound.local_addr().unwrap();
        bound.set_nonblocking(true).unwrap();
        handle.spawn(async { echo(net::TcpListener::from_std(bound).unwrap()).await });
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(BOUND)).unwrap();
        // Registered, and waited for.
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        client
    });
    for round in 0..ROUNDS {
        mix(&running, workers);
        settle(&running, workers);
        let (say, heard) = mpsc::channel();
        let served = Arc::new(Served(say));
        let stop = Arc::new(AtomicBool::new(false));
        let (release, blocked) = mpsc::channel();
        let task = handle.spawn(run(
            load,
            stop.clone(),
            blocked,
            comes_up(duty, served.clone()),
        ));
        outside_duty(duty, &handle, client.as_mut(), served);
        let result = heard.recv_timeout(BOUND);
        stop.store(true, SeqCst);
        drop(release);
        assert!(
            result.is_ok(),
            "not served: {workers} workers, a socket: {source}, {load:?}, {duty:?}, round {round}"
        );
        let (say, ended) = mpsc::channel();
        handle.spawn(async move { say.send(task.await.is_ok()) });
        assert_eq!(
            ended.recv_timeout(BOUND),
            Ok(true),
            "{workers} {source} {load:?} {duty:?}"
        );
    }
}

/// Has two workers get up together, so that it is chance which of them waits in the reactor next.
fn mix(running: &Running, workers: usize) {
    if workers < 2 {
        return;
    }
    let barrier = Arc::new(std::sync::Barrier::new(3));
    for _ in 0..2 {
        let barrier = barrier.clone();
        drop(running.runtime.spawn(async move { barrier.wait() }));
    }
    barrier.wait();
}

/// Waits until nothing runs: one worker waits in the reactor and the others beside it.
fn settle(running: &Running, workers: usize) {
    let metrics = running.runtime.metrics();
    for worker in 0..workers {
        // Odd while it is parked.
        while metrics.worker_park_unpark_count(worker) % 2 == 0 {
            std::thread::yield_now();
        }
    }
}

/// A thread that blocks keeps all from being served if there is no other.
fn is_possible(workers: usize, source: bool, load: Load, duty: Duty) -> bool {
    let has_other = workers > 1;
    (load != Load::Blocked || has_other) && (duty != Duty::Socket || source)
}

/// No workers: a current-thread runtime.
fn matrix_of(workers: usize) {
    let _bound = hang_bound();
    for source in [false, true] {
        for load in LOADS {
            for duty in DUTIES {
                if is_possible(workers, source, load, duty) {
                    cell(workers, source, load, duty);
                }
            }
        }
    }
}

#[test]
fn every_duty_is_served_under_every_load_by_a_current_thread_runtime() {
    matrix_of(0);
}

#[test]
fn every_duty_is_served_under_every_load_by_one_worker() {
    matrix_of(1);
}

#[test]
fn every_duty_is_served_under_every_load_by_two_workers() {
    matrix_of(2);
}

#[test]
fn every_duty_is_served_under_every_load_by_three_workers() {
    matrix_of(3);
}

#[test]
fn every_duty_is_served_under_every_load_by_eight_workers() {
    matrix_of(8);
}
