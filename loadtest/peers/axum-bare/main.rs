//! A bare axum handler: reads the redemption's JSON, answers JSON, does nothing. What HTTP alone costs here.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

static REDEMPTIONS: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redemption {
    member: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    product: String,
    quantity: u32,
}

#[derive(Serialize)]
struct Answer {
    id: u64,
    member: String,
    product: String,
    quantity: u32,
}

async fn redeem(Json(redemption): Json<Redemption>) -> Result<(StatusCode, Json<Answer>), StatusCode> {
    let line = redemption.lines.into_iter().next().ok_or(StatusCode::BAD_REQUEST)?;
    let id = REDEMPTIONS.fetch_add(1, Ordering::Relaxed);
    let answer = Answer { id, member: redemption.member, product: line.product, quantity: line.quantity };
    Ok((StatusCode::CREATED, Json(answer)))
}

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, Router::new().route("/v1/redemptions", post(redeem))).await?;
    Ok(())
}
