//! Asks a child something over its control socket: one JSON object a line each way.

use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const PATIENCE: Duration = Duration::from_secs(2);

/// Why a child did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("its control socket {path}: {source}")]
    Socket { path: String, source: std::io::Error },
    #[error("it closed its control socket without an answer")]
    Closed,
    #[error("it did not answer within {PATIENCE:?}")]
    Late,
    #[error("{0}")]
    Refused(String),
}

/// Sends `request`, returns the reply object.
pub async fn ask(path: &Path, request: &Value) -> Result<Value, AskError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    tokio::time::timeout_at(deadline, exchange(path, request))
        .await
        .unwrap_or(Err(AskError::Late))
}

async fn exchange(path: &Path, request: &Value) -> Result<Value, AskError> {
    let failed = |source| AskError::Socket {
        path: path.display().to_string(),
        source,
    };
    let stream = UnixStream::connect(path).await.map_err(failed)?;
    let (read, mut write) = stream.into_split();
    write
        .write_all(format!("{request}\n").as_bytes())
        .await
        .map_err(failed)?;
    let mut line = String::new();
    // A child that dies while it answers (`crash`) resets the connection.
    if !matches!(BufReader::new(read).read_line(&mut line).await, Ok(n) if n > 0) {
        return Err(AskError::Closed);
    }
    let reply: Value = serde_json::from_str(&line).map_err(|_| AskError::Refused(line.clone()))?;
    match reply.get("error").and_then(Value::as_str) {
        Some(error) => Err(AskError::Refused(error.to_owned())),
        None => Ok(reply),
    }
}
