//! PURE: the page that Prometheus reads.

use super::figures::{BELIEFS, DETECTORS, Figures};
use super::histogram::Histogram;
use super::{Metrics, Windows, counts::word};
use crate::story::TRUTHS;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{Error, Write};

/// Of the page.
pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// The labels of one sample.
type Labels = Vec<(&'static str, String)>;

pub(super) fn text(metrics: &Metrics) -> String {
    let mut registry = Registry::with_prefix("resetlab");
    registry.register_collector(Box::new(metrics.clone()));
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => text,
        Err(e) => {
            let _ = writeln!(text, "# not complete: {e}");
            text
        }
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.routers(&mut page)?;
        self.requests(&mut page)?;
        self.windows(&mut page)?;
        self.settings(&mut page)?;
        self.lab(&mut page)
    }
}

impl Metrics {
    fn routers(&self, page: &mut Page) -> Result<(), Error> {
        let known = || {
            self.routers
                .iter()
                .map(|(name, figures)| (("router", name.clone()), figures))
        };
        let present = || known().filter(|(_, figures)| figures.present);
        let truths = present().flat_map(|(router, figures)| {
            let now = figures.condition.truth();
            TRUTHS.map(move |truth| one_of([router.clone()], "state", &truth, truth == now))
        });
        page.gauge("router_truth", "What the router is: 1 at its state", None, truths)?;
        let beliefs = present().flat_map(|(router, figures)| {
            let now = figures.belief;
            BELIEFS.map(move |belief| one_of([router.clone()], "state", &belief, belief == now))
        });
        let help = "What the balancer believes of the router: 1 at its state";
        page.gauge("router_belief", help, None, beliefs)?;
        let deciders = present().flat_map(|(router, figures)| {
            let now = figures.by;
            DETECTORS.map(move |by| one_of([router.clone()], "by", &by, by == now))
        });
        let help = "Who decided the balancer's present belief: 1 at that detector";
        page.gauge("router_decided", help, None, deciders)?;
        let incarnations = present().map(|(router, figures)| (vec![router], figures.incarnation));
        let help = "Which life of the router this is, from 1";
        page.gauge("router_incarnation", help, None, incarnations)?;
        let restarts = known().map(|(router, figures)| (vec![router], figures.restarts));
        page.counter("router_restarts", "Lives of the router after its first", restarts)?;
        let by = |label, counts: fn(&Figures) -> &super::Counts| {
            known().flat_map(move |(router, figures)| {
                let sample =
                    move |(word, n): (&String, u64)| (vec![router.clone(), (label, word.clone())], n);
                counts(figures).iter().map(sample)
            })
        };
        let help = "Ends of router processes by reason";
        page.counter("router_exits", help, by("reason", |figures| &figures.exits))?;
        let help = "Attempts at the router that failed, by cause";
        page.counter("attempts_failed", help, by("cause", |figures| &figures.failed))?;
        let help = "Health checks of the router that ended, by result";
        page.counter("probes", help, by("result", |figures| &figures.probes))?;
        let help = "Checks that the end of a sentinel connection started, by result";
        page.counter("sentinel_checks", help, by("result", |figures| &figures.sentinel))?;
        let help = "Transitions of the balancer to Down or Ejected while the router was up";
        page.counter("router_mistakes", help, by("by", |figures| &figures.mistakes))
    }

    fn requests(&self, page: &mut Page) -> Result<(), Error> {
        let failed = self.failed.iter().map(|(word, n)| (word.clone(), n));
        let outcomes = failed.chain([("ok".to_owned(), self.ok.sum())]);
        let outcomes = outcomes.map(|(word, n)| (vec![("outcome", word)], n));
        page.counter(
            "requests",
            "Requests of the load that ended, by outcome",
            outcomes,
        )?;
        page.total("requests_sent", "Requests that the load sent", self.sent.sum())?;
        let help = "Requests that the balancer took";
        page.total("forwarded_requests", help, self.requests.sum())?;
        let help = "Attempts of the balancer at routers";
        page.total("forwarded_attempts", help, self.attempts.sum())?;
        let help = "Attempts after the first of their request";
        page.total("retries", help, self.retries.sum())?;
        let denied = [
            ("breaker", self.over_breaker.sum()),
            ("budget", self.over_budget.sum()),
        ];
        let denied = denied.map(|(word, n)| (vec![("reason", word.to_owned())], n));
        page.counter(
            "retries_denied",
            "Retries that were not allowed",
            denied.into_iter(),
        )?;
        let help = "Requests that found no router in use";
        page.total("unrouted_requests", help, self.unrouted)?;
        let load = |name, help, value: fn(super::Load) -> f64, page: &mut Page| {
            let sample = self.load.map(|load| (Vec::new(), value(load)));
            page.gauge(name, help, Some(&Unit::Seconds), sample.into_iter())
        };
        let help = "How late the load sent requests in its latest tick, 99th percentile";
        load("load_lateness_p99", help, |load| load.late_p99, page)?;
        let help = "How late the load sent requests in its latest tick, at most";
        load("load_lateness_max", help, |load| load.late_max, page)?;
        let help = "Latency from the intended send time in the latest tick, median";
        load("load_latency_p50", help, |load| load.p50, page)?;
        let help = "Latency from the intended send time in the latest tick, 99th percentile";
        load("load_latency_p99", help, |load| load.p99, page)
    }

