//! Streams in memory, halves and copies: empty and partial operations, the cooperative budget, and
//! every number that can be read and written.

use crate::support::{ScriptedReader, Step, WakeCount, block_on, bytes, poll_once};
use runtime::io::{
    self, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
    BufReader, BufStream, ErrorKind, ReadBuf, SeekFrom, SimplexStream,
};
use runtime::runtime::Builder;
use std::future::Future;
use std::io::{Cursor, IoSlice};
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::string::FromUtf8Error;
use std::task::{Context, Poll, Waker};

/// Each number is written by its method, is as long as its type, and is read back by its method.
macro_rules! round_trips {
    ($($write:ident, $read:ident, $type:ty, $encode:ident;)*) => {
        #[test]
        fn every_number_comes_back_as_it_was_written() {
            $(
                for byte in [0_u8, 1, 0x7f, 0x80, 0xa5] {
                    let mut encoded = [byte; size_of::<$type>()];
                    encoded[0] ^= 0x12;
                    let number = <$type>::$encode(encoded);
                    // Byte by byte, with a pause before each.
                    let mut steps = Vec::new();
                    for byte in encoded {
                        steps.extend([Step::Pending, bytes([byte])]);
                    }
                    let read = block_on(ScriptedReader::new(steps).$read()).unwrap();
                    assert_eq!(read.to_le_bytes(), number.to_le_bytes(), stringify!($read));
                    let mut written = Vec::new();
                    block_on(written.$write(number)).unwrap();
                    assert_eq!(written, encoded, stringify!($write));
                    let early = block_on((&encoded[1..]).$read()).unwrap_err();
                    assert_eq!(early.kind(), ErrorKind::UnexpectedEof, stringify!($read));
                    let mut full = [0_u8; 16];
                    let mut room = Cursor::new(&mut full[1..size_of::<$type>()]);
                    let error = block_on(room.$write(number)).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::WriteZero, stringify!($write));
                }
            )*
        }
    };
}

round_trips! {
    write_u8, read_u8, u8, from_be_bytes;
    write_i8, read_i8, i8, from_be_bytes;
    write_u16, read_u16, u16, from_be_bytes;
    write_i16, read_i16, i16, from_be_bytes;
    write_u32, read_u32, u32, from_be_bytes;
    write_i32, read_i32, i32, from_be_bytes;
    write_u64, read_u64, u64, from_be_bytes;
    write_i64, read_i64, i64, from_be_bytes;
    write_u128, read_u128, u128, from_be_bytes;
    write_i128, read_i128, i128, from_be_bytes;
    write_f32, read_f32, f32, from_be_bytes;
    write_f64, read_f64, f64, from_be_bytes;
    write_u16_le, read_u16_le, u16, from_le_bytes;
    write_i16_le, read_i16_le, i16, from_le_bytes;
    write_u32_le, read_u32_le, u32, from_le_bytes;
    write_i32_le, read_i32_le, i32, from_le_bytes;
    write_u64_le, read_u64_le, u64, from_le_bytes;
    write_i64_le, read_i64_le, i64, from_le_bytes;
    write_u128_le, read_u128_le, u128, from_le_bytes;
    write_i128_le, read_i128_le, i128, from_le_bytes;
    write_f32_le, read_f32_le, f32, from_le_bytes;
    write_f64_le, read_f64_le, f64, from_le_bytes;
}

/// Nothing to move is done at once, whether the stream is empty, full or closed on the way.
#[test]
fn operations_on_no_bytes_are_done_at_once() {
    let (mut near, mut far) = io::duplex(2);
    assert_eq!(poll_ok(far.read(&mut [])), 0);
    assert_eq!(poll_ok(near.write(&[])), 0);
    assert_eq!(poll_ok(near.write(b"abc")), 2);
    assert_eq!(poll_ok(near.write(&[])), 0, "full");
    assert_eq!(poll_ok(near.write_vectored(&[])), 0);
    assert_eq!(
        poll_ok(near.write_vectored(&[IoSlice::new(&[]), IoSlice::new(&[])])),
        0
    );
    assert_eq!(poll_ok(far.read(&mut [])), 0);
    assert_eq!(poll_ok(far.read(&mut [0; 4])), 2, "nothing was taken away");
    let mut simplex = SimplexStream::new_unsplit(1);
    assert_eq!(poll_ok(simplex.read(&mut [])), 0);
    assert_eq!(poll_ok(simplex.write(&[])), 0);
}

