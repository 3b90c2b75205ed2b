//! The adapters of `io` over streams that do what a list of bytes says: they give and take less
//! than is asked, wait, fail, end; and lie, or panic, if they may.
//!
//! [`check`] is fed by proptest and by a fuzz target. Of honest streams no byte is lost, doubled or
//! out of order. Of others only this is asked: that a panic comes in place of bytes that are not
//! there, and that the rest can be dropped; a sanitizer sees more.

use runtime::io::{
    self, AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt,
    BufReader, BufStream, BufWriter, ReadBuf,
};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

thread_local!(static EXPECTS_PANICS: Cell<bool> = const { Cell::new(false) });

/// Whether a panic of this thread is none of a test's: for the hook of a fuzz target.
#[allow(dead_code)]
pub(crate) fn expects_panics() -> bool {
    EXPECTS_PANICS.get()
}

/// What the bytes say, one after the other. After the last one streams end, and take all.
struct Script {
    bytes: Vec<u8>,
    at: Cell<usize>,
    may_lie: bool,
    /// The next byte of the stream that all readers give together.
    given: Cell<u64>,
    /// What the writer took.
    taken: RefCell<Vec<u8>>,
}

impl Script {
    fn next(&self) -> Option<u8> {
        let byte = self.bytes.get(self.at.get()).copied();
        self.at.set(self.at.get() + 1);
        byte
    }

    fn number(&self) -> usize {
        usize::from(self.next().unwrap_or(0))
    }

    fn act(&self) -> Option<Act> {
        let byte = self.next()?;
        let count = usize::from(byte / 16);
        Some(match byte % 16 {
            0..=5 => Act::Some(count + 1),
            6 => Act::Some(count * 40),
            7..=8 => Act::Wait,
            9 => Act::End,
            10 => Act::Fail(ErrorKind::Interrupted),
            11 => Act::Fail(ErrorKind::Other),
            _ if !self.may_lie => Act::Some(count + 1),
            12 => Act::Panic,
            13 => Act::Replace(count),
            14 => Act::TakeBack,
            _ => Act::Exceed(count),
        })
    }
}

enum Act {
    Some(usize),
    Wait,
    End,
    Fail(ErrorKind),
    Panic,
    Replace(usize),
    TakeBack,
    Exceed(usize),
}

/// The byte at this place of the stream: no two runs of 256 are alike.
fn byte_at(place: u64) -> u8 {
    (place % 251) as u8
}

struct Stream(Rc<Script>);

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let script = &self.0;
        match script.act() {
            None | Some(Act::End) => {}
            Some(Act::Some(count)) => {
                for _ in 0..count.min(buf.remaining()) {
                    buf.put_slice(&[byte_at(script.given.get())]);
                    script.given.set(script.given.get() + 1);
                }
            }
            Some(Act::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Act::Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Act::Panic) => panic!("a reader"),
            Some(Act::Replace(count)) => {
                let other = Box::leak(vec![0xEE; count * 7].into_boxed_slice());
                *buf = ReadBuf::new(other);
                buf.set_filled(count);
            }
            Some(Act::TakeBack) => buf.clear(),
            Some(Act::Exceed(count)) => {
                buf.initialize_unfilled();
                buf.set_filled(buf.capacity() + count);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        let script = &self.0;
        let count = match script.act() {
            None => buf.len(),
            Some(Act::Some(count)) => count.min(buf.len()),
            Some(Act::End) => 0,
            Some(Act::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Act::Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Act::Panic) => panic!("a writer"),
            Some(Act::Replace(_) | Act::TakeBack) => return Poll::Ready(Ok(usize::MAX)),
            Some(Act::Exceed(count)) => return Poll::Ready(Ok(buf.len() + count)),
        };
        script.taken.borrow_mut().extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self.0.act() {
            Some(Act::Wait) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Act::Fail(kind)) => Poll::Ready(Err(kind.into())),
            Some(Act::Panic) => panic!("a flush"),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_flush(cx)
    }
}

/// Runs what `bytes` say.
///
/// # Panics
///
/// Panics if a byte of an honest stream is lost, doubled or out of order, or if an adapter does
/// not end.
pub(crate) fn check(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let script = Rc::new(Script {
        bytes: rest.to_vec(),
        at: Cell::new(0),
        may_lie: first % 2 == 1,
        given: Cell::new(0),
        taken: RefCell::default(),
    });
    let run = || match first / 2 % 4 {
        0 | 1 => check_reader(&script, first / 8),
        2 => check_writer(&script),
        _ => check_copy(&script, first / 8),
    };
    if script.may_lie {
        EXPECTS_PANICS.set(true);
        let _ = catch_unwind(AssertUnwindSafe(run));
        EXPECTS_PANICS.set(false);
    } else {
        run();
    }
}

