//! `events`.

use super::client::Client;
use super::{Common, Failure};
use crate::control::Ps;
use std::io::Write;

#[derive(Clone, Debug, clap::Args)]
pub struct EventsArgs {
    /// Records from now on, until the lab ends, instead of those so far
    #[arg(short, long)]
    follow: bool,
}

pub(super) async fn run(common: &Common, args: &EventsArgs) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let mut out = std::io::stdout();
    if args.follow {
        let mut stream = client.stream("/v1/events").await?;
        while let Ok(Some(bytes)) = stream.chunk().await {
            if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
                break; // the reader has seen enough
            }
        }
        return Ok(());
    }
    let ps: Ps = client.get("/v1/ps").await?;
    let path = ps.lab.run_dir.join("events.ndjson");
    let mut file =
        std::fs::File::open(&path).map_err(|e| Failure::new(1, format!("{}: {e}", path.display())))?;
    // An error here is a reader that went away.
    let _ = std::io::copy(&mut file, &mut out);
    Ok(())
}
