//! PURE: nothing of a user's document may talk to another machine, run code or write files. Envoy connects to clusters, so
//! that those without routers are left without endpoints; what knows other ways is left out by name, or refused.

use super::super::super::Site;
use super::super::observe::every_object;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What of the whole document stays; everything else asks somebody, tells somebody, or writes.
const KEPT: [&str; 9] = [
    "node",
    "static_resources",
    "admin",
    "layered_runtime",
    "overload_manager",
    "stats_config",
    "stats_flush_interval",
    "header_prefix",
    "default_regex_engine",
];

/// Filters that ask nobody, by the last words of their types.
const FILTERS: [&str; 34] = [
    "http_connection_manager.v3.HttpConnectionManager",
    "tcp_proxy.v3.TcpProxy",
    "connection_limit.v3.ConnectionLimit",
    "local_ratelimit.v3.LocalRateLimit",
    "network.rbac.v3.RBAC",
    "http.rbac.v3.RBAC",
    "direct_response.v3.Config",
    "sni_cluster.v3.SniCluster",
    "router.v3.Router",
    "adaptive_concurrency.v3.AdaptiveConcurrency",
    "admission_control.v3.AdmissionControl",
    "bandwidth_limit.v3.BandwidthLimit",
    "basic_auth.v3.BasicAuth",
    "buffer.v3.Buffer",
    "cdn_loop.v3.CdnLoopConfig",
    "compressor.v3.Compressor",
    "decompressor.v3.Decompressor",
    "cors.v3.Cors",
    "csrf.v3.CsrfPolicy",
    "fault.v3.HTTPFault",
    "grpc_http1_bridge.v3.Config",
    "grpc_stats.v3.FilterConfig",
    "grpc_web.v3.GrpcWeb",
    "header_mutation.v3.HeaderMutation",
    "header_to_metadata.v3.Config",
    "health_check.v3.HealthCheck",
    "ip_tagging.v3.IPTagging",
    "json_to_metadata.v3.JsonToMetadata",
    "set_metadata.v3.Config",
    "stateful_session.v3.StatefulSession",
    "http_inspector.v3.HttpInspector",
    "tls_inspector.v3.TlsInspector",
    "proxy_protocol.v3.ProxyProtocol",
    "upstream_codec.v3.UpstreamCodec",
];

/// Left out wherever they stand in static resources.
const OUT: [(&str, &str); 12] = [
    ("access_log", "its log is kept with the results"),
    ("upstream_log", "its log is kept with the results"),
    ("event_logger", "its log is kept with the results"),
    ("event_log_path", "its log is kept with the results"),
    ("event_service", MACHINE),
    ("tracing", MACHINE),
    (
        "request_mirror_policies",
        "the lab has no other service than its routers",
    ),
    ("additional_addresses", "the lab's clients come to one address"),
    ("upstream_bind_config", "the lab has loopback addresses only"),
    ("lrs_server", MACHINE),
    ("key_log", "nothing is written outside of the lab's directory"),
    ("api_listener", MACHINE),
];

/// What comes from elsewhere while it runs, or is code: nothing could stand in its place.
const REFUSED: [(&str, &str); 13] = [
    ("google_grpc", "connects past all clusters: take out what uses it"),
    ("api_config_source", ELSEWHERE),
    ("ads", ELSEWHERE),
    ("rds", ELSEWHERE),
    ("scoped_routes", ELSEWHERE),
    ("scoped_rds", ELSEWHERE),
    ("config_discovery", ELSEWHERE),
    ("sds_config", ELSEWHERE),
    ("path_config_source", ELSEWHERE),
    ("common_tap_config", "writes files: take it out"),
    ("tap_config", "writes files: take it out"),
    ("file_per_tap", "writes files: take it out"),
    ("cache_path", "writes files: take it out"),
];

/// Transport sockets that ask nobody. Clusters have lost theirs by then.
const SOCKETS: [&str; 4] = [
    ".DownstreamTlsContext",
    ".UpstreamTlsContext",
    ".RawBuffer",
    ".QuicDownstreamTransport",
];

/// What holds words of the user's own.
const WORDS: [&str; 4] = ["filter_metadata", "json_format", "static_layer", "node"];

const MACHINE: &str = "nothing of it leaves the machine";
const ELSEWHERE: &str = "comes from elsewhere: write what it brings into the file";

