//! PURE: truth over belief, the gap between them hatched, checks as ticks, and what clients lost, on one axis.

use super::axis;
use super::label::{self, Wish};
use super::scale::{self, Scale};
use super::svg::{Hold, Path, Sheet};
use super::{Draw, Lane, Mark, Timeline};

mod lost;

const RIGHT: f64 = 14.0;
/// A state bar of the lane that matters, and of another.
const TALL: f64 = 17.0;
const LOW: f64 = 5.0;
/// Lanes in which nothing happened that are still drawn one by one.
const QUIET: usize = 7;

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
        for lane in loud {
            y = tall(sheet, lane, &x, y);
        }
        for lane in quiet.iter().take(QUIET) {
            y = low(sheet, lane, &x, y);
        }
        if quiet.len() > QUIET {
            let others = format!("and {} more, up and believed up throughout", quiet.len() - QUIET);
            sheet.text("note", Hold::Start, (gutter, y + 10.0), &others);
            y += 18.0;
        }
        y = lost::draw(sheet, &self.lost, &x, y + 4.0);
        axis::bottom(sheet, &x, y, "s from the fault");
        for (text, at, placed) in &marks {
            let base = top - 8.0 - 16.0 * placed.row as f64;
            sheet.line("mark", (*at, base - 11.0), (*at, y));
            sheet.text("label halo", Hold::Start, (placed.left + 4.0, base), text);
        }
        sheet.height = y + axis::BOTTOM;
    }
}

impl Timeline {
    /// Room for the names at the left.
    fn gutter(&self, width: f64) -> f64 {
        let names = self
            .lanes
            .iter()
            .filter(|lane| is_quiet(lane))
            .map(|lane| label::width(&lane.router));
        names.fold(46.0, f64::max).min(width * 0.2) + 8.0
    }
}

/// The text of each mark within the axis, where its line is, and where the text goes.
fn shown_marks(marks: &[Mark], x: &Scale) -> Vec<(String, f64, label::Placed)> {
    let marks: Vec<(String, f64)> = marks
        .iter()
        .filter(|mark| x.covers(mark.at))
        .map(|mark| match mark.at.abs() < 0.0005 {
            true => (mark.name.clone(), x.at(mark.at)),
            false => (
                format!("{} {} s", mark.name, scale::fixed(mark.at, digits(x))),
                x.at(mark.at),
            ),
        })
        .map(|(text, at)| (label::shortened(&text, 220.0), at))
        .collect();
    let wishes: Vec<Wish> = marks
        .iter()
        .map(|(text, at)| Wish {
            at: *at,
            width: label::width(text) + 4.0,
        })
        .collect();
    let placed = label::place(&wishes, (x.range().0, x.range().1 + RIGHT));
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

/// Up, and believed to be, from its first moment to its last.
fn is_quiet(lane: &Lane) -> bool {
    let up = |changes: &[(f64, String)]| changes.iter().all(|(_, word)| word == "up");
    lane.gaps.is_empty() && up(&lane.truth) && up(&lane.belief)
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
    states(sheet, &lane.truth, x, y, TALL, true);
    sheet.text("name", Hold::End, (start - 8.0, y + 13.0), "truth");
    y += TALL + 2.0;
    y = gaps(sheet, lane, x, y);
    states(sheet, &lane.belief, x, y, TALL, true);
    sheet.text("name", Hold::End, (start - 8.0, y + 13.0), "belief");
    y += TALL + 4.0;
    if !lane.checks.is_empty() {
        checks(sheet, &lane.checks, x, y, 9.0);
        sheet.text("name", Hold::End, (start - 8.0, y + 9.0), "checks");
        y += 13.0;
    }
    y + 10.0
}

/// One in which nothing did.
fn low(sheet: &mut Sheet, lane: &Lane, x: &Scale, y: f64) -> f64 {
    let name = label::shortened(&lane.router, x.range().0 - 8.0);
    sheet.text("name", Hold::End, (x.range().0 - 8.0, y + 10.0), &name);
    states(sheet, &lane.truth, x, y, LOW, false);
    states(sheet, &lane.belief, x, y + LOW + 1.0, LOW, false);
    checks(sheet, &lane.checks, x, y + 2.0 * LOW + 3.0, 4.0);
    y + 2.0 * LOW + 13.0
}

/// From then to then, what it was; only what is within the axis.
fn spells<'a>(changes: &'a [(f64, String)], x: &Scale) -> Vec<(f64, f64, &'a str)> {
    let mut changes: Vec<(f64, &str)> = changes
        .iter()
        .filter(|(at, _)| at.is_finite())
        .map(|(at, word)| (*at, word.as_str()))
        .collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    changes.dedup_by(|later, earlier| later.1 == earlier.1);
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([f64::INFINITY]);
    let spells = changes
        .iter()
        .zip(ends)
        .map(|((from, word), to)| (from.max(x.from), to.min(x.to), *word));
    spells.filter(|(from, to, _)| from < to).collect()
}

