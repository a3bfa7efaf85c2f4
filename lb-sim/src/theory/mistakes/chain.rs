//! A pausing router, seen at the starts of its checks.

use super::{Pauses, cycle};
use crate::core::CheckSettings;
use std::time::Duration;

/// Ages at which a check fails, and at which it is answered late, each of the same width.
const FAILING: usize = 128;
const LATE: usize = 64;
/// After that many cycles of pause and gap nothing is left of where it began.
const FORGOTTEN: f64 = 40.0;

/// State 0 is between two pauses, the others are ages.
pub(super) struct Chain {
    states: Vec<State>,
    /// `next[a][b]`: how likely a check in `a` is followed by one in `b`.
    next: Vec<Vec<f64>>,
}

struct State {
    fails: bool,
    /// Start to answer.
    answer: f64,
    /// Start to the next start.
    step: f64,
}

impl Chain {
    pub const GAP: usize = 0;

    pub fn new(check: &CheckSettings, pauses: Pauses) -> Chain {
        let length = pauses.length.as_secs_f64();
        let failing = length - check.timeout.as_secs_f64();
        let mut edges: Vec<f64> = (0..FAILING)
            .map(|i| failing * i as f64 / FAILING as f64)
            .collect();
        edges.extend((0..=LATE).map(|i| failing + (length - failing) * i as f64 / LATE as f64));
        let ages: Vec<f64> = edges.windows(2).map(|age| (age[0] + age[1]) / 2.0).collect();
        let state = |fails, answer: f64| {
            let takes = if fails {
                check.timeout
            } else {
                Duration::from_secs_f64(answer)
            };
            State {
                fails,
                answer,
                step: cycle(check, takes).as_secs_f64(),
            }
        };
        let mut states = vec![state(false, 0.0)];
        states.extend(ages.iter().map(|age| state(*age < failing, length - age)));
        let renewal = Renewal {
            length,
            gap: pauses.mean_gap().as_secs_f64(),
        };
        let next = states.iter().enumerate().map(|(i, state)| {
            let left = if i == Chain::GAP {
                0.0
            } else {
                length - ages[i - 1]
            };
            if state.step < left {
                between(&ages, ages[i - 1] + state.step)
            } else {
                renewal.spread(&edges, state.step - left)
            }
        });
        Chain {
            next: next.collect(),
            states,
        }
    }

    pub fn step(&self, at: usize) -> f64 {
        self.states[at].step
    }

    /// Expected time from a check's start, by its state, until `wanted` checks in a row have failed (`failing`) or
    /// succeeded; `last` is what the last of them takes, from its state and its answer.
    pub fn run(&self, wanted: u32, failing: bool, last: impl Fn(usize, f64) -> f64) -> Vec<f64> {
        let last = |at: usize| last(at, self.states[at].answer);
        self.solve(wanted, failing, |at| self.states[at].step, last)
    }

    /// Expected `value` of the state of the last of `wanted` checks in a row.
    pub fn absorbed(&self, wanted: u32, failing: bool, value: impl Fn(usize) -> f64) -> Vec<f64> {
        self.solve(wanted, failing, |_| 0.0, value)
    }

    /// Expected `value` of the next check's state.
    pub fn following(&self, value: &[f64]) -> Vec<f64> {
        self.next.iter().map(|row| dot(row, value)).collect()
    }

    /// With k in a row, E_k = cost + next·E_(k+1) where the check is of the wanted kind and cost + next·E_0 where not:
    /// each E_k is linear in E_0, and E_0 in itself.
    fn solve(
        &self,
        wanted: u32,
        failing: bool,
        cost: impl Fn(usize) -> f64,
        last: impl Fn(usize) -> f64,
    ) -> Vec<f64> {
        let n = self.states.len();
        let (mut constant, mut matrix): (Vec<f64>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        for k in 0..wanted {
            let (before, weights) = (constant, matrix);
            let row = |at: usize| match (self.states[at].fails == failing, k) {
                (false, _) => (cost(at), self.next[at].clone()),
                (true, 0) => (last(at), vec![0.0; n]),
                (true, _) => {
                    let mut row = vec![0.0; n];
                    for (weight, of) in self.next[at].iter().zip(&weights) {
                        for (sum, more) in row.iter_mut().zip(of) {
                            *sum += weight * more;
                        }
                    }
                    (cost(at) + dot(&self.next[at], &before), row)
                }
            };
            (constant, matrix) = (0..n).map(row).unzip();
        }
        fixed_point(matrix, constant)
    }
}

/// All weight at `age`, shared by the two nearest ages.
fn between(ages: &[f64], age: f64) -> Vec<f64> {
    let mut weights = vec![0.0; ages.len() + 1];
    let above = ages.partition_point(|a| *a <= age);
    match above {
        0 => weights[1] = 1.0,
        above if above == ages.len() => weights[above] = 1.0,
        above => {
            let share = (age - ages[above - 1]) / (ages[above] - ages[above - 1]);
            weights[above + 1] = share;
            weights[above] = 1.0 - share;
        }
    }
    weights
}

/// Pauses and exponential gaps, from the start of a gap.
struct Renewal {
    length: f64,
    gap: f64,
}

impl Renewal {
    /// The chances of no pause and of each age, a time `t` after a gap began.
    fn spread(&self, edges: &[f64], t: f64) -> Vec<f64> {
        let begun: Vec<f64> = edges.iter().map(|age| self.begun(t, *age)).collect();
        let mut weights = vec![0.0];
        weights.extend(begun.windows(2).map(|pair| (pair[0] - pair[1]).max(0.0)));
        weights[Chain::GAP] = 1.0 - weights.iter().sum::<f64>();
        weights
    }

    /// Expected pauses begun until `age` before `t`.
    fn begun(&self, t: f64, age: f64) -> f64 {
        let cycle = self.length + self.gap;
        if t > FORGOTTEN * cycle {
            return (t - age) / cycle;
        }
        let (mut sum, mut n) = (0.0, 0u32);
        loop {
            let z = (t - age - f64::from(n) * self.length) / self.gap;
            n += 1;
            let nth = erlang(n, z);
            sum += nth;
            // Below this the sums are rounding.
            if nth < 1e-14 {
                return sum;
            }
        }
    }
}

/// P(n exponential gaps of mean 1 end by z).
fn erlang(n: u32, z: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum) = ((-z).exp(), 0.0);
    for k in 0..n {
        sum += term;
        term *= z / f64::from(k + 1);
    }
    (1.0 - sum).max(0.0)
}

/// x = constant + matrix·x, by elimination with pivots.
fn fixed_point(mut matrix: Vec<Vec<f64>>, mut constant: Vec<f64>) -> Vec<f64> {
    let n = constant.len();
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = f64::from(u8::from(i == j)) - *value;
        }
    }
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| matrix[*a][i].abs().total_cmp(&matrix[*b][i].abs()));
        let pivot = pivot.unwrap_or(i);
        matrix.swap(i, pivot);
        constant.swap(i, pivot);
        let (done, rest) = matrix.split_at_mut(i + 1);
        let row = &done[i];
        for (below, line) in rest.iter_mut().enumerate() {
            let factor = line[i] / row[i];
            if factor != 0.0 {
                for (value, less) in line[i..].iter_mut().zip(&row[i..]) {
                    *value -= factor * less;
                }
                constant[i + 1 + below] -= factor * constant[i];
            }
        }
    }
    for i in (0..n).rev() {
        let known = dot(&matrix[i][i + 1..], &constant[i + 1..]);
        constant[i] = (constant[i] - known) / matrix[i][i];
    }
    constant
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
