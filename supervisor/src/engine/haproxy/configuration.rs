//! PURE: the settings as a configuration.

use super::demands::retries;
use crate::engine::{ADMIN_FD, LOG_FD, Seat, Site};
use lb_sim::core::{
    Balance, Check, Mode, OpenConnections, PassiveAction, PassiveOn, ProxyProtocol, RetryOn, RetryTo,
    Settings,
};
use std::fmt::Write;
use std::time::Duration;

/// Of settings that [`super::demands::met`] has nothing against.
pub fn write(site: &Site, settings: &Settings) -> String {
    let mut text = global(settings);
    text += &defaults(settings);
    text += &frontend(site, settings);
    text += &backend(site, settings);
    text
}

/// Where it answers and where its log goes: descriptors that it is born with, so that nobody has to wait for a name.
pub fn channels() -> String {
    // A question every few milliseconds keeps the connection from idling, but a stopped guard may ask later.
    format!(
        "    stats socket fd@{ADMIN_FD} level operator\n    stats timeout 1d\n    log fd@{LOG_FD} format raw local0\n"
    )
}

fn global(settings: &Settings) -> String {
    let spread = settings.check.spread.0 / 100;
    let spread = match spread {
        0 => String::new(),
        percent => format!("    spread-checks {percent}\n"),
    };
    format!("global\n    nbthread 1\n{}{spread}", channels())
}

fn defaults(settings: &Settings) -> String {
    let mode = match settings.mode {
        Mode::Http => "http",
        Mode::Tcp => "tcp",
    };
    let mut text = format!(
        "\ndefaults\n    mode {mode}\n    log global\n    option log-health-checks\n    timeout connect {}\n    \
         timeout server {}\n    timeout client 1d\n",
        ms(settings.connect_timeout),
        ms(settings.response_timeout),
    );
    if settings.mode == Mode::Http {
        text += "    timeout http-keep-alive 1d\n";
    }
    if !settings.check.timeout_is_interval {
        let _ = writeln!(text, "    timeout check {}", ms(settings.check.timeout));
    }
    let again = if retries(settings) {
        settings.retry.retries
    } else {
        0
    };
    let _ = writeln!(text, "    retries {again}");
    if retries(settings) {
        if settings.retry.to == RetryTo::Other {
            text += "    option redispatch 1\n";
        }
        if settings.mode == Mode::Http && settings.retry.on == RetryOn::Safe {
            text += "    retry-on conn-failure empty-response response-timeout\n";
        }
    }
    text
}

fn frontend(site: &Site, settings: &Settings) -> String {
    let mut text = format!("\nfrontend clients\n    bind {}\n", site.listen);
    match settings.mode {
        Mode::Http => {
            text += "    http-request set-var(txn.began) date(0,us)\n";
            text += "    http-request set-var(txn.request) req.hdr(x-resetlab-request)\n";
            if retries(settings) && settings.retry.on == RetryOn::Safe {
                text +=
                    "    http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE TRACE }\n";
            }
        }
        Mode::Tcp => text += "    tcp-request content set-var(txn.began) date(0,us)\n",
    }
    let _ = writeln!(text, "    log-format \"{}\"", super::log::FORMAT);
    text + "    default_backend routers\n"
}

fn backend(site: &Site, settings: &Settings) -> String {
    let balance = match settings.balance {
        Balance::RoundRobin => "roundrobin",
        Balance::LeastConnections => "leastconn",
    };
    let mut text = format!("\nbackend routers\n    balance {balance}\n");
    let check = &settings.check;
    if check.check == Check::Http {
        let _ = write!(
            text,
            "    option httpchk\n    http-check send meth GET uri \"{}\" ver HTTP/1.1 hdr Host health\n    \
             http-check expect status {}\n",
            check.path, check.healthy_status
        );
    }
    let options = server_options(settings);
    for seat in &site.routers {
        let _ = writeln!(text, "    {}{options}", server(seat));
    }
    text
}

/// `server router-1 127.1.1.1:8081 check addr 127.1.1.1 port 8080`
fn server(seat: &Seat) -> String {
    let Seat {
        name,
        traffic,
        health,
    } = seat;
    format!(
        "server {name} {traffic} check addr {} port {}",
        health.ip(),
        health.port()
    )
}

fn server_options(settings: &Settings) -> String {
    let check = &settings.check;
    let mut text = format!(
        " inter {} fall {} rise {}",
        ms(check.interval),
        check.fall,
        check.rise
    );
    let mut add = |word: &str, value: String| {
        let _ = write!(text, " {word} {value}");
    };
    if let Some(fast) = check.fall_interval {
        add("fastinter", ms(fast));
    }
    if let Some(down) = check.down_interval {
        add("downinter", ms(down));
    }
    if settings.detectors.passive {
        let layer = match settings.passive.on {
            PassiveOn::Connect => "layer4",
            PassiveOn::Broken | PassiveOn::Any5xx | PassiveOn::Gateway => "layer7",
        };
        let action = match settings.passive.action {
            PassiveAction::Eject | PassiveAction::FailCheck => "fail-check",
            PassiveAction::FastInter => "fastinter",
            PassiveAction::SuddenDeath => "sudden-death",
            PassiveAction::MarkDown => "mark-down",
        };
        add("observe", layer.to_owned());
        add("error-limit", settings.passive.failures.to_string());
        add("on-error", action.to_owned());
    }
    if settings.open_connections == OpenConnections::Close {
        add("on-marked-down", "shutdown-sessions".to_owned());
    }
    if settings.proxy_protocol == ProxyProtocol::V2 {
        text += " send-proxy-v2";
    }
    text
}

fn ms(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_stands_where_haproxy_reads_it() {
        let settings: Settings = "interval=1s timeout=300ms fall=3 rise=4 schedule=end fall-interval=100ms \
            rise-interval=100ms down-interval=2s spread=20% path=/up healthy-status=200-299,404 detector=passive \
            passive-on=5xx passive-action=sudden-death passive-failures=7 on-failure=retry retries=2 retry-to=other \
            open-connections=close connect-timeout=700ms response-timeout=4s"
            .parse()
            .unwrap();
        insta::assert_snapshot!(write(&Site::example(), &settings));
        let settings: Settings = "mode=tcp on-failure=close proxy-protocol=v2 timeout=interval check=tcp \
            balance=least-connections"
            .parse()
            .unwrap();
        insta::assert_snapshot!(write(&Site::example(), &settings));
    }
}
