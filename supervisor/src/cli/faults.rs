//! `kill`, `hang`, `crash`, `resume`, `restart`, `down`.

use super::client::Client;
use super::{Common, Failure, say};
use router::record::Fault;
use serde_json::json;

/// Which router.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// For example router-2
    pub router: String,
}

pub(super) async fn inject(common: &Common, target: &Target, fault: Fault) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let done = client
        .post("/v1/fault", &json!({ "router": target.router, "fault": fault }))
        .await?;
    if common.json {
        say(&done.to_string());
        return Ok(());
    }
    let how = match fault {
        Fault::Kill => "was sent SIGKILL",
        Fault::Hang => "was sent SIGSTOP; `resetlab resume` lets it run again",
        _ => "has crashed",
    };
    say(&format!("{} (life {}) {how}", target.router, done["incarnation"]));
    Ok(())
}

pub(super) async fn post(common: &Common, target: &Target, verb: &str, did: &str) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let done = client
        .post(&format!("/v1/{verb}"), &json!({ "router": target.router }))
        .await?;
    say(&if common.json {
        done.to_string()
    } else {
        format!("{} {did}", target.router)
    });
    Ok(())
}

pub(super) async fn down(common: &Common) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let mut alive = client.stream("/v1/events").await?;
    let done = client.post("/v1/down", &json!({})).await?;
    // The stream ends with the supervisor, and that ends after its last child.
    while let Ok(Some(_)) = alive.chunk().await {}
    say(&if common.json {
        done.to_string()
    } else {
        format!("lab \"{}\" is down, nothing left running", common.lab)
    });
    Ok(())
}
