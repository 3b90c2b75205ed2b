//! Reading: `AsyncReadExt`, `AsyncBufReadExt`, `BufReader`, `ReadBuf`.

use crate::support::{ScriptedReader, Step, block_on, bytes, poll_once};
use proptest::prelude::*;
use runtime::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, BufReader, ReadBuf, SeekFrom,
};
use std::io::{Cursor, ErrorKind};
use std::mem::MaybeUninit;
use std::pin::pin;

#[test]
fn read_buf_keeps_apart_filled_initialised_and_the_rest() {
    let mut storage = [MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut storage);
    assert_eq!((buf.capacity(), buf.remaining()), (8, 8));
    assert!(buf.initialized().is_empty());
    buf.initialize_unfilled_to(3).copy_from_slice(b"abc");
    assert_eq!(buf.initialized(), b"abc");
    assert_eq!(buf.filled(), b"");
    buf.advance(2);
    assert_eq!(buf.filled(), b"ab");
    buf.put_slice(b"xyz");
    assert_eq!(buf.filled(), b"abxyz");
    assert_eq!(buf.initialized(), b"abxyz");
    assert_eq!(buf.initialize_unfilled(), [0; 3]);
    buf.clear();
    assert_eq!((buf.filled().len(), buf.initialized().len()), (0, 8));
    buf.set_filled(4);
    buf.filled_mut()[0] = b'!';
    assert_eq!(buf.filled(), b"!bxy");
}

#[test]
fn taking_a_part_of_a_read_buf_keeps_what_is_known_about_it() {
    let mut storage = [7; 8];
    let mut buf = ReadBuf::new(&mut storage);
    buf.put_slice(b"ab");
    let mut part = buf.take(3);
    assert_eq!((part.capacity(), part.initialized().len()), (3, 3));
    part.put_slice(b"c");
    assert_eq!(part.filled(), b"c");
    buf.advance(1);
    assert_eq!(buf.filled(), b"abc");
}

#[test]
#[should_panic(expected = "filled must not become larger")]
fn bytes_that_are_not_initialised_cannot_be_filled() {
    let mut storage = [MaybeUninit::uninit(); 2];
    ReadBuf::uninit(&mut storage).advance(1);
}

