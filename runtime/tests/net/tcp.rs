//! TCP over the public API, with faults that a network has.

use crate::support::{current_thread, multi_thread, poll_once};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use std::io::{ErrorKind, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// Writes until the connection takes no more, and returns what was written.
fn fill(stream: &TcpStream) -> Vec<u8> {
    let mut written = Vec::new();
    let block: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    loop {
        match stream.try_write(&block) {
            Ok(count) => written.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Else the first of several attempts ends before the others begin.
#[test]
fn connecting_lets_others_go_first_even_within_one_machine() {
    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut first = pin!(TcpStream::connect(listener.local_addr().unwrap()));
        assert!(poll_once(first.as_mut()).is_pending());
        first.await.unwrap();
    });
}

#[test]
fn many_connections_echo_at_once() {
    multi_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = runtime::spawn(async move {
            for _ in 0..16 {
                let (mut stream, _) = listener.accept().await.unwrap();
                runtime::spawn(async move {
                    let mut buf = [0; 100];
                    loop {
                        let count = stream.read(&mut buf).await.unwrap();
                        if count == 0 {
                            break;
                        }
                        stream.write_all(&buf[..count]).await.unwrap();
                    }
                });
            }
        });
        let clients: Vec<_> = (0..16_u8)
            .map(|id| {
                runtime::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    for round in 0..100_u8 {
                        let message = [id ^ round; 64];
                        stream.write_all(&message).await.unwrap();
                        let mut answer = [0; 64];
                        stream.read_exact(&mut answer).await.unwrap();
                        assert_eq!(answer, message);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        server.await.unwrap();
    });
}

/// Short reads clear readiness without a second call; no byte may wait for an edge forever.
#[test]
fn large_transfers_arrive_whole_whatever_the_sizes() {
    multi_thread(async {
        let (mut client, mut server) = pair().await;
        let data: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
        let expected = data.clone();
        let writer = runtime::spawn(async move {
            let mut rest = &data[..];
            for size in (1..).map(|i: usize| i * 7_919 % 100_000 + 1) {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(size.min(rest.len()));
                client.write_all(now).await.unwrap();
                rest = later;
            }
            client.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        let mut buf = vec![0; 50_000];
        for size in (1..).map(|i: usize| i * 4_999 % 50_000 + 1) {
            let count = server.read(&mut buf[..size]).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&buf[..count]);
        }
        writer.await.unwrap();
        assert!(received == expected, "the bytes differ");
    });
}

/// A read stops at urgent data, short, although more is queued behind it.
#[cfg(target_os = "linux")]
#[test]
fn bytes_behind_urgent_data_are_read() {
    current_thread(async {
        let (client, mut server) = pair().await;
        let socket = socket2::SockRef::from(&client);
        socket.send(b"abc").unwrap();
        socket.send_out_of_band(b"!").unwrap();
        socket.send(b"def").unwrap();
        let mut received = Vec::new();
        while received.len() < 6 {
            let mut buf = [0; 64];
            let count = server.read(&mut buf).await.unwrap();
            received.extend_from_slice(&buf[..count]);
        }
        assert_eq!(received, b"abcdef");
    });
}

#[test]
fn after_a_half_close_the_other_direction_goes_on() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut question = Vec::new();
        server.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
        // The peer is gone; shutting down once more is no error.
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_reset_is_an_error_and_wakes_the_reader() {
    current_thread(async {
        let (mut client, server) = pair().await;
        let mut buf = [0; 8];
        {
            let mut read = pin!(client.read(&mut buf));
            assert!(poll_once(read.as_mut()).is_pending());
            server.set_zero_linger().unwrap();
            drop(server);
            let error = read.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        // The error was taken, so now it is the end; writing says that nobody listens. That
        // this test goes on shows that no signal came.
        let error = client.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn refused_connections_name_the_reason() {
    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn connecting_tries_one_address_after_the_other() {
    current_thread(async {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let addresses = [closed.local_addr().unwrap(), open];
        drop(closed);
        let stream = TcpStream::connect(&addresses[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    });
}

#[test]
fn names_are_looked_up() {
    current_thread(async {
        let literal = lookup_host("127.0.0.1:7").await.unwrap().next();
        assert_eq!(literal, Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 7))));
        let mut found = lookup_host(("localhost", 7)).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback() && address.port() == 7));
        assert!(lookup_host("no port").await.is_err());
    });
}

#[test]
fn empty_buffers_move_nothing_and_use_nothing_up() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        assert_eq!(client.write(b"").await.unwrap(), 0);
        client.write_all(b"ab").await.unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        let mut buf = [0; 2];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ab");
    });
}

#[test]
fn a_cancelled_read_loses_nothing() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        let mut buf = [0; 8];
        for round in 0..50_u8 {
            {
                let mut read = pin!(server.read(&mut buf));
                assert!(poll_once(read.as_mut()).is_pending());
            }
            client.write_all(&[round]).await.unwrap();
            assert_eq!(server.read(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
        }
    });
}

#[test]
fn vectored_writes_are_cut_where_the_buffer_is_full() {
    multi_thread(async {
        let (mut client, mut server) = pair().await;
        let pieces: Vec<Vec<u8>> = (0..1_100_u32)
            .map(|i| vec![(i % 251) as u8; 3_000 + i as usize])
            .collect();
        let expected = pieces.concat();
        let writer = runtime::spawn(async move {
            let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut slices = &mut slices[..];
            let mut calls = 0;
            while !slices.is_empty() {
                let count = client.write_vectored(slices).await.unwrap();
                IoSlice::advance_slices(&mut slices, count);
                calls += 1;
            }
            calls
        });
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert!(writer.await.unwrap() > 1);
        assert!(received == expected, "the bytes differ");
    });
}

#[test]
fn halves_read_and_write_at_once_and_reunite() {
    multi_thread(async {
        let (mut client, server) = pair().await;
        let (mut reader, mut writer) = server.into_split();
        let echo = runtime::spawn(async move {
            runtime::io::copy(&mut reader, &mut writer).await.unwrap();
            reader.reunite(writer).unwrap()
        });
        let (mut from_server, mut to_server) = client.split();
        to_server.write_all(b"both ways").await.unwrap();
        let mut buf = [0; 9];
        from_server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"both ways");
        to_server.shutdown().await.unwrap();
        let mut server = echo.await.unwrap();
        server.write_all(b"whole again").await.unwrap();
        drop(server);
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "whole again");
    });
}

