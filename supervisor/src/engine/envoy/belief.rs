//! PURE: what Envoy believes, out of `GET /clusters?format=json`.

use super::super::{Seen, Site};
use router::record::{Belief, Detector};
use serde_json::Value;
use std::net::SocketAddr;

/// A response of the admin page: its body is chunked.
pub(super) fn whole_answer(read: &[u8]) -> Option<usize> {
    let (_, end) = parts(read)?;
    Some(end)
}

pub(super) fn beliefs(answer: &[u8], site: &Site) -> Vec<Seen> {
    let body = parts(answer).map(|(body, _)| body).unwrap_or_default();
    let Ok(document) = serde_json::from_slice::<Value>(&body) else {
        return Vec::new();
    };
    let clusters = document["cluster_statuses"].as_array().into_iter().flatten();
    let hosts = clusters.flat_map(|cluster| cluster["host_statuses"].as_array().into_iter().flatten());
    let mut seen: Vec<Seen> = hosts.filter_map(|host| host_belief(host, site)).collect();
    // A router may be in several clusters of a user's own file: the first says what is believed.
    seen.sort_by(|a, b| a.router.cmp(&b.router));
    seen.dedup_by(|a, b| a.router == b.router);
    seen
}

fn host_belief(host: &Value, site: &Site) -> Option<Seen> {
    let seat = site.at(socket_address(&host["address"])?)?;
    let says = |flag: &str| host["health_status"][flag].as_bool() == Some(true);
    let (belief, by, reason) = match () {
        () if says("failed_active_health_check") => (Belief::Down, Detector::Poll, "failed its health checks"),
        () if says("failed_outlier_check") => (Belief::Ejected, Detector::Passive, "an outlier"),
        () => (Belief::Up, Detector::Poll, "healthy"),
    };
    Some(Seen {
        router: seat.name.clone(),
        belief,
        reason: reason.to_owned(),
        by,
        at: None,
    })
}

/// `{"socket_address": {"address": "127.9.1.1", "port_value": 8081}}`.
pub(super) fn socket_address(address: &Value) -> Option<SocketAddr> {
    let address = &address["socket_address"];
    let port = u16::try_from(address["port_value"].as_u64()?).ok()?;
    Some(SocketAddr::new(address["address"].as_str()?.parse().ok()?, port))
}

/// The body of a chunked response, and where the response ends.
fn parts(read: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut at = find(read, b"\r\n\r\n")? + 4;
    let mut body = Vec::new();
    loop {
        let line = find(&read[at..], b"\r\n")?;
        let size = std::str::from_utf8(&read[at..at + line]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let start = at + line + 2;
        let end = start.checked_add(size)?;
        body.extend_from_slice(read.get(start..end)?);
        at = end + 2;
        if read.len() < at {
            return None;
        }
        if size == 0 {
            return Some((body, at));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}