#[test]
fn numbers_are_read_in_both_orders_whatever_the_chunks() {
    let steps = || (1..=16_u8).flat_map(|byte| [Step::Pending, bytes([byte])]);
    block_on(async {
        let mut reader = ScriptedReader::new(steps());
        assert_eq!(reader.read_u8().await.unwrap(), 1);
        assert_eq!(reader.read_i16().await.unwrap(), 0x0203);
        assert_eq!(reader.read_u32_le().await.unwrap(), 0x0706_0504);
        assert_eq!(reader.read_u64().await.unwrap(), 0x0809_0a0b_0c0d_0e0f);
        assert_eq!(
            reader.read_u16().await.unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
        let mut reader = ScriptedReader::new(steps());
        let all: [u8; 16] = std::array::from_fn(|i| i as u8 + 1);
        assert_eq!(
            reader.read_u128_le().await.unwrap(),
            u128::from_le_bytes(all)
        );
        let mut reader = &1.5_f64.to_le_bytes()[..];
        assert_eq!(reader.read_f64_le().await.unwrap(), 1.5);
        let mut reader = &(-2.5_f32).to_be_bytes()[..];
        assert_eq!(reader.read_f32().await.unwrap(), -2.5);
    });
}

/// Programs compare such errors, or print them: a number that ends early is the bare kind.
#[test]
fn the_end_within_a_number_is_a_bare_kind() {
    block_on(async {
        let bytes = [0; 15];
        let mut reader = &bytes[..0];
        let mut errors = vec![reader.read_u8().await.unwrap_err()];
        errors.push(reader.read_i8().await.unwrap_err());
        errors.push((&bytes[..1]).read_u16().await.unwrap_err());
        errors.push((&bytes[..3]).read_i32_le().await.unwrap_err());
        errors.push((&bytes[..7]).read_f64().await.unwrap_err());
        errors.push((&bytes[..]).read_u128_le().await.unwrap_err());
        for error in errors {
            assert_eq!(format!("{error:?}"), "Kind(UnexpectedEof)");
            assert!(error.get_ref().is_none());
        }
        let exact = (&bytes[..1]).read_exact(&mut [0; 2]).await.unwrap_err();
        assert_eq!(exact.to_string(), "early eof");
    });
}

#[test]
fn read_exact_needs_every_byte_and_repeats_when_interrupted() {
    block_on(async {
        let steps = [
            bytes("he"),
            Step::Error(ErrorKind::Interrupted),
            bytes("llo!"),
        ];
        let mut reader = ScriptedReader::new(steps);
        let mut buf = [0; 5];
        assert_eq!(reader.read_exact(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf, b"hello");
        let error = reader.read_exact(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(reader.read_exact(&mut []).await.unwrap(), 0);
    });
}

/// A dropped `read` takes nothing: what comes later is read by the next one.
#[test]
fn a_cancelled_read_loses_nothing() {
    let mut reader = ScriptedReader::new([Step::Pending, bytes("abc")]);
    let mut buf = [0; 8];
    {
        let mut read = pin!(reader.read(&mut buf));
        assert!(poll_once(read.as_mut()).is_pending());
    }
    assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 3);
    assert_eq!(&buf[..3], b"abc");
}

#[test]
fn read_to_end_keeps_what_it_has_on_an_error() {
    let mut reader = ScriptedReader::new([bytes("abc"), Step::Error(ErrorKind::Other)]);
    let mut all = b"> ".to_vec();
    assert!(block_on(reader.read_to_end(&mut all)).is_err());
    assert_eq!(all, b"> abc");
}

/// A reader that wants initialised memory does not find that of the last poll zeroed again.
#[test]
fn read_to_end_remembers_what_is_initialised() {
    struct Initialiser(usize);
    impl AsyncRead for Initialiser {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            let known = buf.initialized().len();
            assert_eq!(known, if self.0 == 0 { 0 } else { buf.capacity() });
            buf.initialize_unfilled();
            buf.advance(usize::from(self.0 < 8));
            self.0 += 1;
            std::task::Poll::Ready(Ok(()))
        }
    }
    let mut all = Vec::with_capacity(64);
    assert_eq!(block_on(Initialiser(0).read_to_end(&mut all)).unwrap(), 8);
}

#[test]
fn a_string_is_as_before_when_what_came_is_no_text() {
    block_on(async {
        let mut text = "abc".to_owned();
        let error = (&b"\xff\xfe"[..])
            .read_to_string(&mut text)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), text.as_str()),
            (ErrorKind::InvalidData, "abc")
        );
        let error = (&b"x\xff\n"[..]).read_line(&mut text).await.unwrap_err();
        assert_eq!(
            (error.kind(), text.as_str()),
            (ErrorKind::InvalidData, "abc")
        );
        assert_eq!((&b"def"[..]).read_to_string(&mut text).await.unwrap(), 3);
        assert_eq!(text, "abcdef");
    });
}

#[test]
fn take_and_chain_end_where_they_should() {
    block_on(async {
        let mut reader = (&b"hello"[..]).take(3).chain(&b"world"[..]);
        assert_eq!(reader.read(&mut []).await.unwrap(), 0);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"helworld");
        let mut limited = (&b"hello"[..]).take(u64::MAX);
        limited.set_limit(2);
        let mut line = String::new();
        assert_eq!(limited.read_line(&mut line).await.unwrap(), 2);
        assert_eq!((limited.limit(), line.as_str()), (0, "he"));
    });
}

#[test]
#[should_panic(expected = "replaced the buffer")]
fn a_reader_that_swaps_the_buffer_is_found_out() {
    struct Swapper;
    impl AsyncRead for Swapper {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            let other = Box::leak(vec![1; buf.capacity()].into_boxed_slice());
            *buf = ReadBuf::new(other);
            buf.advance(buf.capacity());
            std::task::Poll::Ready(Ok(()))
        }
    }
    let _ = block_on(Swapper.read_buf(&mut Vec::with_capacity(10)));
}

/// Puts its own buffer, full, in the place of the one that it is given.
struct Replaces(&'static mut [u8]);

impl AsyncRead for Replaces {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        *buf = ReadBuf::new(std::mem::take(&mut self.0));
        buf.advance(buf.capacity());
        std::task::Poll::Ready(Ok(()))
    }
}

