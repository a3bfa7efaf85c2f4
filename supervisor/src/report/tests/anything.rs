//! Whatever a report says, no format breaks and nothing of it becomes markup.

use super::wellformed;
use crate::report::figure::*;
use crate::report::model::*;
use crate::report::{csv, html, json, markdown};
use proptest::prelude::*;

/// Elements that the template and the figures write.
const OURS: [&str; 37] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "header",
    "h1",
    "h2",
    "p",
    "ul",
    "li",
    "span",
    "strong",
    "section",
    "ol",
    "nav",
    "a",
    "code",
    "pre",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "figure",
    "figcaption",
    "svg",
    "defs",
    "pattern",
    "rect",
    "path",
    "text",
    "desc",
];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\\PC{0,12}",
        1 => any::<String>().prop_map(|text| text.chars().take(20).collect()),
        4 => prop::sample::select(vec![
            "<script>alert(1)</script>", "</style><script>", "\"><img src=x onerror=alert(1)>", "' onload='x", "]]>", "<!--",
            "`<b>`", "``", "a|b\n|c", "{{ 7 }}", "&amp;<", "=cmd|' /C calc'!A0", "\u{0}\u{b}\u{fffe}", "timeout", "ok", "up",
            "dead", "reset", "[x](javascript:alert(1))", "", "\u{202e}router",
        ]).prop_map(str::to_owned),
    ]
}

/// Now and then what no clock says.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -10.0..100.0f64,
        1 => prop::num::f64::ANY,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE]),
    ]
}

fn some<T>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>>
where
    T: std::fmt::Debug,
{
    prop::collection::vec(of, 0..5)
}

fn lane() -> impl Strategy<Value = Lane> {
    let states = || some((number(), words()));
    let spans = || some((number(), number(), words()));
    (words(), states(), states(), spans(), spans()).prop_map(|(router, truth, belief, checks, gaps)| Lane {
        router,
        truth,
        belief,
        checks,
        gaps,
    })
}

fn picture() -> impl Strategy<Value = Picture> {
    let mark = (number(), words()).prop_map(|(at, name)| Mark { at, name });
    let timeline = (
        number(),
        number(),
        some(lane()),
        some((number(), words(), any::<u64>().prop_map(|n| n >> 20))),
        some(mark),
    )
        .prop_map(|(from, to, lanes, lost, marks)| Timeline {
            from,
            to,
            lanes,
            lost,
            marks,
        });
    let series = (words(), some(number())).prop_map(|(name, values)| Series {
        name,
        never: values.len() / 3,
        values,
    });
    let bounds = prop::option::of((number(), prop::option::of(number()), prop::option::of(number())));
    let ecdf = (words(), some(series), bounds, prop::option::of(number())).prop_map(
        |(x_label, series, bounds, band)| Ecdf {
            x_label,
            series,
            bounds,
            band,
        },
    );
    let points = (words(), some((number(), number()))).prop_map(|(name, points)| Points { name, points });
    let dots = (
        words(),
        words(),
        some(points),
        prop::option::of((number(), number(), words())),
    )
        .prop_map(|(x_label, y_label, series, line)| Dots {
            x_label,
            y_label,
            series,
            line,
        });
    let bars = (words(), some((words(), some((words(), number())))))
        .prop_map(|(x_label, bars)| Bars { x_label, bars });
    let values = some(some(prop::option::of(number())));
    let marked = prop::option::of((0..5usize, 0..5usize));
    let map = (
        (words(), words(), words()),
        some(words()),
        some(words()),
        values,
        any::<u8>(),
        (marked, any::<bool>()),
    )
        .prop_map(
            |((x_label, y_label, unit), columns, rows, values, digits, (marked, more_is_better))| HeatMap {
                x_label,
                y_label,
                columns,
                rows,
                values,
                unit,
                digits,
                marked,
                more_is_better,
            },
        );
    prop_oneof![
        timeline.prop_map(Picture::Timeline),
        ecdf.prop_map(Picture::Ecdf),
        dots.prop_map(Picture::Dots),
        bars.prop_map(Picture::Bars),
        map.prop_map(Picture::HeatMap),
    ]
}

fn figure() -> impl Strategy<Value = Figure> {
    (words(), words(), words(), picture()).prop_map(|(id, caption, alt, picture)| Figure {
        id,
        caption,
        alt,
        picture,
    })
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        words().prop_map(Cell::Words),
        any::<u64>().prop_map(Cell::Count),
        (number(), 0..6u8).prop_map(|(value, digits)| Cell::Number { value, digits }),
        words().prop_map(|missing| Cell::Missing { missing }),
    ]
}