/// Polls until it is ready; `None` if it is given up before, as the script says.
fn drive<F: Future>(script: &Script, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let patience = match script.number() {
        it @ 0..32 => it,
        _ => usize::MAX,
    };
    let mut cx = Context::from_waker(Waker::noop());
    // Each wait takes a byte of the script.
    for _ in 0..patience.min(script.bytes.len() + 100) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
    }
    assert!(patience < usize::MAX, "it does not end");
    None
}

fn check_reader(script: &Rc<Script>, shape: u8) {
    let stream = || Stream(script.clone());
    let capacity = script.number() % 40 + 1;
    let limit = script.number() as u64;
    match shape % 7 {
        0 => read_all_ways(script, BufReader::with_capacity(capacity, stream())),
        1 => {
            read_all_ways(script, BufReader::new(stream().take(limit)));
            assert!(script.given.get() <= limit, "more than the limit was taken");
        }
        2 => read_all_ways(
            script,
            BufReader::with_capacity(capacity, stream()).take(limit),
        ),
        3 => {
            let first = BufReader::with_capacity(capacity, stream());
            read_all_ways(script, first.chain(BufReader::new(stream())));
        }
        4 => read_all_ways(script, BufStream::with_capacity(capacity, 8, stream())),
        5 => {
            let (reader, _writer) = io::split(stream());
            read_all_ways(script, BufReader::with_capacity(capacity, reader));
        }
        _ => read_unbuffered(script, stream().take(limit).chain(stream())),
    }
}

/// What was read, against what was given.
struct Expected {
    place: u64,
    /// An operation was given up or failed that had taken bytes: their number is not known.
    is_adrift: bool,
}

impl Expected {
    fn compare(&mut self, bytes: &[u8]) {
        if !self.is_adrift {
            for &byte in bytes {
                assert_eq!(byte, byte_at(self.place), "at {}", self.place);
                self.place += 1;
            }
        }
    }
}

fn read_unbuffered(script: &Script, mut reader: impl AsyncRead + Unpin) {
    let (place, is_adrift) = (0, false);
    let mut expected = Expected { place, is_adrift };
    while script.at.get() < script.bytes.len() {
        let choice = script.number();
        read_one_way(script, &mut reader, choice, &mut expected);
    }
}

fn read_one_way(
    script: &Script,
    reader: &mut (impl AsyncRead + Unpin),
    choice: usize,
    expected: &mut Expected,
) {
    let room = script.number() % 50;
    match choice % 5 {
        0 => {
            let mut buf = vec![0; room];
            if let Some(Ok(count)) = drive(script, reader.read(&mut buf)) {
                expected.compare(&buf[..count]);
            }
        }
        1 => {
            let mut buf = Vec::with_capacity(room);
            if let Some(Ok(count)) = drive(script, reader.read_buf(&mut buf)) {
                assert_eq!(buf.len(), count);
            }
            // Also if it was given up: nothing is taken then, or it is there.
            expected.compare(&buf);
        }
        2 => {
            let mut buf = vec![0; room];
            match drive(script, reader.read_exact(&mut buf)) {
                Some(Ok(count)) => {
                    assert_eq!(count, room);
                    expected.compare(&buf);
                }
                _ => expected.is_adrift |= room > 0,
            }
        }
        3 => match drive(script, reader.read_u32()) {
            Some(Ok(number)) => expected.compare(&number.to_be_bytes()),
            _ => expected.is_adrift = true,
        },
        _ => {
            let mut buf = Vec::with_capacity(room);
            let ended = drive(script, reader.read_to_end(&mut buf));
            if let Some(Ok(count)) = ended {
                assert_eq!(buf.len(), count);
            }
            expected.compare(&buf);
        }
    }
}

