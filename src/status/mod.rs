//! Health and metrics, for programs that watch: a listener of its own, apart from mail and from people's pages.
//!
//! `/health` is 200 and "green", or 503 with what is wrong; `/ready` is 200 as long as mail is taken; `/metrics` is the
//! text format of Prometheus. Tells counts and the words of the configuration: never an address, a name, an id, or
//! anything else of a mail. Asks nothing of a mail's way through the gate: it reads what others have counted.

mod health;
mod metrics;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::acme::Acme;
use crate::gate::Gate;
use crate::problem::Problem;
use crate::smtp::budget::Budget;
use crate::smtp::listener::Server;

pub use health::Health;

/// What is watched.
#[derive(Clone)]
pub struct Watched {
    /// The gate.
    pub gate: Gate,
    /// Its server.
    pub server: Arc<Server<Gate>>,
    /// Its memory.
    pub budget: Budget,
    /// The file of its journal.
    pub journal: Option<PathBuf>,
    /// Whoever asks for its certificate.
    pub acme: Option<Acme>,
}

/// Begins to answer at an address; where it listens.
///
/// # Errors
/// The address cannot be had.
pub async fn serve(listen: SocketAddr, watched: Watched) -> Result<SocketAddr, Problem> {
    let unheard = |error| {
        let remedy = "stop what listens there, or choose another port";
        Problem::new("[metrics]", format!("cannot listen on {listen}: {error}"), remedy)
    };
    let listener = TcpListener::bind(listen).await.map_err(unheard)?;
    let address = listener.local_addr().map_err(unheard)?;
    tokio::spawn(async move { axum::serve(listener, router(watched)).await });
    Ok(address)
}

fn router(watched: Watched) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There are /health, /ready and /metrics.\n") })
        .with_state(watched)
}

async fn health(State(watched): State<Watched>) -> Response {
    let health = Health::of(&watched).await;
    let code = if health.is_green() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let text = serde_json::to_string(&health).unwrap_or_default() + "\n";
    (code, [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A balancer asks this: the gate takes mail also when something is wrong behind it, since it can tell clients to come
/// back.
async fn ready(State(watched): State<Watched>) -> Response {
    let (code, said) = match (watched.server.is_draining(), watched.gate.pauses().is_empty()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "no: the gate is being stopped\n"),
        (false, false) => (StatusCode::OK, "yes, and paused: everything passes\n"),
        (false, true) => (StatusCode::OK, "yes\n"),
    };
    (code, [(header::CACHE_CONTROL, "no-store")], said).into_response()
}

async fn metrics(State(watched): State<Watched>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::page(&watched).await)
        .into_response()
}
