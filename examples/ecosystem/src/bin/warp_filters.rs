//! cargo run --bin warp_filters
//!
//! Filters of warp: paths, queries, JSON bodies, a recovered rejection; 16 reqwest clients; a
//! graceful stop.

use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use warp::http::StatusCode;
use warp::{Filter, Rejection, Reply};

const CLIENTS: u64 = 16;

#[derive(Deserialize)]
struct Bounds {
    from: u64,
    to: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Word {
    text: String,
}

async fn recover(rejection: Rejection) -> Result<impl Reply, Infallible> {
    let status = if rejection.is_not_found() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok(warp::reply::with_status(status.as_str().to_owned(), status))
}

async fn client(base: String, number: u64) -> reqwest::Result<()> {
    let http = reqwest::Client::new();
    for from in 0..20 {
        let url = format!("{base}/sum?from={from}&to={number}");
        let sum: u64 = http.get(url).send().await?.json().await?;
        assert_eq!(sum, (from..=number).sum::<u64>());
        let text = format!("{number} and {from}");
        let word = Word { text: text.clone() };
        let turned = http.post(format!("{base}/reverse")).json(&word).send();
        let text: String = text.chars().rev().collect();
        assert_eq!(turned.await?.json::<Word>().await?, Word { text });
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counter = Arc::new(AtomicU64::new(0));
    let served = Arc::clone(&counter);
    let sum = warp::path!("sum")
        .and(warp::query::<Bounds>())
        .map(|bounds: Bounds| warp::reply::json(&(bounds.from..=bounds.to).sum::<u64>()));
    let reverse = warp::path!("reverse")
        .and(warp::post())
        .and(warp::body::content_length_limit(1024))
        .and(warp::body::json::<Word>())
        .then(|word: Word| async move {
            tokio::task::yield_now().await;
            let text = word.text.chars().rev().collect();
            warp::reply::json(&Word { text })
        });
    let routes = sum
        .or(reverse)
        .map(move |reply| {
            served.fetch_add(1, Ordering::Relaxed);
            reply
        })
        .recover(recover);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = warp::serve(routes)
        .incoming(listener)
        .graceful(async { stopped.await.unwrap_or(()) });
    let server = tokio::spawn(server.run());

    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(base.clone(), number));
    }
    while let Some(outcome) = clients.join_next().await {
        outcome??;
    }
    let lost = reqwest::get(format!("{base}/nowhere")).await?;
    assert_eq!(lost.status(), StatusCode::NOT_FOUND);
    let mangled = reqwest::get(format!("{base}/sum?from=x&to=1")).await?;
    assert_eq!(mangled.status(), StatusCode::BAD_REQUEST);

    stop.send(()).expect("the server waits for this");
    server.await?;
    let served = counter.load(Ordering::Relaxed);
    assert_eq!(served, CLIENTS * 40);
    println!(
        "warp_filters: warp and reqwest, {CLIENTS} clients, {served} requests, two rejections"
    );
    Ok(())
}
