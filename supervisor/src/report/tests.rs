//! What all formats promise of any report.

mod sample;

use super::{csv, html, json, markdown};
use sample::report;

#[test]
fn markdown_has_the_numbers() {
    insta::assert_snapshot!(markdown::render(&report()));
}

#[test]
fn json_has_the_numbers() {
    insta::assert_snapshot!(json::render(&sample::small()));
}

#[test]
fn csv_is_the_trials() {
    insta::assert_snapshot!(csv::render(&report()).expect("the sample has trials"));
}

/// To look at: `REPORT_OUT=/tmp/x.html cargo test -p supervisor --lib a_page_for_the_eyes`.
#[test]
fn a_page_for_the_eyes() {
    let page = html::render(&report());
    if let Some(path) = std::env::var_os("REPORT_OUT") {
        std::fs::write(path, &page).expect("REPORT_OUT can be written");
    }
    assert!(page.len() < 400_000, "{} bytes", page.len());
}
