//! cargo run --bin grpc
//!
//! A tonic service with all four kinds of methods: unary, streams of the server, of the client,
//! of both; a deadline that passes; many calls over one HTTP/2 connection.

mod service;

use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Request, Status};

use service::wire::counter_client::CounterClient;
use service::wire::counter_server::CounterServer;
use service::{Number, Pair, Sums};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(CounterServer::new(Sums))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                stopped.await.unwrap_or(());
            }),
    );
    let mut client = CounterClient::connect(url).await?;

    let mut calls = JoinSet::new();
    for left in 0..200 {
        let mut client = client.clone();
        calls.spawn(async move {
            let sum = client.add(Pair { left, right: 1 }).await?;
            assert_eq!(sum.into_inner().value, left + 1);
            Ok::<(), Status>(())
        });
    }
    while let Some(outcome) = calls.join_next().await {
        outcome??;
    }
    let overflow = client
        .add(Pair {
            left: u64::MAX,
            right: 1,
        })
        .await;
    assert_eq!(overflow.expect_err("no room").code(), Code::OutOfRange);

    let counted = client.count(Number { value: 1000 }).await?.into_inner();
    let counted: Vec<u64> = counted
        .map(|number| Ok::<_, Status>(number?.value))
        .collect::<Result<_, _>>()
        .await?;
    assert_eq!(counted, (1..=1000).collect::<Vec<_>>());

    let numbers = tokio_stream::iter((1..=100).map(|value| Number { value }));
    assert_eq!(client.total(numbers).await?.into_inner().value, 5050);

    // Both ways in step: a number is sent when the sum of those before has come.
    let (numbers, sent) = mpsc::channel(1);
    let mut sums = client
        .running(ReceiverStream::new(sent))
        .await?
        .into_inner();
    for value in 1..=50_u64 {
        numbers.send(Number { value }).await?;
        let sum = sums.next().await.expect("a sum for each number")?;
        assert_eq!(sum.value, value * (value + 1) / 2);
    }

    // A call whose stream never ends passes its deadline.
    let mut late =
        Request::new(ReceiverStream::new(mpsc::channel(1).1).chain(tokio_stream::pending()));
    late.set_timeout(Duration::from_millis(20));
    let late = client
        .total(late)
        .await
        .expect_err("this stream has no end");
    assert!(
        matches!(late.code(), Code::Cancelled | Code::DeadlineExceeded),
        "{late}"
    );

    drop((numbers, sums, client));
    stop.send(()).expect("the server waits for this");
    server.await??;
    println!("grpc: tonic, 200 unary calls, streams of 1000, 100 and 50 numbers, one deadline");
    Ok(())
}
