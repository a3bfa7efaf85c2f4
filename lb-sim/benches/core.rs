//! What a check and a pick cost the core, by the number of backends.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lb_sim::core::{Action, BackendId, Balance, Balancer, CheckSettings, Picker};
use router::clock::Timestamp;
use router::record::ProbeResult;
use std::hint::black_box;
use std::time::Duration;

const SIZES: [u32; 3] = [10, 1_000, 10_000];

/// One check from its deadline over its start to its result, in steady state.
fn probe(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("probe");
    for jitter in [0, 500] {
        for size in SIZES {
            let settings = CheckSettings {
                jitter: Duration::from_millis(jitter),
                ..CheckSettings::default()
            };
            let mut balancer = Balancer::new(settings, size, Timestamp(0), 1);
            let mut actions = Vec::new();
            let id = BenchmarkId::new(format!("jitter {jitter} ms"), size);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let now = balancer.next_deadline().expect("there are backends");
                    actions.clear();
                    balancer.on_deadline(now, &mut actions);
                    for action in &actions {
                        if let Action::Start { probe, .. } = action {
                            black_box(balancer.on_probe(
                                now + Duration::from_millis(1),
                                *probe,
                                ProbeResult::Ok,
                            ));
                        }
                    }
                });
            });
        }
    }
    group.finish();
}

/// One request: pick, count, and the end of an older one.
fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for balance in [Balance::RoundRobin, Balance::LeastConnections] {
        for size in SIZES {
            let usable: Vec<_> = (0..size).map(BackendId).collect();
            let mut picker = Picker::new(balance, &usable);
            // 64 requests in flight, ended in the order they began.
            let mut in_flight = std::collections::VecDeque::new();
            for _ in 0..64 {
                let picked = picker.pick().expect("all are usable");
                picker.started(picked);
                in_flight.push_back(picked);
            }
            group.bench_function(BenchmarkId::new(balance.to_string(), size), |bencher| {
                bencher.iter(|| {
                    let picked = picker.pick().expect("all are usable");
                    picker.started(picked);
                    in_flight.push_back(picked);
                    picker.ended(in_flight.pop_front().expect("64 are in flight"));
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, probe, pick);
criterion_main!(benches);
