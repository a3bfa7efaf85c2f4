//! PURE: truth over belief, the gap between them hatched, checks as ticks, and what clients lost, on one axis.

use super::axis;
use super::label::{self, Wish};
use super::scale::{self, Scale};
use super::svg::{Hold, Sheet};
use super::{ABSENT, Draw, Lane, Mark, Timeline, UNKNOWN};

mod checks;
mod gaps;
mod lost;
mod states;

const RIGHT: f64 = 14.0;
/// A state bar of the lane that matters, and of another.
const TALL: f64 = 17.0;
const LOW: f64 = 5.0;
/// Lanes in which something happened that are drawn in full, and all that are drawn: a figure must fit on a page.
const IN_FULL: usize = 4;
const LANES: usize = 12;
/// Names of marks beyond these would only push each other out of the figure.
const MARKS: usize = 12;

impl Draw for Timeline {
    fn draw(&self, sheet: &mut Sheet) {
        if self.lanes.is_empty() && self.lost.is_empty() {
            return axis::nothing(sheet, "nothing was recorded");
        }
        let gutter = self.gutter(sheet.width);
        let x = Scale::new((self.from, self.to), (gutter, sheet.width - RIGHT));
        let marks = shown_marks(&self.marks, &x);
        let top = 16.0 * label::rows(&marks.iter().map(|mark| mark.2).collect::<Vec<_>>()) as f64 + 4.0;
        let mut y = top;
        let (loud, quiet): (Vec<&Lane>, Vec<&Lane>) = self.lanes.iter().partition(|lane| !is_quiet(lane));
        let in_full = loud.len().min(IN_FULL);
        for lane in &loud[..in_full] {
            y = tall(sheet, lane, &x, y);
        }
        for lane in loud[in_full..].iter().chain(&quiet).take(LANES - in_full) {
            y = low(sheet, lane, &x, y);
        }
        let others = self.lanes.len().saturating_sub(LANES);
        if others > 0 {
            let what = if loud.len() <= LANES {
                ", up and believed up throughout"
            } else {
                ""
            };
            sheet.text(
                "note",
                Hold::Start,
                (gutter, y + 10.0),
                &format!("and {others} more{what}"),
            );
            y += 18.0;
        }
        y = lost::draw(sheet, &self.lost, &x, y + 4.0);
        axis::bottom(sheet, &x, y, "s from the fault");
        for (text, at, placed) in &marks {
            let base = top - 8.0 - 16.0 * placed.row as f64;
            sheet.line("mark", (*at, base - 11.0), (*at, y));
            placed.write(sheet, "label halo", base, text);
        }
        sheet.height = y + axis::BOTTOM;
    }
}

impl Timeline {
    /// Room for the names at the left; those of lanes in full stand above them.
    fn gutter(&self, width: f64) -> f64 {
        let crowded = self.lanes.iter().filter(|lane| !is_quiet(lane)).count() > IN_FULL;
        let beside = self.lanes.iter().filter(|lane| crowded || is_quiet(lane));
        let names = beside.map(|lane| label::width(&lane.router));
        names.fold(46.0, f64::max).min(width * 0.2) + 8.0
    }
}

/// The text of each mark within the axis, where its line is, and where the text goes.
fn shown_marks(marks: &[Mark], x: &Scale) -> Vec<(String, f64, label::Placed)> {
    let marks: Vec<(String, f64)> = marks
        .iter()
        .filter(|mark| x.covers(mark.at))
        .take(MARKS)
        .map(|mark| match mark.at.abs() < 0.0005 {
            true => (mark.name.clone(), x.at(mark.at)),
            false => (
                format!("{} {} s", mark.name, scale::fixed(mark.at, digits(x))),
                x.at(mark.at),
            ),
        })
        .map(|(text, at)| (label::shortened(&text, 220.0), at))
        .collect();
    let room = (x.range().0, x.range().1 + RIGHT);
    let wishes = marks
        .iter()
        .map(|(text, at)| Wish::beside(*at, label::width(text), room));
    let placed = label::place(&wishes.collect::<Vec<_>>(), room);
    marks
        .into_iter()
        .zip(placed)
        .map(|((text, at), placed)| (text, at, placed))
        .collect()
}

/// Milliseconds where the whole figure is a few seconds.
fn digits(x: &Scale) -> usize {
    if x.to - x.from < 2.0 { 3 } else { 2 }
}

/// Up, and believed to be, from its first moment to its last. That it was still coming in before the fault is no part of
/// what the fault did.
fn is_quiet(lane: &Lane) -> bool {
    let up = |changes: &[(f64, String)], coming: &[&str]| {
        let came = changes
            .iter()
            .take_while(|(at, word)| *at < 0.0 && coming.contains(&word.as_str()))
            .count();
        let in_by_then = came == 0 || changes.get(came).is_some_and(|(at, _)| *at <= 0.0);
        in_by_then && changes[came..].iter().all(|(_, word)| word == "up")
    };
    lane.gaps.is_empty()
        && up(&lane.truth, &[ABSENT, UNKNOWN, "starting"])
        && up(&lane.belief, &["", "going_up"])
}

