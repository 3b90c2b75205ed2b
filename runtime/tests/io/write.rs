//! Writing: `AsyncWriteExt`, `BufWriter`, `BufStream`, `copy` and its relatives.

use crate::support::{ScriptedReader, ScriptedWriter, Step, block_on, bytes, poll_once};
use bytes::{Buf, Bytes};
use proptest::prelude::*;
use runtime::io::{
    self, AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufStream,
    BufWriter, SeekFrom,
};
use std::io::{Cursor, ErrorKind, IoSlice};
use std::pin::pin;

#[test]
fn write_all_goes_on_after_short_writes_and_interruptions() {
    let steps = [
        bytes("12"),
        Step::Pending,
        Step::Error(ErrorKind::Interrupted),
        bytes("1"),
    ];
    let mut writer = ScriptedWriter::new(steps);
    block_on(writer.write_all(b"hello")).unwrap();
    assert_eq!(writer.written, b"hello");
    assert_eq!(writer.calls, 5);
}

#[test]
fn a_writer_that_takes_nothing_is_an_error() {
    let mut writer = ScriptedWriter::new([bytes("12"), bytes("")]);
    let error = block_on(writer.write_all(b"hello")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    let mut writer = ScriptedWriter::new([bytes("")]);
    let error = block_on(writer.write_u32(7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    block_on(ScriptedWriter::new([bytes("")]).write_all(b"")).unwrap();
    let mut writer = ScriptedWriter::new([bytes("")]);
    let error = block_on(io::copy(&mut &b"hello"[..], &mut writer)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert_eq!(error.to_string(), "write zero byte into writer");
}

#[test]
fn numbers_are_written_in_both_orders_byte_by_byte() {
    block_on(async {
        let mut writer = ScriptedWriter::new((0..40).flat_map(|_| [Step::Pending, bytes("1")]));
        writer.write_u8(1).await.unwrap();
        writer.write_i16_le(0x0302).await.unwrap();
        writer.write_u32(0x0405_0607).await.unwrap();
        writer.write_u128(8).await.unwrap();
        writer.write_f64(1.5).await.unwrap();
        let mut expected = vec![1, 2, 3, 4, 5, 6, 7];
        expected.extend(8_u128.to_be_bytes());
        expected.extend(1.5_f64.to_be_bytes());
        assert_eq!(writer.written, expected);
    });
}

/// After a cancelled `write_all_buf` the buffer tells where to go on.
#[test]
fn write_all_buf_can_be_cancelled_and_continued() {
    for vectored in [false, true] {
        let mut writer = ScriptedWriter::new([bytes("123"), Step::Pending]);
        writer.vectored = vectored;
        let mut data = Bytes::from_static(b"he").chain(Bytes::from_static(b"llo"));
        loop {
            let mut write = pin!(writer.write_all_buf(&mut data));
            if poll_once(write.as_mut()).is_ready() {
                break;
            }
        }
        assert!(!data.has_remaining());
        assert_eq!(writer.written, b"hello");
    }
}

#[test]
fn a_buffered_writer_makes_large_writes_of_small_ones() {
    block_on(async {
        let mut writer = BufWriter::with_capacity(8, ScriptedWriter::default());
        for byte in 0..20 {
            writer.write_u8(byte).await.unwrap();
        }
        assert_eq!(writer.get_ref().calls, 2);
        assert_eq!(writer.buffer(), [16, 17, 18, 19]);
        writer.shutdown().await.unwrap();
        let writer = writer.into_inner();
        assert_eq!(writer.written, (0..20).collect::<Vec<_>>());
        assert_eq!((writer.calls, writer.shutdowns), (3, 1));
    });
}

#[test]
fn a_failed_flush_keeps_the_rest_for_the_next() {
    let steps = [bytes("1"), Step::Error(ErrorKind::Other)];
    let mut writer = BufWriter::new(ScriptedWriter::new(steps));
    block_on(async {
        writer.write_all(b"abc").await.unwrap();
        assert!(writer.flush().await.is_err());
        writer.flush().await.unwrap();
    });
    assert_eq!(writer.into_inner().written, b"abc");
}

#[test]
fn seeking_a_buffered_writer_writes_out_first() {
    block_on(async {
        let mut writer = BufWriter::new(Cursor::new(Vec::new()));
        writer.write_all(b"hello").await.unwrap();
        assert_eq!(writer.seek(SeekFrom::Start(1)).await.unwrap(), 1);
        writer.write_all(b"E").await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(writer.into_inner().into_inner(), b"hEllo");
    });
}

/// Turning a buffered pair inside out loses neither buffer.
#[test]
fn a_buffered_stream_is_made_of_either_nesting() {
    block_on(async {
        let stream = io::join(&b"one\ntwo\n"[..], ScriptedWriter::default());
        let mut pair = BufWriter::new(BufReader::new(stream));
        pair.write_all(b"kept").await.unwrap();
        let mut line = String::new();
        pair.read_line(&mut line).await.unwrap();
        let mut stream = BufStream::from(pair);
        stream.read_line(&mut line).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(line, "one\ntwo\n");
        assert_eq!(stream.into_inner().writer().written, b"kept");
    });
}

/// While the reader has nothing, the writer is flushed: the other side may wait for it.
#[test]
fn copy_flushes_when_the_reader_pauses_and_at_the_end() {
    // The first pause is met while the writer is busy and there is more to write.
    let pauses = [Step::Pending, Step::Pending];
    let steps = [bytes("abc")]
        .into_iter()
        .chain(pauses)
        .chain([bytes("def")]);
    let mut reader = ScriptedReader::new(steps);
    let mut writer = ScriptedWriter::new([bytes("1"), Step::Pending]);
    assert_eq!(block_on(io::copy(&mut reader, &mut writer)).unwrap(), 6);
    assert_eq!(writer.written, b"abcdef");
    assert_eq!((writer.flushes, writer.shutdowns), (2, 0));
}

#[test]
fn copy_buf_leaves_what_was_not_written_in_the_reader() {
    let mut reader = BufReader::new(&b"abcdef"[..]);
    let mut writer = ScriptedWriter::new([bytes("12"), Step::Error(ErrorKind::Other)]);
    assert!(block_on(io::copy_buf(&mut reader, &mut writer)).is_err());
    assert_eq!(reader.buffer(), b"cdef");
    assert_eq!(block_on(io::copy_buf(&mut reader, &mut writer)).unwrap(), 4);
    assert_eq!(writer.written, b"abcdef");
}

#[test]
fn both_directions_are_copied_and_each_end_is_passed_on() {
    for (there, back) in [(1, 1), (3, 100), (8192, 8192)] {
        let mut a = io::join(
            ScriptedReader::new([bytes("from "), Step::Pending, bytes("a")]),
            ScriptedWriter::default(),
        );
        let mut b = io::join(
            ScriptedReader::new([bytes("from b!")]),
            ScriptedWriter::new([bytes("1"), Step::Pending]),
        );
        let copied = io::copy_bidirectional_with_sizes(&mut a, &mut b, there, back);
        assert_eq!(block_on(copied).unwrap(), (6, 7));
        assert_eq!(
            (&a.writer().written[..], a.writer().shutdowns),
            (&b"from b!"[..], 1)
        );
        assert_eq!(
            (&b.writer().written[..], b.writer().shutdowns),
            (&b"from a"[..], 1)
        );
    }
}

fn write_script() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..20_usize).prop_map(|len| bytes(vec![0; len])),
        1 => Just(Step::Pending),
        1 => Just(Step::Error(ErrorKind::Interrupted)),
    ];
    prop::collection::vec(step, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_buffered_writer_writes_the_same_bytes_in_the_same_order(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..20),
        script in write_script(),
        capacity in 0..40_usize,
        vectored in any::<bool>(),
    ) {
        let mut writer = ScriptedWriter::new(script);
        writer.vectored = vectored;
        let mut writer = BufWriter::with_capacity(capacity, writer);
        block_on(async {
            for pair in pieces.chunks(2) {
                let bufs: Vec<_> = pair.iter().map(|piece| IoSlice::new(piece)).collect();
                let all = pair.concat();
                // A direct write past the buffer may be interrupted; nothing was written then.
                let written = loop {
                    match writer.write_vectored(&bufs).await {
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        outcome => break outcome.unwrap(),
                    }
                };
                writer.write_all(&all[written..]).await.unwrap();
            }
            writer.flush().await.unwrap();
        });
        prop_assert_eq!(writer.into_inner().written, pieces.concat());
    }

    #[test]
    fn a_copy_is_exact_whatever_the_chunks(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..30), 0..20),
        script in write_script(),
    ) {
        let mut reader = ScriptedReader::new(pieces.iter().map(bytes));
        let mut writer = ScriptedWriter::new(script);
        let count = block_on(io::copy(&mut reader, &mut writer)).unwrap();
        prop_assert_eq!(count as usize, pieces.concat().len());
        prop_assert_eq!(writer.written, pieces.concat());
    }
}

#[test]
fn reading_through_a_writer_reaches_the_stream() {
    let mut writer = BufWriter::new(io::join(&b"in"[..], Vec::new()));
    assert_eq!(
        block_on(writer.read_u16()).unwrap(),
        u16::from_be_bytes(*b"in")
    );
}
