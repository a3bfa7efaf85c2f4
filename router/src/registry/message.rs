//! PURE: what a registration says, in the words of gorouter's `router.register` and `router.unregister`.

use crate::routes::{Instance, Registration, Uri};
use crate::settings::Balancing;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Fields that gorouter knows; others are ignored, as there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    host: String,
    port: u16,
    tls_port: u16,
    uris: Vec<String>,
    app: String,
    private_instance_id: String,
    private_instance_index: String,
    stale_threshold_in_seconds: i64,
    tags: Option<BTreeMap<String, String>>,
    isolation_segment: String,
    availability_zone: String,
    protocol: String,
    route_service_url: String,
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    loadbalancing: String,
    lb_algo: String,
}

/// A registration, or what was expected instead of the first mistake.
pub fn parse(json: &[u8]) -> Result<Registration, String> {
    let not_it = |what: &dyn std::fmt::Display| {
        format!(
            "{what}; expected a JSON object such as {{\"host\": \"127.0.0.1\", \"port\": 9000, \"uris\": [\"app.test\"]}}"
        )
    };
    // An array would be read as the fields in their order here.
    if json.trim_ascii_start().starts_with(b"[") {
        return Err(not_it(&"an array"));
    }
    let message: Message = serde_json::from_slice(json).map_err(|error| not_it(&error))?;
    let ip: IpAddr = message.host.parse().map_err(|_| {
        format!(
            "host {:?}: expected an IP address such as \"127.0.0.1\"",
            message.host
        )
    })?;
    if message.port == 0 {
        return Err(match message.tls_port {
            0 => "port 0: expected 1 to 65535".to_owned(),
            tls => format!("only tls_port {tls}: expected a port; endpoints are reached without TLS here"),
        });
    }
    if message.uris.is_empty() {
        return Err("uris []: expected at least one, such as [\"app.test\"]".to_owned());
    }
    let uris: Result<Vec<Uri>, _> = message.uris.iter().map(|uri| Uri::parse(uri)).collect();
    let stale_after = u64::try_from(message.stale_threshold_in_seconds).map_err(|_| {
        format!(
            "stale_threshold_in_seconds {}: expected 0 or more",
            message.stale_threshold_in_seconds
        )
    })?;
    if !matches!(&*message.protocol, "" | "http1") {
        return Err(format!(
            "protocol {:?}: expected \"http1\"; endpoints are not spoken to otherwise here",
            message.protocol
        ));
    }
    if !message.route_service_url.is_empty() {
        return Err("route_service_url: expected none; route services are not offered here".to_owned());
    }
    let options = &message.options;
    let asked = if options.loadbalancing.is_empty() {
        &options.lb_algo
    } else {
        &options.loadbalancing
    };
    let balancing = match &**asked {
        "" => None,
        asked => Some(balancing("options.loadbalancing", asked)?),
    };
    Ok(Registration {
        uris: uris.map_err(|wrong| format!("uris: {wrong}"))?,
        address: SocketAddr::new(ip, message.port),
        instance: Instance {
            app: word("app", &message.app)?,
            id: word("private_instance_id", &message.private_instance_id)?,
            index: word("private_instance_index", &message.private_instance_index)?,
            tags: message.tags,
            isolation_segment: message.isolation_segment,
            availability_zone: message.availability_zone,
        },
        stale_after: Some(Duration::from_secs(stale_after)),
        balancing,
    })
}

/// What goes into header fields and cookies: nothing in it may end them.
pub fn word(name: &str, value: &str) -> Result<String, String> {
    let fits = value
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\",;\\".contains(&b));
    match fits && value.len() <= 256 {
        true => Ok(value.to_owned()),
        false => Err(format!(
            "{name} {value:?}: expected visible ASCII, at most 256 characters, without quotes, backslashes, commas and semicolons"
        )),
    }
}

/// A balancing algorithm by gorouter's name.
pub fn balancing(name: &str, value: &str) -> Result<Balancing, String> {
    match value {
        "round-robin" => Ok(Balancing::RoundRobin),
        "least-connection" => Ok(Balancing::LeastConnection),
        _ => Err(format!(
            "{name} {value:?}: expected \"round-robin\" or \"least-connection\""
        )),
    }
}

