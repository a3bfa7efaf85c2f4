//! PURE: health checks as ticks.

use super::super::scale::Scale;
use super::super::svg::{Path, Sheet};

/// Two of a kind nearer than this are one.
const SEEN: f64 = 1.0;

/// Told apart by shape: passed a short line, failed a cross, timed out a bar from its start to its end.
pub(super) fn draw(sheet: &mut Sheet, checks: &[(f64, f64, String)], x: &Scale, y: f64, height: f64) {
    let (mut passed, mut failed, mut bars) = (Path::default(), Path::default(), Path::default());
    let (mut last_passed, mut last_failed) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut last_bar = f64::NEG_INFINITY;
    let mut checks: Vec<&(f64, f64, String)> = checks.iter().collect();
    checks.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (start, end, result) in checks {
        match result.as_str() {
            "timeout" => {
                let (left, right) = (x.within(*start), x.within(*end));
                // One that ends beyond the picture is seen to have begun.
                if (x.covers(*start) || x.covers(*end)) && right >= last_bar + SEEN {
                    last_bar = right;
                    let (thick, wide) = (height / 2.0, (right - left).max(1.5));
                    let back = -wide;
                    bars.mark((left, y + thick / 2.0), &format!("h{wide:.1}v{thick}h{back:.1}z"));
                    if x.covers(*end) {
                        failed.mark((right, y), &format!("v{height}"));
                    }
                }
            }
            "ok" if x.covers(*end) && x.at(*end) >= last_passed + SEEN => {
                last_passed = x.at(*end);
                passed.mark((last_passed, y), &format!("v{height}"));
            }
            "ok" => {}
            _ if x.covers(*end) && x.at(*end) >= last_failed + SEEN => {
                last_failed = x.at(*end);
                let arm = height.min(8.0);
                let corner = (last_failed - arm / 2.0, y + (height - arm) / 2.0);
                failed.mark(corner, &format!("l{arm} {arm}m-{arm} 0l{arm}-{arm}"));
            }
            _ => {}
        }
    }
    sheet.path("check-timeout", &bars);
    sheet.path("check-passed", &passed);
    sheet.path("check-failed", &failed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_differ_by_shape() {
        let x = Scale::new((0.0, 10.0), (0.0, 100.0));
        let mut sheet = Sheet::new("f", 100.0);
        let told = [(1.0, 1.1, "ok"), (2.0, 2.1, "refused"), (3.0, 5.0, "timeout")];
        let told: Vec<_> = told
            .iter()
            .map(|(from, to, word)| (*from, *to, (*word).to_owned()))
            .collect();
        draw(&mut sheet, &told, &x, 0.0, 8.0);
        let svg = sheet.finish("", "");
        assert!(svg.contains("class=\"check-passed\" d=\"M11 0v8\""), "{svg}");
        assert!(svg.contains("d=\"M17 0l8 8m-8 0l8-8M50 0v8\""), "{svg}");
        assert!(
            svg.contains("class=\"check-timeout\" d=\"M30 2h20.0v4h-20.0z\""),
            "{svg}"
        );
    }
}
