//! PURE: makes a bootstrap document of the user's own one for the lab: the listener moved, the endpoints of the clusters
//! that it sends requests to replaced, the lab's ears added, what leaves the machine left out; everything else stays as it is.

mod loopback;
mod reading;

use super::super::{Adopted, Site};
use super::configuration::{address, endpoint};
use super::observe;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// YAML, or JSON, which is YAML as well.
pub(super) fn adopt(text: &str, site: &Site) -> Result<Adopted, String> {
    let mut document: Value =
        serde_yaml_ng::from_str(text).map_err(|wrong| format!("expected YAML or JSON: {wrong}"))?;
    let mut changes = Vec::new();
    loopback::spell(&mut document);
    loopback::confine(&mut document, &mut changes)?;
    listener(&mut document, site, &mut changes)?;
    let listeners = document.pointer_mut("/static_resources/listeners");
    let named = listeners.map(named_clusters).unwrap_or_default();
    let requests = reading::requests(&document["static_resources"]["listeners"]);
    let clusters = document.pointer_mut("/static_resources/clusters");
    let clusters = clusters.and_then(Value::as_array_mut);
    let (clusters, others): (Vec<&mut Value>, Vec<&mut Value>) =
        clusters.into_iter().flatten().partition(|cluster| {
            let name = cluster["name"].as_str();
            name.is_some_and(|name| named.contains(name))
        });
    if clusters.is_empty() {
        return Err(
            "expected a cluster in static_resources.clusters that a route, or a tcp_proxy, names: its \
                    endpoints are where the lab's routers go"
                .to_owned(),
        );
    }
    let mut adopted = Adopted::default();
    for cluster in clusters {
        changes.push(endpoints(cluster, site)?);
        if adopted.settings.is_empty() {
            adopted.settings = reading::checks(cluster);
            adopted.beyond.detection.extend(reading::beyond(cluster));
        }
    }
    changes.extend(others.into_iter().filter_map(loopback::empty));
    if document
        .as_object_mut()
        .and_then(|top| top.remove("admin"))
        .is_some()
    {
        changes.push("`admin` is a Unix socket of the lab's".to_owned());
    }
    loopback::confined(&mut document, site)?;
    observe::observe(&mut document, site);
    changes.push("access logs and event logs of the lab's are added".to_owned());
    adopted.settings.extend(requests);
    adopted.text = format!("{document:#}\n");
    adopted.changes = changes;
    Ok(adopted)
}

fn listener(document: &mut Value, site: &Site, changes: &mut Vec<String>) -> Result<(), String> {
    let listeners = document.pointer_mut("/static_resources/listeners");
    let listeners = listeners.and_then(Value::as_array_mut);
    let Some(first) = listeners.and_then(|all| {
        let rest = all.split_off(all.len().min(1));
        changes.extend(
            rest.iter()
                .map(|each| format!("listener `{}` is left out", name(each))),
        );
        all.first_mut().filter(|first| first.is_object())
    }) else {
        return Err(
            "expected a listener in static_resources.listeners: it is where the lab's clients go".to_owned(),
        );
    };
    changes.push(format!("listener `{}` is at {}", name(first), site.listen));
    first["address"] = address(site.listen);
    Ok(())
}

/// The n-th router takes the place of the n-th endpoint in use with what is said beside its address; further ones are like
/// the last.
fn endpoints(cluster: &mut Value, site: &Site) -> Result<String, String> {
    let name = name(cluster).to_owned();
    let found = cluster["load_assignment"]["endpoints"].as_array();
    let found = found.into_iter().flatten();
    let all: Vec<Value> = found
        .flat_map(|locality| locality["lb_endpoints"].as_array().cloned().unwrap_or_default())
        .collect();
    let used: Vec<&Value> = all.iter().filter(|each| in_use(each)).collect();
    let Some(last) = used.last().copied().or(all.last()) else {
        return Err(format!(
            "expected endpoints in load_assignment of cluster `{name}`, which must not come from elsewhere (EDS)"
        ));
    };
    let checked = cluster["health_checks"]
        .as_array()
        .is_some_and(|checks| !checks.is_empty());
    let seats = site.routers.iter().enumerate().map(|(n, seat)| {
        let template = used.get(n).copied().unwrap_or(last);
        let mut place = endpoint(seat)["endpoint"].take();
        if !checked && let Some(place) = place.as_object_mut() {
            place.remove("health_check_config");
        }
        if let Some(hostname) = template["endpoint"].get("hostname") {
            place["hostname"] = hostname.clone();
        }
        let mut seated = keep(template, &["load_balancing_weight", "metadata"]);
        seated["endpoint"] = place;
        seated
    });
    let seats: Vec<Value> = seats.collect();
    let (before, now) = (all.len(), seats.len());
    let mut locality = keep(
        &cluster["load_assignment"]["endpoints"][0],
        &["locality", "load_balancing_weight", "metadata"],
    );
    locality["lb_endpoints"] = Value::Array(seats);
    let mut assignment = keep(&cluster["load_assignment"], &["cluster_name", "policy"]);
    assignment["endpoints"] = json!([locality]);
    let mut why = format!("the {before} endpoints of cluster `{name}` are the lab's {now} routers");
    if let Some(cluster) = cluster.as_object_mut() {
        cluster.insert("load_assignment".to_owned(), assignment);
        // Names are not resolved any more.
        cluster.insert("type".to_owned(), json!("STATIC"));
        for key in ELSEWHERE {
            cluster.remove(key);
        }
        let tls = ["transport_socket", "transport_socket_matches"].map(|key| cluster.remove(key).is_some());
        if tls.contains(&true) {
            why += ", without TLS: they speak none";
        }
    }
    Ok(why)
}

/// What only clusters have whose endpoints are asked for.
const ELSEWHERE: [&str; 11] = [
    "dns_lookup_family",
    "cluster_type",
    "dns_refresh_rate",
    "dns_failure_refresh_rate",
    "dns_jitter",
    "respect_dns_ttl",
    "dns_resolvers",
    "dns_resolution_config",
    "typed_dns_resolver_config",
    "use_tcp_for_dns_lookups",
    "eds_cluster_config",
];

/// It has its share of the requests.
fn in_use(endpoint: &Value) -> bool {
    !matches!(
        endpoint["health_status"].as_str(),
        Some("UNHEALTHY" | "DRAINING" | "TIMEOUT")
    )
}

/// An object with these of another's members, as far as that has them.
fn keep(object: &Value, members: &[&str]) -> Value {
    let pairs = members
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), object.get(key)?.clone())));
    Value::Object(pairs.collect())
}

/// Every cluster that a route, or a tcp_proxy, of the listeners names.
fn named_clusters(listeners: &mut Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |value: Option<&Value>| names.extend(value.and_then(Value::as_str).map(str::to_owned));
    observe::every_object(listeners, &mut |object: &mut Map<String, Value>| {
        add(object.get("cluster"));
        let weighted = object.get("weighted_clusters");
        let weighted = weighted.and_then(|weighted| weighted["clusters"].as_array());
        weighted
            .into_iter()
            .flatten()
            .for_each(|each| add(each.get("name")));
    });
    names
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap_or("without a name")
}

#[cfg(test)]
mod tests;
