//! A pausing router, seen at the starts of its checks.

use super::Pauses;
use crate::core::{CheckSettings, Schedule};
use crate::theory::gaps;
use std::time::Duration;

/// Ages at which a check fails, and at which it is answered late, each of the same width.
const FAILING: usize = 128;
const LATE: usize = 64;
/// After that many cycles of pause and gap nothing is left of where it began.
const FORGOTTEN: f64 = 40.0;

/// State 0 is between two pauses, the others are ages.
pub(super) struct Chain<'a> {
    check: &'a CheckSettings,
    states: Vec<State>,
    ages: Vec<f64>,
    edges: Vec<f64>,
    renewal: Renewal,
}

struct State {
    fails: bool,
    /// Start to answer.
    answer: f64,
    /// Start to end.
    takes: Duration,
}

/// How one check is followed by the next.
pub(super) struct Link {
    /// By the first one's state: from its start to that of the next.
    pub step: Vec<f64>,
    /// `next[a][b]`: how likely a check in `a` is followed by one in `b`.
    next: Vec<Vec<f64>>,
}

/// Counting towards a change of belief.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub wanted: u32,
    /// Whether it is failed checks that count.
    pub failing: bool,
    /// Whether a check of the other kind makes the count 0.
    pub in_a_row: bool,
    /// The gap while nothing is counted,
    pub calm: Duration,
    /// and while something is.
    pub pending: Duration,
}

impl Chain<'_> {
    pub const GAP: usize = 0;

    pub fn new(check: &CheckSettings, pauses: Pauses) -> Chain<'_> {
        let length = pauses.length.as_secs_f64();
        let failing = length - check.timeout.as_secs_f64();
        let mut edges: Vec<f64> = (0..FAILING)
            .map(|i| failing * i as f64 / FAILING as f64)
            .collect();
        edges.extend((0..=LATE).map(|i| failing + (length - failing) * i as f64 / LATE as f64));
        let ages: Vec<f64> = edges.windows(2).map(|age| (age[0] + age[1]) / 2.0).collect();
        let state = |fails, answer: f64| State {
            fails,
            answer,
            takes: if fails {
                check.timeout
            } else {
                Duration::from_secs_f64(answer)
            },
        };
        let mut states = vec![state(false, 0.0)];
        states.extend(ages.iter().map(|age| state(*age < failing, length - age)));
        let gap = pauses.mean_gap().as_secs_f64();
        Chain {
            check,
            states,
            ages,
            edges,
            renewal: Renewal { length, gap },
        }
    }

    /// The next check where the gap was `before` when this one started, and is `after` when it has ended.
    pub fn link(&self, before: Duration, after: Duration) -> Link {
        let step = |state: &State| match self.check.schedule {
            Schedule::End => after + state.takes,
            _ => gaps::next_tick(state.takes, before, after),
        };
        let step: Vec<f64> = self
            .states
            .iter()
            .map(|state| step(state).as_secs_f64())
            .collect();
        let next = step.iter().enumerate().map(|(i, step)| {
            let (age, left) = match i {
                Chain::GAP => (0.0, 0.0),
                i => (self.ages[i - 1], self.renewal.length - self.ages[i - 1]),
            };
            if *step < left {
                between(&self.ages, age + step)
            } else {
                self.renewal.spread(&self.edges, step - left)
            }
        });
        Link {
            next: next.collect(),
            step,
        }
    }

    /// Expected time from a check's start, by its state, until the belief changes; `last` is what the last check takes,
    /// from its answer.
    pub fn run(&self, course: Course, last: impl Fn(f64) -> f64) -> Vec<f64> {
        self.solve(
            course,
            |link, at| link.step[at],
            |at| last(self.states[at].answer),
        )
    }

    /// Expected `value` of the state of the last check.
    pub fn absorbed(&self, course: Course, value: impl Fn(usize) -> f64) -> Vec<f64> {
        self.solve(course, |_, _| 0.0, value)
    }

    /// With k counted, E_k = cost + next·E_(k+1) where the check is of the wanted kind, and where not cost + next·E_0, or
    /// with counts that stay cost + next·E_k. In a row each E_k is linear in E_0, and E_0 in itself.
    fn solve(
        &self,
        course: Course,
        cost: impl Fn(&Link, usize) -> f64,
        last: impl Fn(usize) -> f64,
    ) -> Vec<f64> {
        let Course { calm, pending, .. } = course;
        let n = self.states.len();
        let on = self.link(pending, pending);
        let begun = self.link(calm, pending);
        let back = self.link(pending, calm);
        let quiet = self.link(calm, calm);
        let (mut constant, mut matrix): (Vec<f64>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        for counted in (0..course.wanted).rev() {
            let (before, weights) = (constant, matrix);
            let (counts, other) = match (counted, course.in_a_row) {
                (0, _) => (&begun, &quiet),
                (_, true) => (&on, &back),
                (_, false) => (&on, &on),
            };
            let is_last = counted + 1 == course.wanted;
            let row = |at: usize| match self.states[at].fails == course.failing {
                false => (cost(other, at), other.next[at].clone()),
                true if is_last => (last(at), vec![0.0; n]),
                true => {
                    let mut row = vec![0.0; n];
                    for (weight, of) in counts.next[at].iter().zip(&weights) {
                        for (sum, more) in row.iter_mut().zip(of) {
                            *sum += weight * more;
                        }
                    }
                    (cost(counts, at) + dot(&counts.next[at], &before), row)
                }
            };
            (constant, matrix) = (0..n).map(row).unzip();
            if !course.in_a_row {
                // Known by itself, it is not linear in anything any more.
                constant = fixed_point(matrix, constant);
                matrix = vec![vec![0.0; n]; n];
            }
        }
        if course.in_a_row {
            fixed_point(matrix, constant)
        } else {
            constant
        }
    }
}

impl Link {
    /// Expected `value` of the next check's state.
    pub fn following(&self, value: &[f64]) -> Vec<f64> {
        self.next.iter().map(|row| dot(row, value)).collect()
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