fn table() -> impl Strategy<Value = Table> {
    let column = || (words(), words(), words()).prop_map(|(key, name, unit)| Column::new(&key, &name, &unit));
    (1..5usize).prop_flat_map(move |wide| {
        let rows = some(prop::collection::vec(cell(), wide));
        let columns = prop::collection::vec(column(), wide);
        (words(), columns, rows, prop::option::of(0..5usize)).prop_map(|(caption, columns, rows, marked)| {
            Table {
                caption,
                columns,
                rows,
                marked,
            }
        })
    })
}

fn report() -> impl Strategy<Value = Report> {
    let block = prop_oneof![
        words().prop_map(|text| Block::Text { text }),
        words().prop_map(|text| Block::Command { text }),
        table().prop_map(Block::Table),
        figure().prop_map(Block::Figure),
    ];
    let sections = some((words(), prop::collection::vec(block, 0..4)));
    (
        (words(), words(), words()),
        some(words()),
        some(words()),
        table(),
        sections,
    )
        .prop_map(
            |((title, subtitle, sentence), advice, warnings, trials, sections)| {
                let mut sections: Vec<Section> = sections
                    .into_iter()
                    .map(|(title, blocks)| Section {
                        id: "some",
                        title,
                        blocks,
                    })
                    .collect();
                sections.push(Section {
                    id: "trials",
                    title: "Trials".into(),
                    blocks: vec![Block::Table(trials)],
                });
                let verdict = Verdict { sentence, advice };
                Report {
                    schema: SCHEMA,
                    kind: Kind::Run,
                    title,
                    subtitle,
                    complete: true,
                    verdict,
                    warnings,
                    sections,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_figure_is_well_formed_and_all_its_places_are_numbers(figure in figure(), width in 200.0..900.0f64) {
        let svg = figure.svg("f1", width);
        wellformed::check(&svg).map_err(|why| TestCaseError::fail(format!("{why}\n{svg}")))?;
        prop_assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        for tag in svg.split('<').filter_map(|tag| tag.split('>').next()) {
            prop_assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
        }
    }

    #[test]
    fn a_page_is_well_formed_and_has_only_our_elements(report in report()) {
        let page = html::render(&report);
        wellformed::check(&page).map_err(|why| TestCaseError::fail(format!("{why}\n{page}")))?;
        for element in wellformed::elements(&page) {
            prop_assert!(OURS.contains(&element), "{element}");
        }
        prop_assert!(!page.contains("http:") || page.matches("http:").count() == page.matches("\"http://www.w3.org/2000/svg\"").count());
    }

    #[test]
    fn markdown_has_no_html(report in report()) {
        let page = markdown::render(&report);
        let mut fence: Option<String> = None;
        for line in page.lines() {
            match &fence {
                Some(open) if line == open => fence = None,
                Some(_) => {}
                None if line.starts_with("```") => fence = Some(line.trim_end_matches("sh").to_owned()),
                None => {
                    let outside: String = line.split('`').step_by(2).collect();
                    prop_assert!(!outside.contains('<'), "{line}");
                }
            }
        }
        prop_assert!(fence.is_none(), "a fence is open");
    }

    #[test]
    fn json_is_json_and_says_its_schema(report in report()) {
        let document: serde_json::Value = serde_json::from_str(&json::render(&report)).expect("json");
        prop_assert_eq!(&document["schema"], "resetlab.report.v1");
    }

    #[test]
    fn csv_has_as_many_fields_in_each_line(report in report()) {
        let told = csv::render(&report).expect("trials");
        let table = report.main_table().expect("trials");
        let read = fields(&told);
        prop_assert_eq!(read.len(), table.rows.len() + 1);
        for line in read {
            prop_assert_eq!(line.len(), table.columns.len());
            for field in line {
                let number = field.parse::<f64>().is_ok();
                prop_assert!(number || !field.starts_with(['=', '+', '-', '@']), "{}", field);
            }
        }
    }
}

/// A reader of RFC 4180.
fn fields(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, quoted) {
            ('"', true) if rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => line.push(std::mem::take(&mut field)),
            ('\r', false) if rest.peek() == Some(&'\n') => {
                rest.next();
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            (c, _) => field.push(c),
        }
    }
    lines
}