fn poll_ok<T>(operation: impl Future<Output = io::Result<T>>) -> T {
    match poll_once(pin!(operation)) {
        Poll::Ready(outcome) => outcome.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_vectored_write_takes_what_fits_across_its_pieces() {
    let (mut near, mut far) = io::duplex(5);
    assert!(near.is_write_vectored());
    let pieces = [b"ab".as_slice(), b"", b"cd", b"efg"].map(IoSlice::new);
    assert_eq!(poll_ok(near.write_vectored(&pieces)), 5);
    assert!(poll_once(pin!(near.write_vectored(&pieces))).is_pending());
    let mut text = [0; 8];
    assert_eq!(poll_ok(far.read(&mut text)), 5);
    assert_eq!(&text[..5], b"abcde");
}

/// A read that was dropped while it waited takes nothing from the next one.
#[test]
fn a_cancelled_read_of_a_stream_in_memory_loses_nothing() {
    let (mut near, mut far) = io::duplex(16);
    let mut gone = [0; 4];
    assert!(poll_once(pin!(far.read(&mut gone))).is_pending());
    block_on(near.write_all(b"text")).unwrap();
    assert_eq!(gone, [0; 4]);
    let mut text = [0; 4];
    assert_eq!(poll_ok(far.read(&mut text)), 4);
    assert_eq!(&text, b"text");
}

#[test]
fn shutdown_lets_the_rest_through_and_dropping_wakes_both_sides() {
    let (mut near, mut far) = io::duplex(4);
    block_on(near.write_all(b"rest")).unwrap();
    let (count, waker) = WakeCount::new();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut near).poll_write(&mut cx, b"x").is_pending());
    block_on(near.shutdown()).unwrap();
    assert_eq!(count.get(), 1, "its own wait is over too");
    let error = block_on(near.write(b"x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let mut all = String::new();
    assert_eq!(block_on(far.read_to_string(&mut all)).unwrap(), 4);
    // The other direction is open.
    block_on(far.write_all(b"back")).unwrap();
    let mut buf = [0; 4];
    assert_eq!(poll_ok(near.read(&mut buf)), 4);
    let mut waiting = ReadBuf::new(&mut buf);
    assert!(
        Pin::new(&mut near)
            .poll_read(&mut cx, &mut waiting)
            .is_pending()
    );
    drop(far);
    assert_eq!(count.get(), 2);
    assert_eq!(poll_ok(near.read(&mut [0; 1])), 0);
}

#[test]
fn halves_know_each_other_and_join_again() {
    let (reader, writer) = io::split(Cursor::new(vec![1_u8, 2, 3]));
    let (other_reader, other_writer) = io::split(Cursor::new(Vec::new()));
    assert!(reader.is_pair_of(&writer) && writer.is_pair_of(&reader));
    assert!(!reader.is_pair_of(&other_writer) && !writer.is_pair_of(&other_reader));
    assert_eq!(reader.unsplit(writer).into_inner(), [1, 2, 3]);
    let (reader, _writer) = io::split(Cursor::new(Vec::new()));
    let unequal = panic::catch_unwind(AssertUnwindSafe(|| reader.unsplit(other_writer)));
    let text = *unequal.err().unwrap().downcast::<&str>().unwrap();
    let sentence = "Unrelated `split::Write` passed to `split::Read::unsplit`";
    assert!(text.starts_with(sentence), "{text}");
}

/// A stream that could never carry a byte is a mistake of the caller's.
#[test]
fn no_capacity_is_refused() {
    type Attempt = fn();
    let attempts: [Attempt; 6] = [
        || drop(io::duplex(0)),
        || drop(io::simplex(0)),
        || drop(SimplexStream::new_unsplit(0)),
        || drop(BufReader::with_capacity(0, io::empty())),
        || drop(BufStream::with_capacity(0, 1, io::empty())),
        || {
            let (mut a, mut b) = (io::empty(), io::empty());
            let _ = block_on(io::copy_bidirectional_with_sizes(&mut a, &mut b, 0, 1));
        },
    ];
    for (nth, attempt) in attempts.into_iter().enumerate() {
        let payload = panic::catch_unwind(attempt).expect_err("no capacity");
        if nth < 3 {
            let text = payload.downcast_ref::<&str>().unwrap();
            let sentence = "`max_buf_size` must be greater than 0";
            assert!(text.starts_with(sentence), "attempt {nth}: {text}");
        }
    }
}

/// A line that is no text is skipped, and its bytes are in the error.
#[test]
fn a_line_that_is_no_text_is_handed_out_as_bytes() {
    let mut lines = (&b"ok\n\xff\xfe\r\nnext"[..]).lines();
    assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), Some("ok"));
    let error = block_on(lines.next_line()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let inner = error
        .into_inner()
        .unwrap()
        .downcast::<FromUtf8Error>()
        .unwrap();
    assert_eq!(inner.into_bytes(), b"\xff\xfe");
    assert_eq!(
        block_on(lines.next_line()).unwrap().as_deref(),
        Some("next")
    );
    assert_eq!(block_on(lines.next_line()).unwrap(), None);
}

/// A line, or a segment, that an error interrupted is continued.
#[test]
fn an_error_in_the_middle_of_a_line_loses_none_of_it() {
    let steps = || {
        [
            bytes("ab\u{e9}".as_bytes()),
            Step::Error(ErrorKind::Other),
            bytes("c\nd"),
        ]
    };
    let mut lines = BufReader::new(ScriptedReader::new(steps())).lines();
    assert_eq!(
        block_on(lines.next_line()).unwrap_err().kind(),
        ErrorKind::Other
    );
    assert_eq!(
        block_on(lines.next_line()).unwrap().as_deref(),
        Some("ab\u{e9}c")
    );
    let mut segments = BufReader::new(ScriptedReader::new(steps())).split(b'\n');
    assert!(block_on(segments.next_segment()).is_err());
    let segment = block_on(segments.next_segment()).unwrap().unwrap();
    assert_eq!(segment, "ab\u{e9}c".as_bytes());
}

#[test]
fn empty_is_at_its_end_wherever_one_seeks() {
    block_on(async {
        let mut empty = io::empty();
        assert_eq!(empty.seek(SeekFrom::Start(9)).await.unwrap(), 0);
        assert_eq!(empty.stream_position().await.unwrap(), 0);
        empty.rewind().await.unwrap();
        assert_eq!(empty.fill_buf().await.unwrap(), b"");
        assert_eq!(
            empty
                .write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"c")])
                .await
                .unwrap(),
            3
        );
        assert!(empty.is_write_vectored() && io::sink().is_write_vectored());
        assert_eq!(
            io::sink()
                .write_vectored(&[IoSlice::new(b"abcd")])
                .await
                .unwrap(),
            4
        );
    });
}

