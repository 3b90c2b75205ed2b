//! Streams whose two sides share a lock: what was read for nobody in particular, streams in
//! memory, and the halves of a stream. No byte is lost or doubled, and no wait is forgotten.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::io::{self, AsyncReadExt, AsyncWriteExt, ReadBuf};
use runtime::model::io::{Reader, SharedReader};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Waker};

/// Waits for at most `N` bytes.
fn read<const N: usize>(shared: &SharedReader, reader: Reader) -> Vec<u8> {
    let mut bytes = [0; N];
    let mut buf = ReadBuf::new(&mut bytes);
    block_on(poll_fn(|cx| shared.poll_read(reader, cx, &mut buf))).expect("nothing fails");
    buf.filled().to_vec()
}

/// N1, N3: a read ends however it falls against the thread's turn, and the next one goes on where
/// it stopped.
#[test]
fn a_read_is_woken_by_its_end() {
    model(|| {
        let shared = Arc::new(SharedReader::new());
        let thread = thread::spawn({
            let shared = shared.clone();
            move || shared.serve_one(b"ab")
        });
        let reader = shared.add_reader();
        let mut all = Vec::new();
        while all.len() < 2 {
            all.extend(read::<2>(&shared, reader));
        }
        assert_eq!(all, b"ab");
        thread.join().unwrap();
    });
}

/// N1: a reader that goes while its read is under way leaves the bytes to the next one.
#[test]
fn a_cancelled_read_leaves_its_bytes() {
    model(|| {
        let shared = Arc::new(SharedReader::new());
        let thread = thread::spawn({
            let shared = shared.clone();
            move || shared.serve_one(b"x")
        });
        let gone = shared.add_reader();
        let mut bytes = [0; 1];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let first = shared.poll_read(gone, &mut cx, &mut buf);
        shared.remove_reader(gone);
        assert!(first.is_pending(), "nobody asked before");
        assert_eq!(read::<1>(&shared, shared.add_reader()), b"x");
        thread.join().unwrap();
    });
}

/// N3: two readers, one turn of the thread for each: whoever finds nothing asks again.
#[test]
fn two_readers_share_what_comes() {
    model(|| {
        let shared = Arc::new(SharedReader::new());
        let other = thread::spawn({
            let shared = shared.clone();
            move || read::<1>(&shared, shared.add_reader())
        });
        let thread = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.serve_one(b"1");
                shared.serve_one(b"2");
            }
        });
        let mut all = read::<1>(&shared, shared.add_reader());
        all.extend(other.join().unwrap());
        all.sort();
        assert_eq!(all, b"12");
        thread.join().unwrap();
    });
}

/// I1 of `duplex`: a full stream's writer and an empty one's reader wake each other.
#[test]
fn both_ends_of_a_duplex_wake_each_other() {
    model(|| {
        let (mut near, mut far) = io::duplex(1);
        let writer = thread::spawn(move || block_on(near.write_all(b"ab")).unwrap());
        let mut all = Vec::new();
        block_on(far.read_to_end(&mut all)).unwrap();
        assert_eq!(all, b"ab");
        writer.join().unwrap();
    });
}

/// I1 of `duplex`: a writer that waits learns that the reader has gone.
#[test]
fn a_dropped_end_ends_the_wait_of_the_other() {
    model(|| {
        let (mut near, far) = io::duplex(1);
        let reader = thread::spawn(move || drop(far));
        let error = block_on(near.write_all(b"ab")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        reader.join().unwrap();
    });
}

/// A write that was cancelled while the stream was full has written nothing, and takes no wake
/// away from the next one.
#[test]
fn a_cancelled_write_takes_no_wake_away() {
    model(|| {
        let (mut near, mut far) = io::duplex(1);
        block_on(near.write_u8(1)).unwrap();
        let reader = thread::spawn(move || {
            let first = block_on(far.read_u8()).unwrap();
            (first, block_on(far.read_u8()).unwrap())
        });
        let written = {
            let write = pin!(near.write(&[2]));
            poll_once(write).is_ready()
        };
        if !written {
            block_on(near.write_u8(3)).unwrap();
        }
        let expected = if written { 2 } else { 3 };
        assert_eq!(reader.join().unwrap(), (1, expected));
    });
}

/// I1 of `split`: the halves on two threads, with the stream's one lock between them.
#[test]
fn both_halves_of_a_stream_make_progress() {
    model(|| {
        let (mut reader, mut writer) = io::simplex(1);
        let other = thread::spawn(move || {
            block_on(writer.write_all(b"ab")).unwrap();
            block_on(writer.shutdown()).unwrap();
            writer
        });
        let mut all = Vec::new();
        block_on(reader.read_to_end(&mut all)).unwrap();
        assert_eq!(all, b"ab");
        let writer = other.join().unwrap();
        assert!(reader.is_pair_of(&writer));
        drop(reader.unsplit(writer));
    });
}