/// A lane in which something happened.
fn tall(sheet: &mut Sheet, lane: &Lane, x: &Scale, top: f64) -> f64 {
    let (start, end) = x.range();
    sheet.text(
        "strong halo",
        Hold::Start,
        (0.0, top + 11.0),
        &label::shortened(&lane.router, end * 0.85),
    );
    let mut y = top + 16.0;
    states::draw(sheet, &lane.truth, x, y, TALL, true);
    sheet.text("name", Hold::End, (start - 8.0, y + 13.0), "truth");
    y += TALL + 2.0;
    y = gaps::draw(sheet, lane, x, y);
    states::draw(sheet, &lane.belief, x, y, TALL, true);
    sheet.text("name", Hold::End, (start - 8.0, y + 13.0), "belief");
    y += TALL + 4.0;
    if !lane.checks.is_empty() {
        checks::draw(sheet, &lane.checks, x, y, 9.0);
        sheet.text("name", Hold::End, (start - 8.0, y + 9.0), "checks");
        y += 13.0;
    }
    y + 10.0
}

/// One in which nothing did, or one of too many.
fn low(sheet: &mut Sheet, lane: &Lane, x: &Scale, y: f64) -> f64 {
    let name = label::shortened(&lane.router, x.range().0 - 8.0);
    sheet.text("name", Hold::End, (x.range().0 - 8.0, y + 10.0), &name);
    states::draw(sheet, &lane.truth, x, y, LOW, false);
    states::draw(sheet, &lane.belief, x, y + LOW + 1.0, LOW, false);
    gaps::draw_low(sheet, lane, x, y + LOW + 1.0, LOW);
    checks::draw(sheet, &lane.checks, x, y + 2.0 * LOW + 3.0, 4.0);
    y + 2.0 * LOW + 13.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(n: u32, truth: &[(f64, &str)]) -> Lane {
        let truth = truth.iter().map(|(at, word)| (*at, (*word).to_owned())).collect();
        Lane {
            router: format!("router-{n}"),
            truth,
            ..Lane::default()
        }
    }

    fn drawn(lanes: Vec<Lane>) -> (String, f64) {
        let timeline = Timeline {
            from: -1.0,
            to: 5.0,
            lanes,
            ..Timeline::default()
        };
        let mut sheet = Sheet::new("f", 680.0);
        timeline.draw(&mut sheet);
        let height = sheet.height;
        (sheet.finish("", ""), height)
    }

    #[test]
    fn quiet_lanes_beyond_a_few_are_told_in_one_line() {
        let (svg, height) = drawn((0..50).map(|n| lane(n, &[(-1.0, "up")])).collect());
        assert!(
            svg.contains("and 38 more, up and believed up throughout"),
            "{svg}"
        );
        assert!(height < 500.0, "{height}");
    }

    #[test]
    fn lanes_in_which_something_happened_are_never_called_quiet() {
        let (svg, height) = drawn((0..50).map(|n| lane(n, &[(-1.0, "up"), (0.0, "dead")])).collect());
        assert!(svg.contains("and 38 more<"), "{svg}");
        assert_eq!(svg.matches(">truth<").count(), IN_FULL);
        assert!(height < 800.0, "{height}");
    }

    #[test]
    fn a_neighbour_that_came_in_before_the_fault_is_quiet() {
        let believed = |changes: &[(f64, &str)]| {
            let belief = changes.iter().map(|(at, word)| (*at, (*word).to_owned()));
            Lane {
                belief: belief.collect(),
                ..lane(1, &[(-1.0, "up")])
            }
        };
        assert!(is_quiet(&believed(&[(-1.0, "going_up"), (-0.4, "up")])));
        assert!(
            !is_quiet(&believed(&[(-1.0, "going_up"), (0.4, "up")])),
            "it came in after it"
        );
        assert!(is_quiet(&lane(
            1,
            &[(-1.0, ABSENT), (-0.6, "starting"), (-0.5, "up")]
        )));
        assert!(!is_quiet(&lane(1, &[(-1.0, "starting"), (0.1, "up")])));
        assert!(!is_quiet(&believed(&[
            (-1.0, "up"),
            (-0.4, "going_up"),
            (-0.2, "up")
        ])));
    }

    #[test]
    fn a_day_of_a_nervous_balancer_stays_small() {
        let mut lane = lane(1, &[]);
        for n in 0..100_000u32 {
            let at = f64::from(n);
            lane.truth
                .push((at, if n % 2 == 0 { "up" } else { "dead" }.to_owned()));
            lane.belief
                .push((at + 0.3, if n % 2 == 0 { "up" } else { "down" }.to_owned()));
            lane.checks.push((
                at,
                at + 0.5,
                ["ok", "timeout", "refused"][n as usize % 3].to_owned(),
            ));
            lane.gaps.push((at, at + 0.3, "0.3 s".to_owned()));
        }
        let lost = (0..100_000u32)
            .map(|n| (f64::from(n), ["reset", "eof"][n as usize % 2].to_owned(), 1))
            .collect();
        let timeline = Timeline {
            from: 0.0,
            to: 1e5,
            lanes: vec![lane],
            lost,
            marks: vec![],
        };
        let mut sheet = Sheet::new("f", 680.0);
        timeline.draw(&mut sheet);
        let svg = sheet.finish("", "");
        assert!(svg.len() < 200_000, "{}", svg.len());
        assert!(svg.contains("reset 50,000"), "the count is kept");
    }
}