/// The name of an algorithm, as [`balancing`] reads it.
pub fn balancing_name(balancing: Balancing) -> &'static str {
    match balancing {
        Balancing::RoundRobin => "round-robin",
        Balancing::LeastConnection => "least-connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gorouters_message_is_understood() {
        let message = json!({
            "host": "127.0.0.1", "port": 9000, "tls_port": 9443, "uris": ["App.test/v1", "*.example.com"],
            "app": "guid", "private_instance_id": "inst", "private_instance_index": "3",
            "stale_threshold_in_seconds": 20, "tags": {"component": "route-emitter"},
            "isolation_segment": "seg", "availability_zone": "z1", "protocol": "http1",
            "endpoint_updated_at_ns": 1, "server_cert_domain_san": "inst", "options": {"lb_algo": "least-connection"},
        });
        let registration = parse(message.to_string().as_bytes()).unwrap();
        let uris: Vec<String> = registration.uris.iter().map(ToString::to_string).collect();
        assert_eq!(uris, ["app.test/v1", "*.example.com"]);
        assert_eq!(registration.address, "127.0.0.1:9000".parse().unwrap());
        assert_eq!(registration.stale_after, Some(Duration::from_secs(20)));
        assert_eq!(registration.balancing, Some(Balancing::LeastConnection));
        let instance = registration.instance;
        assert_eq!(
            (&*instance.app, &*instance.id, &*instance.index),
            ("guid", "inst", "3")
        );
        assert_eq!(
            (&*instance.isolation_segment, &*instance.availability_zone),
            ("seg", "z1")
        );
        assert_eq!(instance.tags.unwrap()["component"], "route-emitter");
    }

    #[test]
    fn malformed_registrations_say_what_was_expected() {
        let base = json!({"host": "127.0.0.1", "port": 9000, "uris": ["app.test"]});
        for (field, value, words) in [
            (
                "host",
                json!("localhost"),
                "host \"localhost\": expected an IP address",
            ),
            ("host", json!(null), "expected a string"),
            ("port", json!(0), "port 0: expected 1 to 65535"),
            ("port", json!(70000), "expected u16"),
            ("port", json!("9000"), "expected u16"),
            ("uris", json!([]), "expected at least one"),
            ("uris", json!("app.test"), "expected a sequence"),
            ("uris", json!(["http://sch.test/x"]), "expected no scheme"),
            ("uris", json!(["app test"]), "uris: \"app test\": expected a host"),
            ("stale_threshold_in_seconds", json!(-1), "expected 0 or more"),
            ("protocol", json!("http2"), "expected \"http1\""),
            (
                "route_service_url",
                json!("https://a"),
                "route services are not offered",
            ),
            (
                "options",
                json!({"loadbalancing": "hash"}),
                "expected \"round-robin\"",
            ),
            ("app", json!("a\r\nx: y"), "expected visible ASCII"),
            ("private_instance_id", json!("a;b"), "without quotes"),
            ("private_instance_index", json!(1), "expected a string"),
            ("tags", json!({"a": 1}), "expected a string"),
        ] {
            let mut message = base.clone();
            message[field] = value;
            let said = parse(message.to_string().as_bytes()).unwrap_err();
            assert!(said.contains(words), "{field}: {said}");
        }
        for text in [
            "",
            "{",
            "[]",
            " \n[\"127.0.0.1\", 1, 0, [\"app.test\"]]",
            "[1]",
            "nonsense",
            "{\"host\": \"127.0.0.1\", \"port\": 1",
        ] {
            let said = parse(text.as_bytes()).unwrap_err();
            assert!(
                said.contains("expected a JSON object such as {\"host\""),
                "{said}"
            );
        }
        let only_tls = br#"{"host": "127.0.0.1", "tls_port": 1, "uris": ["a.test"]}"#;
        assert!(parse(only_tls).unwrap_err().contains("without TLS"));
        assert!(parse(base.to_string().as_bytes()).is_ok());
    }
}
