//! PURE: the runtime API's tables of servers.

use crate::engine::{Flow, Seen, Site};
use lb_sim::core::CheckSettings;
use router::record::{Belief, Detector};
use std::net::{IpAddr, SocketAddr};

/// `show servers state`. Servers are known by their addresses: their names may be the user's.
pub fn read(answer: &str, site: &Site, check: &CheckSettings) -> Vec<Seen> {
    let lines = answer.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let servers = lines.filter(|fields| fields.len() > 20);
    servers
        .filter_map(|fields| server(&fields, site, check))
        .collect()
}

/// `show stat -1 4 -1`: a table of servers, whose first line names its columns.
pub fn flows(answer: &str, site: &Site) -> Vec<Flow> {
    let mut lines = answer.lines().skip_while(|line| !line.starts_with("# pxname"));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|known| *known == name);
    let (Some(address), Some(now), Some(total)) = (column("addr"), column("scur"), column("stot")) else {
        return Vec::new();
    };
    let flow = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let seat = site.at(fields.get(address)?.parse().ok()?)?;
        Some(Flow {
            router: seat.name.clone(),
            under_way: fields.get(now)?.parse().ok()?,
            total: fields.get(total)?.parse().ok(),
        })
    };
    lines.filter_map(flow).collect()
}

/// `3 b 1 router-1 127.1.1.1 2 0 1 1 0 15 3 4 6 0 0 0 - 8081 - 0 8080 127.1.1.1 …`
fn server(fields: &[&str], site: &Site, check: &CheckSettings) -> Option<Seen> {
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    let address = SocketAddr::new(fields[4].parse::<IpAddr>().ok()?, fields[18].parse().ok()?);
    let router = site.at(address)?.name.clone();
    let (state, admin, status, health) = (number(5)?, number(6)?, number(10)?, number(12)?);
    const STOPPED: u32 = 0;
    const UNCHECKED: u32 = 1;
    const ANALYZED: u32 = 4;
    let full = check.rise + check.fall - 1;
    let belief = match state {
        _ if admin != 0 => Belief::Ejected,
        STOPPED if health == 0 => Belief::Down,
        STOPPED => Belief::GoingUp,
        // A server that was never checked starts with the health of one that a single failure takes down.
        _ if health >= full || status <= UNCHECKED => Belief::Up,
        _ => Belief::GoingDown,
    };
    let by = if status == ANALYZED {
        Detector::Passive
    } else {
        Detector::Poll
    };
    Some(Seen {
        router,
        belief,
        reason: reason(status, health, check, belief),
        by,
        at: None,
    })
}

fn reason(status: u32, health: u32, check: &CheckSettings, belief: Belief) -> String {
    let what = match status {
        4 => "failed requests",
        5 => "socket error",
        6 => "connected",
        7 => "connect timeout",
        8 => "connection refused or reset",
        12 => "no answer in time",
        13 => "an answer that is not HTTP",
        15 | 16 => "check passed",
        17 => "a status that is not healthy",
        _ => "check",
    };
    let full = check.rise + check.fall - 1;
    match belief {
        Belief::GoingDown => format!("{what}: {} of {}", full.saturating_sub(health), check.fall),
        Belief::GoingUp => format!("{what}: {health} of {}", check.rise),
        Belief::Ejected => "in maintenance or draining".to_owned(),
        Belief::Up | Belief::Down => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_sim::core::Settings;

    /// As 2.6.12 prints it.
    fn row(name: &str, ip: &str, state: u32, admin: u32, status: u32, health: u32) -> String {
        format!(
            "3 b 1 {name} {ip} {state} {admin} 1 1 0 {status} 3 {health} 6 0 0 0 - 8081 - 0 8080 {ip} {ip} 8080\n"
        )
    }

    #[test]
    fn the_state_and_health_of_a_server_are_a_belief_whatever_its_name() {
        let settings: Settings = "fall=3 rise=2".parse().unwrap();
        for (state, admin, status, health, belief) in [
            (2, 0, 1, 2, Belief::Up), // never checked
            (2, 0, 15, 4, Belief::Up),
            (2, 0, 8, 3, Belief::GoingDown),
            (0, 0, 8, 0, Belief::Down),
            (0, 0, 15, 1, Belief::GoingUp),
            (2, 1, 15, 4, Belief::Ejected),
        ] {
            let table = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                         srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                         srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord\n";
            let answer = format!(
                "{table}{}{}\n> ",
                row("app1", "127.9.1.2", state, admin, status, health),
                row("api", "127.0.0.1", 0, 1, 1, 0)
            );
            let seen = read(&answer, &Site::example(), &settings.check);
            assert_eq!(seen.len(), 1, "{answer}");
            assert_eq!(
                (seen[0].router.as_str(), seen[0].belief),
                ("router-2", belief),
                "{answer}"
            );
        }
    }

    #[test]
    fn what_goes_to_a_server_is_found_by_the_names_of_columns() {
        let answer =
            "# pxname,svname,qcur,qmax,scur,smax,slim,stot,addr,\nb,app1,0,0,3,5,,120,127.9.1.1:8081,\n\n> ";
        let flow = Flow {
            router: "router-1".into(),
            under_way: 3,
            total: Some(120),
        };
        assert_eq!(flows(answer, &Site::example()), [flow]);
        assert_eq!(flows("unknown command\n\n> ", &Site::example()), []);
    }
}