fn states(sheet: &mut Sheet, changes: &[(f64, String)], x: &Scale, y: f64, height: f64, named: bool) {
    let spells = spells(changes, x);
    // Far more changes than there are pixels: the short ones cannot be seen.
    let least = if spells.len() > 1000 { 0.5 } else { 0.0 };
    for (from, to, word) in spells {
        let (left, width) = (x.at(from), x.at(to) - x.at(from));
        if width < least {
            continue;
        }
        let look = look(word);
        sheet.rect(&format!("state {look}"), (left, y), (width.max(0.5), height));
        let word = word.replace('_', " ");
        if named && label::width(&word) + 8.0 <= width {
            sheet.text(&format!("on-{look}"), Hold::Start, (left + 4.0, y + 13.0), &word);
        }
    }
}

/// Not more looks than can be told apart: serving, neither, not serving.
fn look(word: &str) -> &'static str {
    match word {
        "up" => "up",
        "dead" | "hung" | "down" | "ejected" | "unreachable" => "off",
        _ => "between",
    }
}

/// The gaps in a strip between truth and belief, each with its label in or beside it; returns where belief begins.
fn gaps(sheet: &mut Sheet, lane: &Lane, x: &Scale, y: f64) -> f64 {
    let gaps: Vec<(f64, f64, &str)> = lane
        .gaps
        .iter()
        .map(|(from, to, text)| (x.within(*from), x.within(*to), text.as_str()))
        .filter(|(from, to, _)| to > from)
        .collect();
    if gaps.is_empty() {
        return y;
    }
    let wishes: Vec<Wish> = gaps
        .iter()
        .map(|(from, to, text)| {
            let width = label::bold_width(text) + 8.0;
            let inside = (from + to - width) / 2.0;
            Wish {
                at: if inside >= *from { inside } else { *from },
                width,
            }
        })
        .collect();
    let placed = label::place(&wishes, x.range());
    let height = 16.0 * label::rows(&placed) as f64 + 2.0;
    for (from, to, _) in &gaps {
        sheet.hatched("gap", (*from, y), (to - from, height));
    }
    for ((_, _, text), placed) in gaps.iter().zip(&placed) {
        let base = y + 13.0 + 16.0 * placed.row as f64;
        sheet.text("loud halo", Hold::Start, (placed.left + 4.0, base), text);
    }
    y + height + 2.0
}