/// One spelling of names: protobuf takes `socketAddress` for `socket_address`.
pub(super) fn spell(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let old = std::mem::take(object);
            for (key, mut value) in old {
                let key = snake(&key);
                if !WORDS.contains(&key.as_str()) {
                    spell(&mut value);
                }
                object.insert(key, value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(spell),
        _ => {}
    }
}

fn snake(key: &str) -> String {
    if !key.chars().all(|c| c.is_ascii_alphanumeric()) || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Leaves out what leaves the machine, but for clusters.
pub(super) fn confine(document: &mut Value, changes: &mut Vec<String>) -> Result<(), String> {
    let Some(top) = document.as_object_mut() else {
        return Ok(());
    };
    top.retain(|key, _| {
        let kept = KEPT.contains(&key.as_str());
        if !kept {
            changes.push(format!("`{key}` is left out: {MACHINE}"));
        }
        kept
    });
    if let Some(layers) = document
        .pointer_mut("/layered_runtime/layers")
        .and_then(Value::as_array_mut)
    {
        layers.retain(|layer| layer.get("static_layer").is_some());
    }
    let Some(resources) = document.get_mut("static_resources") else {
        return Ok(());
    };
    let mut told = BTreeSet::new();
    every_object(resources, &mut |object| {
        for (key, why) in OUT {
            // Where a name has only words in it, it is one of the user's own: a label, a header.
            if object
                .get(key)
                .is_some_and(|value| key == "event_log_path" || !value.is_string())
                && object.remove(key).is_some()
            {
                told.insert(format!("`{key}` is left out: {why}"));
            }
        }
        for key in [
            "http_filters",
            "upstream_http_filters",
            "filters",
            "listener_filters",
        ] {
            if let Some(filters) = object.get_mut(key).and_then(Value::as_array_mut) {
                filters.retain(|filter| quiet(filter, &mut told));
            }
        }
    });
    changes.extend(told);
    let mut wrong = None;
    every_object(resources, &mut |object: &mut Map<String, Value>| {
        let found = REFUSED.iter().find(|(key, _)| object.contains_key(*key));
        if let Some((key, why)) = found {
            wrong.get_or_insert_with(|| format!("`{key}` of {} {why}", owner(object)));
        }
        let socket = object
            .get("transport_socket")
            .map(|socket| &socket["typed_config"]["@type"]);
        let socket = socket.map(|kind| kind.as_str().unwrap_or_default());
        if socket.is_some_and(|kind| !SOCKETS.iter().any(|known| kind.ends_with(known))) {
            let owner = owner(object);
            wrong.get_or_insert_with(|| {
                format!("the transport_socket of {owner} is not known to ask nobody: take it out")
            });
        }
    });
    wrong.map_or(Ok(()), Err)
}

/// Leaves a cluster that no route leads to, but others may name, without endpoints: a request there fails at once.
pub(super) fn empty(cluster: &mut Value) -> Option<String> {
    let name = cluster.get("name")?.as_str()?.to_owned();
    let mut bare = json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [] },
    });
    for key in [
        "connect_timeout",
        "typed_extension_protocol_options",
        "http2_protocol_options",
    ] {
        if let Some(value) = cluster.get(key) {
            bare[key] = value.clone();
        }
    }
    *cluster = bare;
    Some(format!(
        "cluster `{name}` has no endpoints: only the routers of the lab are there"
    ))
}

/// Refuses whatever address is left that is not the lab's.
pub(super) fn confined(document: &mut Value, site: &Site) -> Result<(), String> {
    let routers = site.routers.iter().flat_map(|seat| [seat.traffic, seat.health]);
    let known: BTreeSet<SocketAddr> = routers.chain([site.listen]).collect();
    let mut wrong = None;
    every_object(document, &mut |object: &mut Map<String, Value>| {
        for key in ["socket_address", "pipe"] {
            let Some(address) = object.get(key).filter(|address| address.is_object()) else {
                continue;
            };
            let port = address["port_value"]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok());
            let ip = address["address"].as_str().and_then(|ip| ip.parse().ok());
            let labs = ip
                .zip(port)
                .is_some_and(|(ip, port)| known.contains(&SocketAddr::new(ip, port)));
            if key == "pipe" || !labs {
                wrong.get_or_insert_with(|| {
                    format!("the {key} {address} is not the lab's: take it out, nothing of a lab leaves this machine")
                });
            }
        }
    });
    wrong.map_or(Ok(()), Err)
}

/// Whether a filter is known to ask nobody. One that is discovered stays, to be refused by its name.
fn quiet(filter: &Value, told: &mut BTreeSet<String>) -> bool {
    let kind = filter["typed_config"]["@type"].as_str().unwrap_or_default();
    let before = |known: &&str| {
        kind.strip_suffix(known)
            .is_some_and(|before| before.ends_with('.'))
    };
    let known = FILTERS.iter().any(before) || filter.get("config_discovery").is_some();
    if !known {
        told.insert(format!(
            "filter `{}` is left out: it is not known to ask nobody, or runs code",
            super::name(filter)
        ));
    }
    known
}

/// Whose it is, for people.
fn owner(object: &Map<String, Value>) -> String {
    match object.get("name").and_then(Value::as_str) {
        Some(name) => format!("`{name}`"),
        None => "static_resources".to_owned(),
    }
}

#[cfg(test)]
mod tests;