#[test]
fn dropping_the_writing_half_ends_the_stream_and_forgetting_it_does_not() {
    current_thread(async {
        let (client, mut server) = pair().await;
        let (mut reader, writer) = client.into_split();
        writer.forget();
        let mut buf = [0; 8];
        {
            let mut read = pin!(server.read(&mut buf));
            assert!(poll_once(read.as_mut()).is_pending());
        }
        server.write_all(b"x").await.unwrap();
        assert_eq!(reader.read_u8().await.unwrap(), b'x');

        let (client, mut server) = pair().await;
        let (mut reader, writer) = client.into_split();
        // The other half waits meanwhile, and goes on waiting.
        let mut waiting = pin!(reader.read_u8());
        assert!(poll_once(waiting.as_mut()).is_pending());
        drop(writer);
        assert_eq!(server.read(&mut buf).await.unwrap(), 0);
        server.write_all(b"y").await.unwrap();
        assert_eq!(waiting.await.unwrap(), b'y');
    });
}

#[test]
fn halves_of_different_streams_do_not_reunite() {
    current_thread(async {
        let (client, server) = pair().await;
        let (client_reader, _client_writer) = client.into_split();
        let (_server_reader, server_writer) = server.into_split();
        let error = client_reader.reunite(server_writer).unwrap_err();
        assert!(error.to_string().contains("not from the same socket"));
    });
}

#[test]
fn a_full_connection_gets_writable_when_the_peer_reads() {
    current_thread(async {
        let (client, mut server) = pair().await;
        client.writable().await.unwrap();
        let written = fill(&client);
        {
            let mut writable = pin!(client.writable());
            assert!(poll_once(writable.as_mut()).is_pending());
            let mut received = vec![0; written.len()];
            server.read_exact(&mut received).await.unwrap();
            assert!(received == written, "the bytes differ");
            writable.await.unwrap();
        }
        assert!(client.try_write(b"more").is_ok());
    });
}

#[test]
fn peeking_takes_nothing() {
    current_thread(async {
        let (mut client, server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        let mut buf = [0; 2];
        assert_eq!(server.peek(&mut buf).await.unwrap(), 2);
        assert_eq!(&buf, b"ab");
        let mut all = Vec::with_capacity(8);
        server.readable().await.unwrap();
        assert_eq!(server.try_read_buf(&mut all).unwrap(), 3);
        assert_eq!(all, b"abc");
        let error = server.try_read(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn streams_go_to_std_and_back() {
    current_thread(async {
        let (client, mut server) = pair().await;
        let client = client.into_std().unwrap();
        let mut client = TcpStream::from_std(client).unwrap();
        client.write_all(b"back").await.unwrap();
        let mut buf = [0; 4];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"back");
    });
}

#[test]
fn options_are_set_before_connecting() {
    current_thread(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        assert!(socket.reuseaddr().unwrap());
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(true).unwrap();
        let stream = socket
            .connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        assert!(stream.nodelay().unwrap());
        stream.set_ttl(42).unwrap();
        assert_eq!(stream.ttl().unwrap(), 42);
    });
}

/// A connection that was reset while it waited to be accepted does not harm the next one.
#[test]
fn accepting_survives_connections_that_are_gone() {
    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..3 {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_zero_linger().unwrap();
        }
        let last = TcpStream::connect(address).await.unwrap();
        loop {
            if let Ok((_, peer)) = listener.accept().await {
                if peer == last.local_addr().unwrap() {
                    break;
                }
            }
        }
    });
}

/// No turn of the reactor is needed for the first bytes of an accepted connection.
#[test]
fn accepted_streams_are_tried_at_once() {
    current_thread(async {
        let (client, server) = pair().await;
        assert_eq!(server.try_write(b"at once").unwrap(), 7);
        client.readable().await.unwrap();
        assert_eq!(client.try_read(&mut [0; 16]).unwrap(), 7);
        // The guess that something could be read was wrong, which one try finds out.
        let error = server.try_read(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.try_write(b"later").unwrap();
        let mut buf = [0; 16];
        loop {
            server.readable().await.unwrap();
            match server.try_read(&mut buf) {
                Ok(count) => break assert_eq!(&buf[..count], b"later"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    });
}
