//! cargo run --bin websocket
//!
//! An echo server of websockets (tokio-tungstenite): 32 clients send texts and binary frames
//! through split halves, get them back in order, answer pings, and close.

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Error, Message, Result};

const CLIENTS: usize = 32;
const FRAMES: usize = 50;

async fn echo(socket: TcpStream) -> Result<()> {
    let (sink, stream) = tokio_tungstenite::accept_async(socket).await?.split();
    let echoed = stream
        .try_filter(|frame| std::future::ready(frame.is_text() || frame.is_binary()))
        .forward(sink);
    match echoed.await {
        Ok(()) | Err(Error::ConnectionClosed) => Ok(()),
        Err(error) => Err(error),
    }
}

fn frame(client: usize, number: usize) -> Message {
    if number % 2 == 0 {
        Message::text(format!("frame {number} of client {client}"))
    } else {
        Message::binary(vec![client as u8; number * 1000])
    }
}

async fn client(url: String, client: usize) -> Result<()> {
    let (socket, _) = tokio_tungstenite::connect_async(url).await?;
    let (mut sink, mut stream) = socket.split();
    let sender = tokio::spawn(async move {
        sink.send(Message::Ping("are you there".into())).await?;
        for number in 0..FRAMES {
            sink.send(frame(client, number)).await?;
        }
        Ok::<_, Error>(sink)
    });
    let mut number = 0;
    let mut pongs = 0;
    while number < FRAMES {
        match stream.next().await.expect("open until all came back")? {
            Message::Pong(payload) => {
                assert_eq!(payload, "are you there");
                pongs += 1;
            }
            received => {
                assert_eq!(received, frame(client, number));
                number += 1;
            }
        }
    }
    assert_eq!(pongs, 1);
    let sink = sender.await.expect("does not panic")?;
    let mut socket = sink.reunite(stream).expect("halves of one socket");
    socket.close(None).await?;
    while let Some(last) = socket.next().await {
        assert!(last?.is_close());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", listener.local_addr()?);
    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        for _ in 0..CLIENTS {
            connections.spawn(echo(listener.accept().await?.0));
        }
        while let Some(outcome) = connections.join_next().await {
            outcome.expect("does not panic")?;
        }
        Ok::<_, Error>(())
    });
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(url.clone(), number));
    }
    while let Some(outcome) = clients.join_next().await {
        outcome.expect("does not panic")?;
    }
    server.await.expect("does not panic")?;
    println!(
        "websocket: tokio-tungstenite, {CLIENTS} clients, {FRAMES} frames each, closed cleanly"
    );
    Ok(())
}