/// Whatever adapter passes the buffer on, and also if both begin at one address: the other one has
/// no room.
#[test]
fn a_buffer_in_place_of_another_is_found_out_everywhere() {
    fn is_found_out<F: std::future::Future>(what: &str, future: F) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            drop(block_on(future));
        }));
        let payload = outcome.expect_err(what);
        let text = payload.downcast_ref::<&str>().copied().unwrap_or("no text");
        assert!(text.contains("replaced the buffer"), "{what}: {text}");
    }
    let of = |len| Replaces(Box::leak(vec![1; len].into_boxed_slice()));
    is_found_out("read", of(8).read(&mut [0; 8]));
    is_found_out("read_exact", of(8).read_exact(&mut [0; 8]));
    is_found_out("read_u64", of(8).read_u64());
    is_found_out("read_to_end", of(32).read_to_end(&mut Vec::new()));
    is_found_out("BufReader", BufReader::with_capacity(8, of(8)).read_u8());
    is_found_out("take", of(8).take(8).read(&mut [0; 8]));
    is_found_out("chain", of(8).chain(of(8)).read(&mut [0; 8]));
    is_found_out("copy", runtime::io::copy(&mut of(8192), &mut Vec::new()));

    let memory = Box::leak(vec![1; 10].into_boxed_slice());
    let (none, rest) = memory.split_at_mut(0);
    let mut reader = Replaces(rest).take(5);
    is_found_out(
        "no room",
        std::future::poll_fn(|cx| {
            let mut buf = ReadBuf::new(&mut *none);
            std::pin::Pin::new(&mut reader).poll_read(cx, &mut buf)
        }),
    );
}

#[test]
fn a_seek_accounts_for_what_is_buffered() {
    block_on(async {
        let data: Vec<u8> = (0..100).collect();
        let mut reader = BufReader::with_capacity(10, Cursor::new(data));
        assert_eq!(reader.read_u8().await.unwrap(), 0);
        assert_eq!(reader.seek(SeekFrom::Current(4)).await.unwrap(), 5);
        assert!(reader.buffer().is_empty());
        assert_eq!(reader.read_u8().await.unwrap(), 5);
        assert_eq!(reader.stream_position().await.unwrap(), 6);
        assert_eq!(reader.seek(SeekFrom::End(-1)).await.unwrap(), 99);
        assert_eq!(reader.read_u8().await.unwrap(), 99);
        assert!(reader.seek(SeekFrom::Current(-101)).await.is_err());
        reader.rewind().await.unwrap();
        assert_eq!(reader.read_u8().await.unwrap(), 0);
    });
}

/// The pieces of `data` at random cuts, with pauses and interruptions.
fn script(data: &[u8], cuts: &[(usize, u8)]) -> ScriptedReader {
    let mut steps = Vec::new();
    let mut rest = data;
    for &(len, noise) in cuts {
        match noise {
            0 => steps.push(Step::Pending),
            1 => steps.push(Step::Error(ErrorKind::Interrupted)),
            _ => {}
        }
        let (now, later) = rest.split_at(len.min(rest.len()));
        if !now.is_empty() {
            steps.push(bytes(now));
        }
        rest = later;
    }
    if !rest.is_empty() {
        steps.push(bytes(rest));
    }
    ScriptedReader::new(steps)
}

fn cuts() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((0..20_usize, 0..4_u8), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn everything_arrives_whatever_the_chunks(
        data in prop::collection::vec(any::<u8>(), 0..300),
        cuts in cuts(),
        capacity in 1..40_usize,
    ) {
        let mut all = Vec::new();
        block_on(script(&data, &cuts).read_to_end(&mut all)).unwrap();
        prop_assert_eq!(&all, &data);
        let mut all = Vec::new();
        let mut reader = BufReader::with_capacity(capacity, script(&data, &cuts));
        block_on(reader.read_to_end(&mut all)).unwrap();
        prop_assert_eq!(&all, &data);
    }

    #[test]
    fn lines_are_those_of_the_plain_text(
        text in "[a-c\r\n]{0,200}",
        cuts in cuts(),
        capacity in 1..20_usize,
    ) {
        let reader = BufReader::with_capacity(capacity, script(text.as_bytes(), &cuts));
        let mut lines = reader.lines();
        for expected in text.lines() {
            prop_assert_eq!(block_on(lines.next_line()).unwrap(), Some(expected.to_owned()));
        }
        prop_assert_eq!(block_on(lines.next_line()).unwrap(), None);
    }

    #[test]
    fn segments_are_those_of_the_plain_bytes(
        data in prop::collection::vec(0..4_u8, 0..200),
        cuts in cuts(),
        capacity in 1..20_usize,
    ) {
        let reader = BufReader::with_capacity(capacity, script(&data, &cuts));
        let mut segments = reader.split(0);
        for expected in std::io::BufRead::split(&data[..], 0) {
            prop_assert_eq!(block_on(segments.next_segment()).unwrap(), Some(expected.unwrap()));
        }
        prop_assert_eq!(block_on(segments.next_segment()).unwrap(), None);
    }
}
