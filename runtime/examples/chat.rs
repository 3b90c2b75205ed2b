//! cargo run --example chat -- 127.0.0.1:7002        then, twice: nc 127.0.0.1 7002
//!
//! A room: what one says, all others read. One task owns the list of members, so nothing is
//! locked; everybody talks to it through a channel. Channels have bounds: a member who does not
//! read is dropped instead of filling the memory.

use runtime::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::mpsc::{self, Receiver, Sender};
use std::collections::HashMap;
use std::net::SocketAddr;

/// How many lines may wait for a member.
const BACKLOG: usize = 64;

enum Event {
    Joined(SocketAddr, Sender<String>),
    Said(SocketAddr, String),
    Left(SocketAddr),
}

#[runtime::main]
async fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7002".into());
    let listener = TcpListener::bind(&address).await?;
    println!("chatting on {}", listener.local_addr()?);
    let (to_room, events) = mpsc::channel(1024);
    runtime::spawn(room(events));
    loop {
        let (socket, member) = listener.accept().await?;
        let to_room = to_room.clone();
        runtime::spawn(async move {
            let (lines, inbox) = mpsc::channel(BACKLOG);
            if to_room.send(Event::Joined(member, lines)).await.is_ok() {
                let _ = talk(socket, member, &to_room, inbox).await;
                let _ = to_room.send(Event::Left(member)).await;
            }
        });
    }
}

/// Owns the members.
async fn room(mut events: Receiver<Event>) {
    let mut members = HashMap::new();
    while let Some(event) = events.recv().await {
        let (from, line) = match event {
            Event::Joined(member, lines) => {
                members.insert(member, lines);
                (member, format!("* {member} joined\n"))
            }
            Event::Said(member, line) => (member, format!("{member}: {line}\n")),
            Event::Left(member) => {
                members.remove(&member);
                (member, format!("* {member} left\n"))
            }
        };
        // Dropping the sender ends that member's `talk`.
        members.retain(|member, lines| *member == from || lines.try_send(line.clone()).is_ok());
    }
}

/// Serves one member until one side hangs up. Lines have no limit here; `tour/lines.rs` has one.
async fn talk(
    mut socket: TcpStream,
    member: SocketAddr,
    to_room: &Sender<Event>,
    mut inbox: Receiver<String>,
) -> io::Result<()> {
    let (read, mut write) = socket.split();
    let mut lines = BufReader::new(read).lines();
    loop {
        // Both are cancel safe: the branch that loses forgets nothing.
        runtime::select! {
            line = lines.next_line() => match line? {
                Some(line) => drop(to_room.send(Event::Said(member, line)).await),
                None => return Ok(()),
            },
            line = inbox.recv() => match line {
                Some(line) => write.write_all(line.as_bytes()).await?,
                None => return write.write_all(b"* you read too slowly\n").await,
            },
        }
    }
}
