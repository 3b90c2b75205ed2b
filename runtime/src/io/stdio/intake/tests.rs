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
    fn of(intake: &Intake) -> Self {
        let count = Arc::new(Count::default());
        Self {
            id: intake.add_reader(),
            count,
        }
    }

    fn poll(&self, intake: &Intake, room: usize) -> Poll<io::Result<Vec<u8>>> {
        let waker = Waker::from(self.count.clone());
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(&waker);
        let outcome = intake.poll_read(self.id, &mut cx, &mut buf, || Ok(()));
        outcome.map_ok(|()| buf.filled().to_vec())
    }

    #[track_caller]
    fn assert_waits(&self, intake: &Intake, room: usize) {
        assert!(self.poll(intake, room).is_pending());
    }

    #[track_caller]
    fn assert_reads(&self, intake: &Intake, room: usize, expected: &[u8]) {
        match self.poll(intake, room) {
            Poll::Ready(Ok(bytes)) => assert_eq!(bytes, expected),
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }

    fn wakes(&self) -> usize {
        self.count.0.load(Ordering::SeqCst)
    }
}

/// The thread's turn: the source has `bytes`.
fn deliver(intake: &Intake, bytes: &[u8]) -> usize {
    let mut room = 0;
    intake.serve_one(&mut Vec::new(), |buf| {
        room = buf.len();
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    });
    room
}

/// N1, N2: a cancelled read's bytes are there for whoever reads next, in order.
#[test]
fn what_a_reader_left_is_for_the_next() {
    let intake = Intake::new();
    let gone = Reader::of(&intake);
    gone.assert_waits(&intake, 8);
    intake.remove_reader(gone.id);
    assert_eq!(deliver(&intake, b"left"), 8);
    assert_eq!(gone.wakes(), 0, "nobody waits any more");

    let next = Reader::of(&intake);
    next.assert_reads(&intake, 3, b"lef");
    next.assert_reads(&intake, 3, b"t");
    next.assert_waits(&intake, 5);
    assert_eq!(deliver(&intake, b"more"), 5);
    assert_eq!(next.wakes(), 1);
    next.assert_reads(&intake, 100, b"more");
}

/// N1: the end and an error are each the answer of one read, also if that was cancelled.
#[test]
fn an_ending_is_answered_once() {
    let intake = Intake::new();
    let gone = Reader::of(&intake);
    gone.assert_waits(&intake, 4);
    intake.remove_reader(gone.id);
    deliver(&intake, b"");
    let reader = Reader::of(&intake);
    reader.assert_reads(&intake, 4, b"");
    reader.assert_waits(&intake, 4);
    let mut calls = 0;
    intake.serve_one(&mut Vec::new(), |_| {
        calls += 1;
        Err(match calls {
            1 => io::ErrorKind::Interrupted.into(),
            _ => io::ErrorKind::PermissionDenied.into(),
        })
    });
    assert_eq!(calls, 2, "an interrupted read is made again");
    let answer = reader.poll(&intake, 4);
    assert!(
        matches!(&answer, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied)
    );
    reader.assert_waits(&intake, 4);
}

/// N3: all who wait are woken; one takes what there is, the others' read is asked for.
#[test]
fn every_reader_is_woken_and_asks_again() {
    let intake = Intake::new();
    let readers: Vec<Reader> = (0..9).map(|_| Reader::of(&intake)).collect();
    for reader in readers.iter().chain(&readers) {
        reader.assert_waits(&intake, 2);
    }
    for taken in 0..readers.len() {
        deliver(&intake, b"ab");
        for reader in &readers[taken..] {
            assert_eq!(reader.wakes(), taken + 1);
        }
        readers[taken].assert_reads(&intake, 2, b"ab");
        for reader in &readers[taken + 1..] {
            reader.assert_waits(&intake, 2);
        }
    }
}

#[test]
fn no_room_asks_for_nothing() {
    let intake = Intake::new();
    let reader = Reader::of(&intake);
    reader.assert_reads(&intake, 0, b"");
    assert_eq!(intake.state.lock().phase, Phase::Absent);
}

/// Without a thread the reader that asked hears of it, the others ask for one themselves.
#[test]
fn a_thread_that_cannot_be_made_is_an_error_and_tried_again() {
    let intake = Intake::new();
    let (first, second) = (Reader::of(&intake), Reader::of(&intake));
    let waker = Waker::from(first.count.clone());
    let mut bytes = [0; 4];
    let outcome = intake.poll_read(
        first.id,
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
        || {
            second.assert_waits(&intake, 4);
            Err(io::ErrorKind::WouldBlock.into())
        },
    );
    assert!(matches!(outcome, Poll::Ready(Err(_))));
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    second.assert_waits(&intake, 4);
    deliver(&intake, b"ok");
    second.assert_reads(&intake, 4, b"ok");
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
    let intake = Intake::new();
    let waker = Waker::from(Arc::new(Panics));
    let mut bytes = [0; 1];
    let pending = intake.poll_read(
        intake.add_reader(),
        &mut Context::from_waker(&waker),
        &mut ReadBuf::new(&mut bytes),
        || Ok(()),
    );
    assert!(pending.is_pending());
    let reader = Reader::of(&intake);
    reader.assert_waits(&intake, 1);
    deliver(&intake, b"x");
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
    let intake = Arc::new(Intake::new());
    let (send, source) = mpsc::channel::<Vec<u8>>();
    let thread = std::thread::spawn({
        let intake = intake.clone();
        move || {
            let mut left = VecDeque::new();
            let mut ended = false;
            let mut spare = Vec::new();
            while !ended {
                intake.serve_one(&mut spare, |buf| {
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
    let mut reader = intake.add_reader();
    loop {
        turn += 1;
        let mut bytes = [0; 16];
        let mut buf = ReadBuf::new(&mut bytes[..1 + turn % 16]);
        match intake.poll_read(reader, &mut cx, &mut buf, || Ok(())) {
            Poll::Ready(outcome) => {
                outcome.unwrap();
                if buf.filled().is_empty() {
                    break;
                }
                received.extend_from_slice(buf.filled());
            }
            Poll::Pending if turn % 3 == 0 => {
                intake.remove_reader(reader);
                reader = intake.add_reader();
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
    let intake = Intake::new();
    let reader = Reader::of(&intake);
    reader.assert_waits(&intake, 8);
    assert_eq!(deliver(&intake, b"abcdef"), 8);
    reader.assert_reads(&intake, 2, b"ab");
    let (fork, was_reading) = Intake::inherited(&intake);
    assert!(!was_reading);
    let (own, other) = (Reader::of(&fork), Reader::of(&fork));
    own.assert_reads(&fork, 3, b"cde");
    reader.assert_reads(&intake, 8, b"cdef");
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
    let intake = Intake::new();
    let reader = Reader::of(&intake);
    reader.assert_waits(&intake, 8);
    assert!(!Intake::inherited(&intake).1, "only asked for");
    intake.serve_one(&mut Vec::new(), |buf| {
        assert!(Intake::inherited(&intake).1);
        buf[0] = 1;
        Ok(1)
    });
    assert!(!Intake::inherited(&intake).1);
    let held = intake.state.lock();
    let (fork, was_reading) = Intake::inherited(&intake);
    drop(held);
    assert!(was_reading);
    Reader::of(&fork).assert_waits(&fork, 8);
}
