//! The service: its messages, and its methods over the code that `build.rs` generates.

use std::pin::Pin;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/ecosystem.Counter.rs"));
}
use wire::counter_server::Counter;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Number {
    #[prost(uint64, tag = "1")]
    pub value: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Pair {
    #[prost(uint64, tag = "1")]
    pub left: u64,
    #[prost(uint64, tag = "2")]
    pub right: u64,
}

type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

pub struct Sums;

#[tonic::async_trait]
impl Counter for Sums {
    type CountStream = Numbers;
    type RunningStream = Numbers;

    async fn add(&self, request: Request<Pair>) -> Answer<Number> {
        let Pair { left, right } = request.into_inner();
        let value = left.checked_add(right);
        let value = value.ok_or_else(|| Status::out_of_range("the sum has no room in 64 bits"))?;
        Ok(Response::new(Number { value }))
    }

    async fn count(&self, request: Request<Number>) -> Answer<Numbers> {
        let to = request.into_inner().value;
        let (numbers, stream) = mpsc::channel(4);
        tokio::spawn(async move {
            for value in 1..=to {
                if numbers.send(Ok(Number { value })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn total(&self, request: Request<Streaming<Number>>) -> Answer<Number> {
        let mut numbers = request.into_inner();
        let mut value = 0;
        while let Some(number) = numbers.next().await {
            value += number?.value;
        }
        Ok(Response::new(Number { value }))
    }

    async fn running(&self, request: Request<Streaming<Number>>) -> Answer<Numbers> {
        let mut sum = 0;
        let sums = request.into_inner().map(move |number| {
            sum += number?.value;
            Ok(Number { value: sum })
        });
        Ok(Response::new(Box::pin(sums)))
    }
}
