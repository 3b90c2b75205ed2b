//! cargo run --bin json_api
//!
//! An axum service with state, paths, JSON and errors; 32 reqwest clients at once; a graceful
//! shutdown that lets the last slow request end.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, RwLock, oneshot};
use tokio::task::JoinSet;

const CLIENTS: u64 = 32;
const REQUESTS: u64 = 20;

type Notes = Arc<RwLock<HashMap<u64, Note>>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: u64,
    text: String,
}

async fn create(State(notes): State<Notes>, Json(note): Json<Note>) -> (StatusCode, Json<Note>) {
    notes.write().await.insert(note.id, note.clone());
    (StatusCode::CREATED, Json(note))
}

async fn read(State(notes): State<Notes>, Path(id): Path<u64>) -> Result<Json<Note>, StatusCode> {
    let found = notes.read().await.get(&id).cloned();
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn client(http: reqwest::Client, base: String, number: u64) -> reqwest::Result<()> {
    for request in 0..REQUESTS {
        let note = Note {
            id: number * REQUESTS + request,
            text: format!("note {request} of client {number}"),
        };
        let created = http.post(format!("{base}/notes")).json(&note).send();
        assert_eq!(created.await?.status(), StatusCode::CREATED);
        let read = http.get(format!("{base}/notes/{}", note.id)).send().await?;
        assert_eq!(read.json::<Note>().await?, note);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let notes = Notes::default();
    let slow_request_began = Arc::new(Notify::new());
    let began = Arc::clone(&slow_request_began);
    let slow = move || async move {
        began.notify_one();
        tokio::time::sleep(Duration::from_millis(50)).await;
        "slow"
    };
    let app = Router::new()
        .route("/notes", post(create))
        .route("/notes/{id}", get(read))
        .route("/slow", get(slow))
        .with_state(Arc::clone(&notes));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(
        axum::serve(listener, app)
            .with_graceful_shutdown(async { stopped.await.unwrap_or(()) })
            .into_future(),
    );

    let http = reqwest::Client::new();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(http.clone(), base.clone(), number));
    }
    while let Some(outcome) = clients.join_next().await {
        outcome??;
    }
    let missing = http.get(format!("{base}/notes/1000000")).send().await?;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let mangled = http.post(format!("{base}/notes")).body("{").send().await?;
    assert_eq!(mangled.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let last = tokio::spawn(http.get(format!("{base}/slow")).send());
    slow_request_began.notified().await;
    stop.send(()).expect("the server waits for this");
    assert_eq!(last.await??.text().await?, "slow");
    drop(http);
    server.await??;
    let stored = notes.read().await.len() as u64;
    assert_eq!(stored, CLIENTS * REQUESTS);
    println!("json_api: axum and reqwest, {CLIENTS} clients, {stored} notes written and read");
    Ok(())
}
