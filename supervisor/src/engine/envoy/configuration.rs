//! PURE: what the settings say, as Envoy's bootstrap document. Nothing in it is for the lab: see `observe` for that.

use super::super::{Seat, Site};
use lb_sim::core::{
    Balance, Check, FirstCheck, Growth, Mode, OnFailure, OpenConnections, PassiveOn, RetryOn, RetryTo,
    Settings,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// Envoy's own limits of connections and requests, 1,024, are not among the settings: they must not bind.
const UNLIMITED: u32 = u32::MAX;

/// Its random back-off before a retry begins below this; it cannot be 0.
const SHORTEST_BACK_OFF: Duration = Duration::from_millis(1);

pub(super) fn configuration(site: &Site, settings: &Settings) -> Value {
    let filter = match settings.mode {
        Mode::Http => http(site, settings),
        Mode::Tcp => json!({
            "name": "envoy.filters.network.tcp_proxy",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": "lab",
                "cluster": "routers",
                "max_connect_attempts": 1,
            },
        }),
    };
    json!({
        "static_resources": {
            "listeners": [{
                "name": "lab",
                "address": address(site.listen),
                "filter_chains": [{ "filters": [filter] }],
            }],
            "clusters": [cluster(site, settings)],
        },
    })
}

fn http(site: &Site, settings: &Settings) -> Value {
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "lab",
            "use_remote_address": true,
            "generate_request_id": false,
            "server_header_transformation": "PASS_THROUGH",
            "route_config": {
                "virtual_hosts": [{ "name": "lab", "domains": ["*"], "routes": routes(site, settings) }],
            },
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    "suppress_envoy_headers": true,
                },
            }],
        },
    })
}

/// Envoy does not ask whether a request is idempotent: a route of their own does.
fn routes(site: &Site, settings: &Settings) -> Value {
    let route = |methods: Option<&str>, retry_on: &str| {
        let mut matches = json!({ "prefix": "/" });
        if let Some(methods) = methods {
            let regex = json!({ "safe_regex": { "regex": methods } });
            matches["headers"] = json!([{ "name": ":method", "string_match": regex }]);
        }
        let mut retry = json!({
            "retry_on": retry_on,
            "num_retries": settings.retry.retries,
            // Of each attempt, until its response begins.
            "per_try_timeout": duration(settings.response_timeout),
            "retry_back_off": { "base_interval": duration(settings.retry.jitter.max(SHORTEST_BACK_OFF)) },
        });
        if settings.retry.to == RetryTo::Other {
            retry["retry_host_predicate"] = json!([{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
            }]);
            // Each pick may fall on a router that was tried: so many picks reach all of them in turn.
            retry["host_selection_retry_max_attempts"] = json!(2 * site.routers.len());
        }
        json!({
            "match": matches,
            "route": { "cluster": "routers", "timeout": "0s", "retry_policy": retry },
        })
    };
    let connect = "connect-failure,refused-stream";
    match (settings.on_failure, settings.retry.on) {
        (OnFailure::Retry, RetryOn::Safe) => json!([
            route(
                Some("GET|HEAD|OPTIONS|TRACE|PUT|DELETE"),
                "connect-failure,refused-stream,reset"
            ),
            route(None, connect),
        ]),
        (OnFailure::Retry, RetryOn::Connect) => json!([route(None, connect)]),
        _ => json!([route(None, "")]),
    }
}

fn cluster(site: &Site, settings: &Settings) -> Value {
    let panic = settings.panic_threshold.map_or(0, |share| share.0 / 100);
    let endpoints: Vec<_> = site.routers.iter().map(endpoint).collect();
    let breaker = settings.retry.breaker.unwrap_or(UNLIMITED);
    let mut cluster = json!({
        "name": "routers",
        "type": "STATIC",
        "connect_timeout": duration(settings.connect_timeout),
        "common_lb_config": { "healthy_panic_threshold": { "value": panic } },
        "close_connections_on_host_health_failure": settings.open_connections == OpenConnections::Close,
        "circuit_breakers": { "thresholds": [{
            "max_connections": UNLIMITED,
            "max_pending_requests": UNLIMITED,
            "max_requests": UNLIMITED,
            "max_retries": breaker,
        }] },
        "health_checks": [check(settings)],
        "load_assignment": { "cluster_name": "routers", "endpoints": [{ "lb_endpoints": endpoints }] },
    });
    match settings.balance {
        Balance::RoundRobin => cluster["lb_policy"] = json!("ROUND_ROBIN"),
        // Its usual LEAST_REQUEST compares two routers drawn by lot.
        Balance::LeastConnections => {
            cluster["load_balancing_policy"] = json!({ "policies": [{ "typed_extension_config": {
                "name": "envoy.load_balancing_policies.least_request",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
                    "selection_method": "FULL_SCAN",
                },
            } }] });
        }
    }
    if settings.detectors.passive {
        cluster["outlier_detection"] = outliers(settings);
    }
    cluster
}

