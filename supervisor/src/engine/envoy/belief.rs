//! PURE: what Envoy believes, out of `GET /clusters?format=json`.

use super::super::{Flow, Seen, Site};
use router::record::{Belief, Detector};
use serde_json::Value;
use std::net::SocketAddr;

/// A response of the admin page: its body is chunked.
pub(super) fn whole_answer(read: &[u8]) -> Option<usize> {
    let (_, end) = parts(read)?;
    Some(end)
}

pub(super) fn beliefs(answer: &[u8], site: &Site) -> Vec<Seen> {
    let mut seen = each_host(answer, |host| host_belief(host, site));
    // A router may be in several clusters of a user's own file: the first says what is believed.
    seen.sort_by(|a, b| a.router.cmp(&b.router));
    seen.dedup_by(|a, b| a.router == b.router);
    seen
}

/// What the gauges of each host say; a router in several clusters is the sum of them.
pub(super) fn flows(answer: &[u8], site: &Site) -> Vec<Flow> {
    let mut flows: Vec<Flow> = each_host(answer, |host| host_flow(host, site));
    flows.sort_by(|a, b| a.router.cmp(&b.router));
    flows.dedup_by(|more, flow| {
        let same = more.router == flow.router;
        if same {
            flow.under_way += more.under_way;
            flow.total = flow.total.zip(more.total).map(|(a, b)| a + b);
        }
        same
    });
    flows
}

fn each_host<T>(answer: &[u8], host: impl FnMut(&Value) -> Option<T>) -> Vec<T> {
    let body = parts(answer).map(|(body, _)| body).unwrap_or_default();
    let Ok(document) = serde_json::from_slice::<Value>(&body) else {
        return Vec::new();
    };
    let clusters = document["cluster_statuses"].as_array().into_iter().flatten();
    let hosts = clusters.flat_map(|cluster| cluster["host_statuses"].as_array().into_iter().flatten());
    hosts.filter_map(host).collect()
}

/// A count of 0 is left out, as protobuf does.
fn host_flow(host: &Value, site: &Site) -> Option<Flow> {
    let seat = site.at(socket_address(&host["address"])?)?;
    let stats = host["stats"].as_array()?;
    let value = |name: &str| {
        let found = stats.iter().find(|stat| stat["name"] == name)?;
        let value = found["value"].as_str().map(str::parse);
        value.map_or(Some(0), Result::ok)
    };
    Some(Flow {
        router: seat.name.clone(),
        under_way: value("rq_active")?,
        total: value("rq_total"),
    })
}

fn host_belief(host: &Value, site: &Site) -> Option<Seen> {
    let seat = site.at(socket_address(&host["address"])?)?;
    let says = |flag: &str| host["health_status"][flag].as_bool() == Some(true);
    let (belief, by, reason) = match () {
        () if says("failed_active_health_check") => {
            (Belief::Down, Detector::Poll, "failed its health checks")
        }
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

#[cfg(test)]
mod tests;