/// Told apart by shape: passed a short line, failed a cross, timed out a bar from its start to its end.
fn checks(sheet: &mut Sheet, checks: &[(f64, f64, String)], x: &Scale, y: f64, height: f64) {
    let (mut passed, mut failed) = (Path::default(), Path::default());
    let (mut last_passed, mut last_failed) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut last_bar = f64::NEG_INFINITY;
    let mut checks: Vec<&(f64, f64, String)> = checks.iter().collect();
    checks.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (start, end, result) in checks {
        match result.as_str() {
            "timeout" => {
                let (left, right) = (x.within(*start), x.within(*end));
                if x.covers(*end) && right >= last_bar + 0.5 {
                    last_bar = right;
                    let thick = height / 2.0;
                    sheet.rect(
                        "check-timeout",
                        (left, y + thick / 2.0),
                        ((right - left).max(1.5), thick),
                    );
                    sheet.line("check-failed", (right, y), (right, y + height));
                }
            }
            "ok" if x.covers(*end) && x.at(*end) >= last_passed + 0.5 => {
                last_passed = x.at(*end);
                passed.mark((last_passed, y), &format!("v{height}"));
            }
            "ok" => {}
            _ if x.covers(*end) && x.at(*end) >= last_failed + 0.5 => {
                last_failed = x.at(*end);
                let arm = height.min(8.0);
                let corner = (last_failed - arm / 2.0, y + (height - arm) / 2.0);
                failed.mark(corner, &format!("l{arm} {arm}m-{arm} 0l{arm}-{arm}"));
            }
            _ => {}
        }
    }
    sheet.path("check-passed", &passed);
    sheet.path("check-failed", &failed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(changes: &[(f64, &str)]) -> Vec<(f64, String)> {
        changes
            .iter()
            .map(|(at, word)| (*at, (*word).to_owned()))
            .collect()
    }

    #[test]
    fn spells_end_where_the_next_begins_and_stay_within_the_axis() {
        let x = Scale::new((-1.0, 4.0), (0.0, 100.0));
        let changes = changes(&[
            (3.0, "up"),
            (-5.0, "up"),
            (0.0, "dead"),
            (f64::NAN, "up"),
            (9.0, "dead"),
        ]);
        assert_eq!(
            spells(&changes, &x),
            [(-1.0, 0.0, "up"), (0.0, 3.0, "dead"), (3.0, 4.0, "up")]
        );
    }

    #[test]
    fn nothing_is_drawn_before_the_first_word_about_it() {
        let x = Scale::new((-1.0, 4.0), (0.0, 100.0));
        assert_eq!(spells(&changes(&[(2.0, "up")]), &x), [(2.0, 4.0, "up")]);
    }

    #[test]
    fn checks_differ_by_shape() {
        let x = Scale::new((0.0, 10.0), (0.0, 100.0));
        let mut sheet = Sheet::new("f", 100.0);
        let told = [(1.0, 1.1, "ok"), (2.0, 2.1, "refused"), (3.0, 5.0, "timeout")];
        let told: Vec<_> = told
            .iter()
            .map(|(from, to, word)| (*from, *to, (*word).to_owned()))
            .collect();
        checks(&mut sheet, &told, &x, 0.0, 8.0);
        let svg = sheet.finish("", "");
        assert!(svg.contains("class=\"check-passed\" d=\"M11 0v8\""), "{svg}");
        assert!(svg.contains("d=\"M17 0l8 8m-8 0l8-8\""), "{svg}");
        assert!(
            svg.contains("class=\"check-timeout\" x=\"30\" y=\"2\" width=\"20\" height=\"4\""),
            "{svg}"
        );
    }

    #[test]
    fn quiet_lanes_beyond_a_few_are_told_in_one_line() {
        let lane = |n| Lane {
            router: format!("router-{n}"),
            truth: changes(&[(-1.0, "up")]),
            ..Lane::default()
        };
        let timeline = Timeline {
            from: -1.0,
            to: 5.0,
            lanes: (0..50).map(lane).collect(),
            ..Timeline::default()
        };
        let mut sheet = Sheet::new("f", 680.0);
        timeline.draw(&mut sheet);
        let height = sheet.height;
        let svg = sheet.finish("", "");
        assert!(
            svg.contains("and 43 more, up and believed up throughout"),
            "{svg}"
        );
        assert!(height < 400.0, "{height}");
    }
}
