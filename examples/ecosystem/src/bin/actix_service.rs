//! cargo run --bin actix_service
//!
//! An actix-web server: two workers, each a `LocalSet` on a current-thread runtime of its own,
//! with state that is not `Send`; its handlers block in the pool; a graceful stop.

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::thread;
use tokio::task::JoinSet;

const REQUESTS: u64 = 200;

/// Not `Send`: each worker thread counts for itself.
#[derive(Clone, Default)]
struct Served(Rc<Cell<u64>>);

async fn square(number: web::Path<u64>, served: web::Data<Served>) -> impl Responder {
    served.0.set(served.0.get() + 1);
    let number = *number;
    let square = web::block(move || (number * number, thread::current().id())).await;
    let (square, thread) = square.expect("the pool runs it");
    assert_ne!(thread, thread::current().id(), "blocked a worker");
    let local = actix_web::rt::spawn(async move { served.0.get() });
    assert!(local.await.expect("same thread") > 0);
    web::Json(square)
}

async fn echo(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body)
}

async fn worker() -> String {
    format!("{:?}", thread::current().id())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = HttpServer::new(|| {
        App::new()
            .app_data(web::Data::new(Served::default()))
            .app_data(web::PayloadConfig::new(1 << 20))
            .route("/square/{number}", web::get().to(square))
            .route("/echo", web::post().to(echo))
            .route("/worker", web::get().to(worker))
    })
    .workers(2)
    .disable_signals()
    .bind("127.0.0.1:0")?;
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);

    let http = reqwest::Client::new();
    let mut calls = JoinSet::new();
    for number in 0..REQUESTS {
        let call = http.get(format!("{base}/square/{number}")).send();
        calls.spawn_local(async move {
            assert_eq!(call.await?.json::<u64>().await?, number * number);
            Ok::<(), reqwest::Error>(())
        });
    }
    while let Some(outcome) = calls.join_next().await {
        outcome??;
    }
    let body: Vec<u8> = (0..1 << 19).map(|byte| byte as u8).collect();
    let answer = http.post(format!("{base}/echo")).body(body.clone()).send();
    assert!(
        answer.await?.bytes().await? == body,
        "half a megabyte came back changed"
    );

    // New connections go to the workers in turn.
    let mut workers = BTreeSet::new();
    for _ in 0..8 {
        let fresh = reqwest::Client::new();
        let answer = fresh.get(format!("{base}/worker")).send().await?;
        workers.insert(answer.text().await?);
    }
    assert_eq!(workers.len(), 2, "{workers:?}");

    drop(http);
    handle.stop(true).await;
    running.await??;
    println!("actix_service: actix-web, {REQUESTS} requests, half a megabyte echoed, two workers");
    Ok(())
}