/// All of Envoy's intervals by name: what is left out would follow another one.
fn check(settings: &Settings) -> Value {
    let check = &settings.check;
    let or_interval = |interval: Option<Duration>| duration(interval.unwrap_or(check.interval));
    let mut found = json!({
        "timeout": duration(check.timeout),
        "interval": duration(check.interval),
        "unhealthy_threshold": check.fall,
        "healthy_threshold": check.rise,
        // Documented as the first gap of a host marked unhealthy; the source takes it while failures are pending.
        "unhealthy_edge_interval": or_interval(check.fall_interval),
        "unhealthy_interval": or_interval(check.down_interval),
        "healthy_edge_interval": or_interval(check.rise_interval),
        "no_traffic_interval": or_interval(check.no_traffic_interval),
        "interval_jitter": duration(check.jitter),
    });
    if check.first_check == FirstCheck::Random {
        found["initial_jitter"] = json!(duration(check.interval));
    }
    match check.check {
        Check::Tcp => found["tcp_health_check"] = json!({}),
        Check::Http => {
            let statuses = (100..600).filter(|status| check.healthy_status.contains(*status));
            let mut http = json!({ "path": check.path, "expected_statuses": ranges(statuses) });
            if !check.down_at_once.status {
                // Otherwise such a status makes a host unhealthy whatever the threshold says.
                let others = (100..600).filter(|status| !check.healthy_status.contains(*status));
                http["retriable_statuses"] = ranges(others);
            }
            found["http_health_check"] = http;
        }
    }
    found
}

fn outliers(settings: &Settings) -> Value {
    let passive = &settings.passive;
    let enforced = |on: PassiveOn| if passive.on == on { 100 } else { 0 };
    let cap = match passive.growth {
        Growth::Linear => passive.cap,
        Growth::None => passive.ejection,
    };
    json!({
        "interval": duration(sweep(settings)),
        "consecutive_5xx": passive.failures,
        "enforcing_consecutive_5xx": enforced(PassiveOn::Any5xx),
        "consecutive_gateway_failure": passive.failures,
        "enforcing_consecutive_gateway_failure": enforced(PassiveOn::Gateway),
        "split_external_local_origin_errors": passive.on == PassiveOn::Broken,
        "consecutive_local_origin_failure": passive.failures,
        "enforcing_consecutive_local_origin_failure": enforced(PassiveOn::Broken),
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "base_ejection_time": duration(passive.ejection),
        "max_ejection_time": duration(cap),
        "max_ejection_percent": passive.max_ejected.0 / 100,
        "always_eject_one_host": passive.least_ejected == 1,
        "successful_active_health_check_uneject_host": passive.uneject,
    })
}

/// Ejections that are over are noticed by a sweep, which is also what lets their number in a row fall: where that number
/// counts, a sweep is no more often than Envoy's own rhythm of 10 s is at its ejections of 30 s.
fn sweep(settings: &Settings) -> Duration {
    let (shortest, own) = (Duration::from_millis(100), Duration::from_secs(10));
    match settings.passive.growth {
        Growth::None => shortest,
        Growth::Linear => (settings.passive.ejection / 3).clamp(shortest, own),
    }
}

pub(super) fn endpoint(seat: &Seat) -> Value {
    let mut endpoint = json!({ "address": address(seat.traffic) });
    endpoint["health_check_config"] = json!({ "address": address(seat.health) });
    json!({ "endpoint": endpoint })
}

pub(super) fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

/// `{"start": 200, "end": 400}`: the end is not in it.
fn ranges(statuses: impl Iterator<Item = u16>) -> Value {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for status in statuses {
        match ranges.last_mut() {
            Some((_, end)) if *end == status => *end += 1,
            _ => ranges.push((status, status + 1)),
        }
    }
    let range = |(start, end): &(u16, u16)| json!({ "start": start, "end": end });
    ranges.iter().map(range).collect()
}

/// `1.500s`: protobuf's duration.
fn duration(time: Duration) -> String {
    format!("{}.{:09}s", time.as_secs(), time.subsec_nanos())
}
