//! Readers polled by hand and a thread's turns made by the test; and all of it with threads.

use super::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Wake;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A reader with its waker.
struct Reader {
    id: ReaderId,
    count: Arc<Count>,
}

impl Reader {
    fn of(shared: &SharedReader) -> Self {
        let count = Arc::new(Count::default());
        Self {
            id: shared.add_reader(),
            count,
        }
    }

    fn poll(&self, shared: &SharedReader, room: usize) -> Poll<io::Result<Vec<u8>>> {
        let waker = Waker::from(self.count.clone());
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(&waker);
        let outcome = shared.poll_read(self.id, &mut cx, &mut buf, || Ok(()));
        outcome.map_ok(|()| buf.filled().to_vec())
    }

    #[track_caller]
    fn assert_waits(&self, shared: &SharedReader, room: usize) {
        assert!(self.poll(shared, room).is_pending());
    }

    #[track_caller]
    fn assert_reads(&self, shared: &SharedReader, room: usize, expected: &[u8]) {
        match self.poll(shared, room) {
            Poll::Ready(Ok(bytes)) => assert_eq!(bytes, expected),
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }

    fn wakes(&self) -> usize {
        self.count.0.load(Ordering::SeqCst)
    }
}

/// The thread's turn: the source has `bytes`.
fn deliver(shared: &SharedReader, bytes: &[u8]) -> usize {
    let mut room = 0;
    shared.serve_one(&mut Vec::new(), |buf| {
        room = buf.len();
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    });
    room
}

/// N1, N2: a cancelled read's bytes are there for whoever reads next, in order.
#[test]
fn what_a_reader_left_is_for_the_next() {
    let shared = SharedReader::new();
    let gone = Reader::of(&shared);
    gone.assert_waits(&shared, 8);
    shared.remove_reader(gone.id);
    assert_eq!(deliver(&shared, b"left"), 8);
    assert_eq!(gone.wakes(), 0, "nobody waits any more");

    let next = Reader::of(&shared);
    next.assert_reads(&shared, 3, b"lef");
    next.assert_reads(&shared, 3, b"t");
    next.assert_waits(&shared, 5);
    assert_eq!(deliver(&shared, b"more"), 5);
    assert_eq!(next.wakes(), 1);
    next.assert_reads(&shared, 100, b"more");
}

/// N1: the end and an error are each the answer of one read, also if that was cancelled.
#[test]
fn an_ending_is_answered_once() {
    let shared = SharedReader::new();
    let gone = Reader::of(&shared);
    gone.assert_waits(&shared, 4);
    shared.remove_reader(gone.id);
    deliver(&shared, b"");
    let reader = Reader::of(&shared);
    reader.assert_reads(&shared, 4, b"");
    reader.assert_waits(&shared, 4);
    let mut calls = 0;
    shared.serve_one(&mut Vec::new(), |_| {
        calls += 1;
        Err(match calls {
            1 => io::ErrorKind::Interrupted.into(),
            _ => io::ErrorKind::PermissionDenied.into(),
        })
    });
    assert_eq!(calls, 2, "an interrupted read is made again");
    let answer = reader.poll(&shared, 4);
    assert!(
        matches!(&answer, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied)
    );
    reader.assert_waits(&shared, 4);
}

/// N3: all who wait are woken; one takes what there is, the others' read is asked for.
#[test]
fn every_reader_is_woken_and_asks_again() {
    let shared = SharedReader::new();
    let readers: Vec<Reader> = (0..9).map(|_| Reader::of(&shared)).collect();
    for reader in readers.iter().chain(&readers) {
        reader.assert_waits(&shared, 2);
    }
    for taken in 0..readers.len() {
        deliver(&shared, b"ab");
        for reader in &readers[taken..] {
            assert_eq!(reader.wakes(), taken + 1);
        }
        readers[taken].assert_reads(&shared, 2, b"ab");
        for reader in &readers[taken + 1..] {
            reader.assert_waits(&shared, 2);
        }
    }
}

#[test]
fn no_room_asks_for_nothing() {
    let shared = SharedReader::new();
    let reader = Reader::of(&shared);
    reader.assert_reads(&shared, 0, b"");
    assert_eq!(shared.state.lock().phase, Phase::Absent);
}

/// Without a thread the reader that asked hears of it, the others ask for one themselves.
#[test]
fn a_thread_that_cannot_be_made_is_an_error_and_tried_again() {
    let shared = SharedReader::new();
    let (first, second) = (Reader::of(&shared), Reader::of(&shared));
    let waker = Waker::from(first.count.clone());
    let mut bytes = [0; 4];
    let outcome = shared.poll_read(
        first.id,
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
        || {
            second.assert_waits(&shared, 4);
            Err(io::ErrorKind::WouldBlock.into())
        },
    );
    assert!(matches!(outcome, Poll::Ready(Err(_))));
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    second.assert_waits(&shared, 4);
    deliver(&shared, b"ok");
    second.assert_reads(&shared, 4, b"ok");
}

/// A waker's panic is its own: the others are woken.
#[test]
fn a_panicking_waker_leaves_the_others_alone() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker's panic, which is expected here");
        }
    }
    let shared = SharedReader::new();
    let waker = Waker::from(Arc::new(Panics));
    let mut bytes = [0; 1];
    let pending = shared.poll_read(
        shared.add_reader(),
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
        || Ok(()),
    );
    assert!(pending.is_pending());
    let reader = Reader::of(&shared);
    reader.assert_waits(&shared, 1);
    deliver(&shared, b"x");
    assert_eq!(reader.wakes(), 1);
}

