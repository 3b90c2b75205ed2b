//! UDP over the public API, with faults that a network has.

use crate::support::{current_thread, is_blocked, multi_thread, poll_once, turns};
use runtime::io::{Interest, ReadBuf};
use runtime::net::UdpSocket;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

const ANY: &str = "127.0.0.1:0";

async fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(ANY).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two sockets connected to each other.
async fn pair() -> (UdpSocket, UdpSocket) {
    let (one, at_one) = bound().await;
    let (other, at_other) = bound().await;
    one.connect(at_other).await.unwrap();
    other.connect(at_one).await.unwrap();
    (one, other)
}

/// A port of this machine where nobody listens.
async fn nobody() -> SocketAddr {
    let (socket, address) = bound().await;
    drop(socket);
    address
}

#[test]
fn many_clients_are_answered_by_one_socket_in_several_tasks() {
    multi_thread(async {
        let (server, address) = bound().await;
        let server = Arc::new(server);
        let servers: Vec<_> = (0..4)
            .map(|_| {
                let server = server.clone();
                runtime::spawn(async move {
                    let mut buf = [0; 100];
                    loop {
                        let (len, peer) = server.recv_from(&mut buf).await.unwrap();
                        assert_eq!(server.send_to(&buf[..len], peer).await.unwrap(), len);
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..16_u8)
            .map(|id| {
                runtime::spawn(async move {
                    let (client, _) = bound().await;
                    client.connect(address).await.unwrap();
                    for round in 0..100_u8 {
                        client.send(&[id, round]).await.unwrap();
                        let mut answer = [0; 10];
                        let len = client.recv(&mut answer).await.unwrap();
                        assert_eq!(answer[..len], [id, round]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        for server in servers {
            server.abort();
            assert!(server.await.unwrap_err().is_cancelled());
        }
    });
}

/// "Port unreachable" is the error of one call; then the socket waits as before, and works when
/// somebody listens.
#[test]
fn a_refused_datagram_is_one_error_and_the_socket_goes_on() {
    current_thread(async {
        let (client, at_client) = bound().await;
        let address = nobody().await;
        client.connect(address).await.unwrap();
        let mut buf = [0; 10];
        for _ in 0..3 {
            client.send(b"hello?").await.unwrap();
            let error = client.recv(&mut buf).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let mut recv = pin!(client.recv(&mut buf));
            for _ in 0..3 {
                assert!(poll_once(recv.as_mut()).is_pending());
                turns().await;
            }
        }
        let server = UdpSocket::bind(address).await.unwrap();
        server.connect(at_client).await.unwrap();
        client.send(b"ping").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
        server.send(b"pong").await.unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf[..4], b"pong");
    });
}

/// The same error reaches whoever sends next.
#[test]
fn a_refused_datagram_is_the_error_of_a_later_send() {
    current_thread(async {
        let (client, _) = bound().await;
        client.connect(nobody().await).await.unwrap();
        client.send(b"hello?").await.unwrap();
        let ready = client.ready(Interest::ERROR).await.unwrap();
        assert!(ready.is_error());
        let error = client.send(b"hello?").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(client.send(b"hello?").await.unwrap(), 6);
        assert!(client.take_error().unwrap().is_some());
        assert!(client.take_error().unwrap().is_none());
    });
}

/// mio takes the error for a closed half. If that stayed, a send that finds no room would be tried
/// on and on.
#[test]
fn an_error_does_not_make_a_socket_writable_for_ever() {
    current_thread(async {
        let (client, _) = bound().await;
        client.connect(nobody().await).await.unwrap();
        client.send(b"hello?").await.unwrap();
        assert!(client.recv(&mut [0; 10]).await.is_err());
        let full = client.try_io(Interest::WRITABLE, || {
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
        assert!(is_blocked(&full));
        let mut writable = pin!(client.writable());
        assert!(poll_once(writable.as_mut()).is_pending());
        let waits = poll_fn(|cx| std::task::Poll::Ready(client.poll_send_ready(cx).is_pending()));
        assert!(waits.await);
        assert!(is_blocked(&client.try_send(b"x")));
    });
}

#[test]
fn empty_datagrams_arrive_and_are_no_end() {
    current_thread(async {
        let (one, other) = pair().await;
        let mut buf = [7; 10];
        for _ in 0..3 {
            assert_eq!(one.send(&[]).await.unwrap(), 0);
            assert_eq!(one.send(b"after").await.unwrap(), 5);
            assert_eq!(other.recv(&mut buf).await.unwrap(), 0);
            assert_eq!(other.recv(&mut buf).await.unwrap(), 5);
        }
        let mut recv = pin!(other.recv(&mut buf));
        assert!(poll_once(recv.as_mut()).is_pending());
    });
}

#[test]
fn what_does_not_fit_is_cut_off_and_the_next_is_whole() {
    current_thread(async {
        let (one, other) = pair().await;
        one.send(&[1; 100]).await.unwrap();
        one.send(&[2; 4]).await.unwrap();
        one.send(&[3; 4]).await.unwrap();
        one.send(&[4; 4]).await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(other.recv(&mut buf).await.unwrap(), 10);
        assert_eq!(buf, [1; 10]);
        // No room at all takes a datagram too.
        assert_eq!(other.recv(&mut []).await.unwrap(), 0);
        let (len, peer) = other.recv_from(&mut buf).await.unwrap();
        assert_eq!(
            (&buf[..len], peer),
            (&[3; 4][..], one.local_addr().unwrap())
        );
        let mut limited = bytes::BufMut::limit(Vec::new(), 3);
        assert_eq!(other.recv_buf(&mut limited).await.unwrap(), 3);
        assert_eq!(limited.into_inner(), [4; 3]);
    });
}

#[test]
fn growing_buffers_are_appended_to() {
    current_thread(async {
        let (one, other) = pair().await;
        let at_one = one.local_addr().unwrap();
        let mut buf = Vec::from(*b">");
        for text in [b"one", b"two", b"six", b"ten"] {
            one.send(text).await.unwrap();
        }
        other.readable().await.unwrap();
        assert_eq!(other.recv_buf(&mut buf).await.unwrap(), 3);
        assert_eq!(other.try_recv_buf(&mut buf).unwrap(), 3);
        assert_eq!(other.recv_buf_from(&mut buf).await.unwrap(), (3, at_one));
        assert_eq!(other.try_recv_buf_from(&mut buf).unwrap(), (3, at_one));
        assert_eq!(buf, b">onetwosixten");
        assert!(is_blocked(&other.try_recv_buf(&mut buf)));
        assert!(is_blocked(&other.try_recv_buf_from(&mut buf)));
        assert_eq!(buf, b">onetwosixten");
    });
}

#[test]
fn peeking_takes_nothing() {
    current_thread(async {
        let (one, other) = pair().await;
        let sender = one.local_addr().unwrap();
        let mut buf = [0; 10];
        assert!(is_blocked(&other.try_peek(&mut buf)));
        assert!(is_blocked(&other.try_peek_sender()));
        one.send(b"hello").await.unwrap();
        assert_eq!(other.peek_sender().await.unwrap(), sender);
        assert_eq!(other.try_peek_sender().unwrap(), sender);
        let polled = poll_fn(|cx| other.poll_peek_sender(cx)).await;
        assert_eq!(polled.unwrap(), sender);
        assert_eq!(other.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(other.peek_from(&mut buf[..2]).await.unwrap(), (2, sender));
        assert_eq!(other.try_peek(&mut buf).unwrap(), 5);
        assert_eq!(other.try_peek_from(&mut buf).unwrap(), (5, sender));
        for _ in 0..2 {
            let mut filled = ReadBuf::new(&mut buf);
            poll_fn(|cx| other.poll_peek(cx, &mut filled))
                .await
                .unwrap();
            let from = poll_fn(|cx| other.poll_peek_from(cx, &mut filled)).await;
            assert_eq!(from.unwrap(), sender);
            assert_eq!(filled.filled(), b"hellohello");
        }
        assert_eq!(other.try_recv(&mut buf).unwrap(), 5);
        assert!(is_blocked(&other.try_recv(&mut buf)));
    });
}

#[test]
fn a_cancelled_receive_loses_nothing() {
    current_thread(async {
        let (one, other) = pair().await;
        let mut buf = [0; 10];
        for round in 0..20_u8 {
            {
                let mut recv = pin!(other.recv(&mut buf));
                assert!(poll_once(recv.as_mut()).is_pending());
                one.send(&[round]).await.unwrap();
                turns().await;
            }
            assert_eq!(other.recv(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
        }
    });
}

/// An edge wakes all that wait; each datagram is one's.
#[test]
fn every_datagram_goes_to_one_of_those_who_wait() {
    multi_thread(async {
        let (one, other) = pair().await;
        let other = Arc::new(other);
        let waiting: Vec<_> = (0..32)
            .map(|_| {
                let other = other.clone();
                runtime::spawn(async move {
                    let mut buf = [0; 10];
                    assert_eq!(other.recv(&mut buf).await.unwrap(), 1);
                    buf[0]
                })
            })
            .collect();
        for id in 0..32_u8 {
            one.send(&[id]).await.unwrap();
        }
        let mut received = Vec::new();
        for task in waiting {
            received.push(task.await.unwrap());
        }
        received.sort_unstable();
        assert_eq!(received, (0..32).collect::<Vec<_>>());
    });
}

#[test]
fn polls_send_and_receive() {
    current_thread(async {
        let (one, at_one) = bound().await;
        let (other, at_other) = bound().await;
        poll_fn(|cx| one.poll_send_ready(cx)).await.unwrap();
        let sent = poll_fn(|cx| one.poll_send_to(cx, b"abc", at_other)).await;
        assert_eq!(sent.unwrap(), 3);
        assert_eq!(one.try_send_to(b"def", at_other).unwrap(), 3);
        poll_fn(|cx| other.poll_recv_ready(cx)).await.unwrap();
        let mut space = [0; 10];
        let mut buf = ReadBuf::new(&mut space);
        let peer = poll_fn(|cx| other.poll_recv_from(cx, &mut buf)).await;
        assert_eq!(peer.unwrap(), at_one);
        other.connect(at_one).await.unwrap();
        poll_fn(|cx| other.poll_recv(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"abcdef");
        let sent = poll_fn(|cx| other.poll_send(cx, b"ghi")).await;
        assert_eq!(sent.unwrap(), 3);
        let mut got = [0; 10];
        let received = one.async_io(Interest::READABLE, || {
            socket2::SockRef::from(&one).recv(&mut [std::mem::MaybeUninit::uninit(); 4])
        });
        assert_eq!(received.await.unwrap(), 3);
        assert!(is_blocked(&one.try_recv_from(&mut got)));
    });
}

#[test]
fn options_are_what_they_were_set_to() {
    current_thread(async {
        let (socket, _) = bound().await;
        socket.set_broadcast(true).unwrap();
        socket.set_ttl(33).unwrap();
        socket.set_multicast_ttl_v4(7).unwrap();
        socket.set_multicast_loop_v4(false).unwrap();
        socket.set_tos_v4(16).unwrap();
        assert!(socket.broadcast().unwrap() && !socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.ttl().unwrap(), 33);
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
        assert_eq!(socket.tos_v4().unwrap(), 16);
        #[cfg(target_os = "linux")]
        assert_eq!(socket.device().unwrap(), None);
        assert_eq!(
            socket.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}

#[test]
fn groups_are_joined_and_left() {
    current_thread(async {
        let group = Ipv4Addr::new(224, 0, 1, 200);
        let receiver = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        receiver
            .join_multicast_v4(group, Ipv4Addr::LOCALHOST)
            .unwrap();
        let again = receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
        receiver
            .leave_multicast_v4(group, Ipv4Addr::LOCALHOST)
            .unwrap();
        let again = receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn sockets_go_to_std_and_back() {
    current_thread(async {
        let (one, other) = pair().await;
        let std = one.into_std().unwrap();
        let mut buf = [0; 10];
        assert!(is_blocked(&std.recv(&mut buf)));
        let one = UdpSocket::try_from(std).unwrap();
        other.send(b"hello").await.unwrap();
        assert_eq!(one.recv(&mut buf).await.unwrap(), 5);
    });
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "set_nonblocking(true)")]
fn a_blocking_socket_is_refused() {
    current_thread(async {
        let std = std::net::UdpSocket::bind(ANY).unwrap();
        drop(UdpSocket::from_std(std));
    });
}

#[test]
fn no_address_is_an_error() {
    current_thread(async {
        let none: &[SocketAddr] = &[];
        let (socket, _) = bound().await;
        let errors = [
            UdpSocket::bind(none).await.unwrap_err(),
            socket.connect(none).await.unwrap_err(),
            socket.send_to(b"x", none).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        // The first that works is taken.
        let taken = socket.local_addr().unwrap();
        let free: SocketAddr = ANY.parse().unwrap();
        assert!(UdpSocket::bind(&[taken, free][..]).await.is_ok());
    });
}