    fn windows(&self, page: &mut Page) -> Result<(), Error> {
        let windows = self.faults.iter().flat_map(|(word, fault)| {
            let noticed = fault.noticed.iter();
            noticed.map(move |(by, n)| {
                let labels = vec![("fault", word.clone()), ("noticed_by", by.clone())];
                (labels, n)
            })
        });
        page.counter("windows", "Reset windows that ended, by who noticed", windows)?;
        let help = "From the fault until the balancer took the router out of use";
        page.histogram("window_detect", help, &self.faults, |fault| &fault.t_detect)?;
        let help = "From the fault until the start of the last attempt there, of windows with one";
        page.histogram("window_stop", help, &self.faults, |fault| &fault.t_stop)?;
        let help = "From ready again until the first request served";
        page.histogram("window_readmit", help, &self.faults, |fault| &fault.t_readmit)?;
        let lost = self.faults.iter().flat_map(|(word, fault)| {
            let parts = [("in_flight", fault.in_flight), ("window", fault.window)];
            parts.map(|(phase, n)| (vec![("fault", word.clone()), ("phase", phase.to_owned())], n))
        });
        let help = "Requests lost to windows: started before the fault, or in the window";
        page.counter("window_lost_requests", help, lost)?;
        let saved = self
            .faults
            .iter()
            .map(|(word, fault)| (vec![("fault", word.clone())], fault.saved));
        let help = "Requests that failed in a window and ended well on another router";
        page.counter("window_saved_requests", help, saved)
    }

    fn settings(&self, page: &mut Page) -> Result<(), Error> {
        let check = &self.settings.check;
        let seconds = Some(&Unit::Seconds);
        let one = |value: f64| [(Vec::new(), value)].into_iter();
        let help = "From one health check to the next";
        page.gauge("check_interval", help, seconds, one(check.interval.as_secs_f64()))?;
        let help = "A health check without an answer for this long has failed";
        page.gauge("check_timeout", help, seconds, one(check.timeout.as_secs_f64()))?;
        let help = "Failed checks in a row that make a router Down";
        page.gauge("check_fall", help, None, one(check.fall.into()))?;
        let help = "Successful checks in a row that make a router Up";
        page.gauge("check_rise", help, None, one(check.rise.into()))?;
        let labels = vec![
            ("schedule", check.schedule.to_string()),
            ("check", check.check.to_string()),
            ("detector", self.settings.detectors.to_string()),
            ("mode", self.settings.mode.to_string()),
            ("on_failure", self.settings.on_failure.to_string()),
        ];
        let help = "The balancer's settings in force that are words; always 1";
        page.gauge("settings_info", help, None, [(labels, 1)].into_iter())
    }

    fn lab(&self, page: &mut Page) -> Result<(), Error> {
        let dropped = self
            .dropped
            .iter()
            .map(|(process, n)| (vec![("process", process.clone())], n));
        let help = "Records lost because a process could not write them: other figures are too small";
        page.counter("records_dropped", help, dropped)?;
        let exits = self.exits.iter().map(|((process, reason), n)| {
            let labels = vec![("process", process.clone()), ("reason", (*reason).to_owned())];
            (labels, *n)
        });
        let help = "Ends of other processes than routers by reason";
        page.counter("process_exits", help, exits)?;
        let labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        page.gauge(
            "build_info",
            "The program; always 1",
            None,
            [(labels, 1)].into_iter(),
        )
    }
}

/// Where families of samples are written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl Iterator<Item = (Labels, V)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    fn counter<V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Labels, V)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                family.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            } else {
                let mut sample = family.encode_family(&labels)?;
                sample.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            }
        }
        Ok(())
    }

    fn total(&mut self, name: &str, help: &str, total: u64) -> Result<(), Error> {
        self.counter(name, help, [(Vec::new(), total)].into_iter())
    }

    fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        faults: impl IntoIterator<Item = (&'a String, &'a Windows)>,
        of: impl Fn(&Windows) -> &Histogram,
    ) -> Result<(), Error> {
        let seconds = Some(&Unit::Seconds);
        let mut family = self
            .0
            .encode_descriptor(name, help, seconds, MetricType::Histogram)?;
        for (fault, windows) in faults {
            let histogram = of(windows);
            let labels = vec![("fault", fault.clone())];
            let mut sample = family.encode_family(&labels)?;
            let buckets = histogram.buckets();
            sample.encode_histogram::<NoLabelSet>(histogram.sum, histogram.count, &buckets, None)?;
        }
        Ok(())
    }
}

/// One state of a set of which exactly one is 1.
fn one_of(
    labels: impl IntoIterator<Item = (&'static str, String)>,
    label: &'static str,
    state: &impl serde::Serialize,
    holds: bool,
) -> (Labels, u32) {
    let labels = labels.into_iter().chain([(label, word(state))]).collect();
    (labels, u32::from(holds))
}