/// N1 to N3 with a thread that reads and readers that give up now and then: the bytes arrive
/// once and in order.
#[test]
fn readers_that_give_up_lose_nothing() {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    const TOTAL: usize = 20_000;
    let shared = Arc::new(SharedReader::new());
    let (send, source) = mpsc::channel::<Vec<u8>>();
    let thread = std::thread::spawn({
        let shared = shared.clone();
        move || {
            let mut left = VecDeque::new();
            let mut ended = false;
            let mut spare = Vec::new();
            while !ended {
                shared.serve_one(&mut spare, |buf| {
                    if left.is_empty() {
                        left.extend(source.recv().unwrap_or_default());
                    }
                    let count = left.len().min(buf.len());
                    buf.iter_mut()
                        .zip(left.drain(..count))
                        .for_each(|(to, from)| *to = from);
                    ended = count == 0;
                    Ok(count)
                });
            }
        }
    });
    let feeder = std::thread::spawn(move || {
        let bytes: Vec<u8> = (0..TOTAL).map(|n| n as u8).collect();
        bytes
            .chunks(7)
            .for_each(|part| send.send(part.to_vec()).unwrap());
    });
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut received = Vec::new();
    let mut turn = 0_usize;
    let mut reader = shared.add_reader();
    loop {
        turn += 1;
        let mut bytes = [0; 16];
        let mut buf = ReadBuf::new(&mut bytes[..1 + turn % 16]);
        match shared.poll_read(reader, &mut cx, &mut buf, || Ok(())) {
            Poll::Ready(outcome) => {
                outcome.unwrap();
                if buf.filled().is_empty() {
                    break;
                }
                received.extend_from_slice(buf.filled());
            }
            Poll::Pending if turn % 3 == 0 => {
                shared.remove_reader(reader);
                reader = shared.add_reader();
            }
            Poll::Pending => std::thread::park(),
        }
    }
    feeder.join().unwrap();
    thread.join().unwrap();
    assert_eq!(received.len(), TOTAL);
    assert!(
        received
            .iter()
            .enumerate()
            .all(|(n, &byte)| byte == n as u8)
    );
}

/// N5.
#[test]
fn a_fork_has_what_was_kept_and_no_thread() {
    let shared = SharedReader::new();
    let reader = Reader::of(&shared);
    reader.assert_waits(&shared, 8);
    assert_eq!(deliver(&shared, b"abcdef"), 8);
    reader.assert_reads(&shared, 2, b"ab");
    let (fork, was_reading) = SharedReader::inherited(&shared);
    assert!(!was_reading);
    let (own, other) = (Reader::of(&fork), Reader::of(&fork));
    own.assert_reads(&fork, 3, b"cde");
    reader.assert_reads(&shared, 8, b"cdef");
    other.assert_reads(&fork, 3, b"f");
    // The next read is by a thread of the fork's.
    let mut made = 0;
    let mut bytes = [0; 4];
    let outcome = fork.poll_read(
        own.id,
        &mut Context::from_waker(Waker::noop()),
        &mut ReadBuf::new(&mut bytes),
        || {
            made += 1;
            Ok(())
        },
    );
    assert!(outcome.is_pending());
    assert_eq!(made, 1);
}

/// N5: the source is locked while its parent reads, and perhaps while its lock is held.
#[test]
fn a_fork_is_told_that_its_parent_was_reading() {
    let shared = SharedReader::new();
    let reader = Reader::of(&shared);
    reader.assert_waits(&shared, 8);
    assert!(!SharedReader::inherited(&shared).1, "only asked for");
    shared.serve_one(&mut Vec::new(), |buf| {
        assert!(SharedReader::inherited(&shared).1);
        buf[0] = 1;
        Ok(1)
    });
    assert!(!SharedReader::inherited(&shared).1);
    let held = shared.state.lock();
    let (fork, was_reading) = SharedReader::inherited(&shared);
    drop(held);
    assert!(was_reading);
    Reader::of(&fork).assert_waits(&fork, 8);
}