/// Whatever never waits by itself yields all the same, so that other tasks get their turn.
#[test]
fn what_is_always_ready_lets_others_run() {
    type Endless = Pin<Box<dyn Future<Output = ()>>>;
    fn boxed(future: impl Future<Output = ()> + 'static) -> Endless {
        Box::pin(future)
    }
    let endless: Vec<(&str, Endless)> = vec![
        (
            "copy",
            boxed(async {
                let _ = io::copy(&mut io::repeat(1), &mut io::sink()).await;
            }),
        ),
        (
            "copy of nothing counted",
            boxed(async {
                let _ = io::copy(&mut AlwaysReady, &mut Forgets).await;
            }),
        ),
        (
            "copy_buf",
            boxed(async {
                let _ = io::copy_buf(&mut BufReader::new(AlwaysReady), &mut Forgets).await;
            }),
        ),
        (
            "copy_bidirectional",
            boxed(async {
                let mut a = io::join(AlwaysReady, Forgets);
                let mut b = io::join(AlwaysReady, Forgets);
                let _ = io::copy_bidirectional(&mut a, &mut b).await;
            }),
        ),
        (
            "duplex",
            boxed(async {
                let (mut near, mut far) = io::duplex(8);
                loop {
                    near.write_all(b"ping").await.unwrap();
                    far.read_exact(&mut [0; 4]).await.unwrap();
                }
            }),
        ),
        (
            "simplex",
            boxed(async {
                let (mut reader, mut writer) = io::simplex(8);
                loop {
                    writer.write_all(b"ping").await.unwrap();
                    reader.read_exact(&mut [0; 4]).await.unwrap();
                }
            }),
        ),
        (
            "empty",
            boxed(async {
                loop {
                    io::empty().read(&mut [0; 4]).await.unwrap();
                }
            }),
        ),
    ];
    let runtime = Builder::new_current_thread().build().unwrap();
    for (name, mut future) in endless {
        runtime.block_on(async {
            // Returns only if the future does, which gives the thread back for want of budget.
            std::future::poll_fn(|cx| {
                assert!(future.as_mut().poll(cx).is_pending(), "{name} ended");
                Poll::Ready(())
            })
            .await;
        });
    }
}

/// Full of ones, and counts no budget.
#[derive(Debug)]
struct AlwaysReady;

impl AsyncRead for AlwaysReady {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buf.initialize_unfilled().fill(1);
        buf.advance(buf.remaining());
        Poll::Ready(Ok(()))
    }
}

/// Takes everything, and counts no budget.
#[derive(Debug)]
struct Forgets;

impl AsyncWrite for Forgets {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Outside of a task there is no budget to run out of.
#[test]
fn without_a_task_there_is_no_budget() {
    let (mut near, mut far) = io::duplex(1);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        assert!(Pin::new(&mut near).poll_write(&mut cx, b"x").is_ready());
        assert_eq!(poll_ok(far.read(&mut [0; 1])), 1);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    /// Over streams that give and take what they like; over those that lie it panics at most.
    #[test]
    fn adapters_lose_double_and_invent_nothing(
        script in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
    ) {
        crate::adapters::check(&script);
    }
}