fn read_all_ways(script: &Script, mut reader: impl AsyncBufRead + Unpin) {
    let (place, is_adrift) = (0, false);
    let mut expected = Expected { place, is_adrift };
    while script.at.get() < script.bytes.len() {
        let choice = script.number();
        let end = script.number() as u8;
        match choice % 9 {
            0 => {
                let mut buf = Vec::new();
                // What was taken is there, also if it was given up.
                drive(script, reader.read_until(end, &mut buf));
                expected.compare(&buf);
            }
            1 => {
                let mut text = String::new();
                match drive(script, reader.read_line(&mut text)) {
                    Some(Ok(_)) => expected.compare(text.as_bytes()),
                    _ => expected.is_adrift = true,
                }
            }
            2 => {
                let buffered = drive(script, reader.fill_buf()).and_then(Result::ok);
                let buffered = buffered.map(<[u8]>::to_vec).unwrap_or_default();
                let count = buffered.len().min(usize::from(end));
                expected.compare(&buffered[..count]);
                reader.consume(count);
            }
            3 => {
                let mut parts = (&mut reader).split(end);
                if let Some(Ok(Some(part))) = drive(script, parts.next_segment()) {
                    expected.compare(&part);
                }
                // Nobody knows whether it was cut at a byte or ended there.
                expected.is_adrift = true;
            }
            choice => read_one_way(script, &mut reader, choice, &mut expected),
        }
    }
}

fn check_writer(script: &Rc<Script>) {
    let capacity = script.number() % 40;
    let mut writer = BufWriter::with_capacity(capacity, Stream(script.clone()));
    let (mut accepted, mut is_adrift) = (Vec::new(), false);
    let mut place = 0;
    while script.at.get() < script.bytes.len() {
        let choice = script.number();
        let len = script.number() as u64 % 60;
        let bytes: Vec<u8> = (place..place + len).map(byte_at).collect();
        place += len;
        match choice % 5 {
            0 => {
                if let Some(Ok(count)) = drive(script, writer.write(&bytes)) {
                    accepted.extend_from_slice(&bytes[..count]);
                }
            }
            1 => match drive(script, writer.write_all(&bytes)) {
                Some(Ok(())) => accepted.extend_from_slice(&bytes),
                _ => is_adrift = true,
            },
            2 => {
                let (start, end) = bytes.split_at(bytes.len() / 3);
                let slices = [IoSlice::new(start), IoSlice::new(&[]), IoSlice::new(end)];
                if let Some(Ok(count)) = drive(script, writer.write_vectored(&slices)) {
                    accepted.extend_from_slice(&bytes[..count]);
                }
            }
            3 => {
                let mut rest = &bytes[..];
                // What it took is gone from the slice, also if it was given up.
                drive(script, writer.write_all_buf(&mut rest));
                accepted.extend_from_slice(&bytes[..bytes.len() - rest.len()]);
            }
            _ => {
                let flushed = drive(script, writer.flush());
                if matches!(flushed, Some(Ok(()))) && !is_adrift && !script.may_lie {
                    assert_eq!(*script.taken.borrow(), accepted, "flushed");
                }
            }
        }
        if !is_adrift && !script.may_lie {
            let taken = script.taken.borrow();
            assert!(accepted.starts_with(&taken), "{taken:?} of {accepted:?}");
            let there = [&taken[..], writer.buffer()].concat();
            // Within a drain the buffer holds bytes that were taken.
            assert!(there.len() >= accepted.len(), "{there:?} of {accepted:?}");
        }
    }
}

fn check_copy(script: &Rc<Script>, shape: u8) {
    let stream = || Stream(script.clone());
    let copied: Option<Result<u64>> = match shape % 3 {
        0 => drive(script, io::copy(&mut stream(), &mut stream())),
        1 => {
            let mut reader = BufReader::with_capacity(script.number() % 40 + 1, stream());
            drive(script, io::copy_buf(&mut reader, &mut stream()))
        }
        _ => {
            let both = drive(script, io::copy_bidirectional(&mut stream(), &mut stream()));
            // Both ways share the script's stream: no order to be checked.
            return drop::<Option<Result<(u64, u64)>>>(both);
        }
    };
    if script.may_lie {
        return;
    }
    let taken = script.taken.borrow();
    let expected: Vec<u8> = (0..taken.len() as u64).map(byte_at).collect();
    assert_eq!(*taken, expected);
    match copied {
        Some(Ok(count)) => {
            assert_eq!(count, taken.len() as u64);
            assert_eq!(count, script.given.get(), "read and not written");
        }
        Some(Err(error)) => drop::<Error>(error),
        None => {}
    }
}
