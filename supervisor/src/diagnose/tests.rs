//! What holds for every log, whatever happened to it on its way.

use super::{Crash, Verdict, reader, scanner::Scanner};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use router::record::CrashVariant::{
    self, MapIterationAndWrite, MapWritesInErrorHandler, MapWritesInHook, NilPointerInHook,
};
use std::io::Read;

/// The real gorouter's stderr (gzip), and the article's trace.
const LOGS: [(&[u8], Verdict, CrashVariant); 5] = [
    (
        include_bytes!("../../../tests/data/gorouter-crash/article.stderr.log"),
        Verdict::Match,
        MapWritesInErrorHandler,
    ),
    (
        include_bytes!("../../../tests/data/gorouter-crash/map-writes-in-error-handler.stderr.log.gz"),
        Verdict::Match,
        MapWritesInErrorHandler,
    ),
    (
        include_bytes!("../../../tests/data/gorouter-crash/map-writes-in-1xx-hook.stderr.log.gz"),
        Verdict::Variant,
        MapWritesInHook,
    ),
    (
        include_bytes!("../../../tests/data/gorouter-crash/map-iteration-and-write.stderr.log.gz"),
        Verdict::Variant,
        MapIterationAndWrite,
    ),
    (
        include_bytes!("../../../tests/data/gorouter-crash/nil-pointer-in-1xx-hook.stderr.log.gz"),
        Verdict::Variant,
        NilPointerInHook,
    ),
];

fn plain(log: &[u8]) -> String {
    let mut text = String::new();
    match log.starts_with(&[0x1f, 0x8b]) {
        true => GzDecoder::new(log)
            .read_to_string(&mut text)
            .map(|_| text)
            .unwrap(),
        false => String::from_utf8(log.to_vec()).unwrap(),
    }
}

/// Gives so many bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(into.len()).min(self.0.len());
        let (now, later) = self.0.split_at(length);
        into[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

fn crashes(log: &[u8], drop: usize) -> Vec<Crash> {
    let mut scanner = Scanner::new();
    let mut found = Vec::new();
    // An error leaves what was read before it.
    let _ = reader::pour(Drops(log, drop), &mut scanner, &mut |crash| found.push(crash));
    scanner.finish();
    found.extend(scanner.found());
    found
}

fn verdicts(log: &[u8], drop: usize) -> Vec<(Verdict, Option<CrashVariant>)> {
    crashes(log, drop)
        .into_iter()
        .map(|crash| (crash.verdict, crash.variant))
        .collect()
}

/// What a collector makes of each line.
const COLLECTORS: [fn(&str) -> String; 8] = [
    str::to_owned,
    |line| format!("Nov 23 06:43:14 host gorouter[1234]: {line}"),
    |line| format!("<11>1 2026-11-23T06:43:14.5Z host gorouter 7 - [i@47450 d=\"x\"] {line}"),
    |line| format!("2026-11-23T06:43:14Z [RTR/0] ERR {}", line.replace('\t', "#011")),
    |line| format!("gorouter-1  | {}", line.trim_start()),
    |line| serde_json::json!({ "log": format!("{line}\n"), "stream": "stderr" }).to_string(),
    |line| {
        format!(
            "2026-11-23T06:43:14.5Z stderr F {}",
            line.replace('\t', "        ")
        )
    },
    |line| format!("\x1b[31m{line}\x1b[0m"),
];

/// What other writers put between the lines of a trace.
const NOISE: [&str; 7] = [
    "2026/11/23 06:43:14 http: proxy error: context canceled",
    "",
    r#"app.test - [2026-11-23T06:05:07Z] "GET /?q=fatal error: concurrent map writes HTTP/1.1" 200 0"#,
    r#"{"log_level":3,"data":{"trace":"goroutine 5 [running]:\nmain.main()"},"source":"vcap.gorouter"}"#,
    "\u{0}\u{1}\u{fffd}junk",
    "the hook (see net/http.Header.Set) is at reverseproxy.go:460, we think",
    "exit status 2",
];

#[test]
fn cut_anywhere_a_log_proves_less_and_never_something_else() {
    for (log, verdict, variant) in [LOGS[0], LOGS[4]] {
        let text = plain(log);
        let mut before = Vec::new();
        for end in 0..=text.len() {
            let now = verdicts(&text.as_bytes()[..end], usize::MAX);
            let known = [
                vec![],
                vec![(Verdict::OtherCrash, None)],
                vec![(verdict, Some(variant))],
            ];
            assert!(known.contains(&now), "cut at {end}: {now:?}");
            assert!(now >= before, "cut at {end}: {now:?} after {before:?}");
            before = now;
        }
        assert_eq!(before, [(verdict, Some(variant))]);
    }
}

#[test]
fn cut_in_two_files_anywhere_a_log_proves_the_same() {
    let all = |halves: [&[u8]; 2]| {
        let mut scanner = Scanner::new();
        let mut found = Vec::new();
        for half in halves {
            reader::pour(half, &mut scanner, &mut |crash| found.push(crash)).unwrap();
            scanner.next_file();
        }
        scanner.finish();
        found.extend(scanner.found());
        found
    };
    for (log, verdict, variant) in LOGS {
        for (collector, step) in [(COLLECTORS[0], 1), (COLLECTORS[1], 7), (COLLECTORS[5], 11)] {
            let text: String = plain(log).lines().map(|line| collector(line) + "\n").collect();
            let head = text.find("fatal error: ").or(text.find("panic: ")).unwrap();
            let begin = text[..head.saturating_sub(400)]
                .rfind('\n')
                .map_or(0, |end| end + 1);
            let text = &text.as_bytes()[begin..text.len().min(head + 5000)];
            // Every byte of what decides, and some of the rest.
            let cuts = (0..text.len()).filter(|cut| cut % if *cut < 2200 { step } else { 61 } == 0);
            for cut in cuts.chain([text.len()]) {
                let found = all([&text[..cut], &text[cut..]]);
                let judged: Vec<_> = found.iter().map(|crash| (crash.verdict, crash.variant)).collect();
                assert_eq!(judged, [(verdict, Some(variant))], "cut at {cut}: {found:?}");
            }
        }
    }
}

#[test]
fn deaths_one_after_the_other_are_counted_each() {
    let all: String = LOGS.iter().map(|(log, ..)| plain(log) + "\n").collect();
    let expected: Vec<_> = LOGS
        .iter()
        .map(|(_, verdict, variant)| (*verdict, Some(*variant)))
        .collect();
    assert_eq!(verdicts(all.as_bytes(), usize::MAX), expected);
    // The same message again, at once: another process.
    let twice = plain(LOGS[1].0).repeat(2);
    assert_eq!(verdicts(twice.as_bytes(), usize::MAX), [expected[1], expected[1]]);
}

#[test]
fn a_panic_inside_a_panic_is_one_death() {
    const STACK: &str = "\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\n";
    for panics in [
        "panic: first [recovered]\n\tpanic: second\n",
        "panic: runtime error: index out of range [5] with length 3\n\tpanic: second\n",
        "panic: first [recovered, repanicked]\n",
    ] {
        let log = format!("{panics}{STACK}");
        assert_eq!(
            verdicts(log.as_bytes(), usize::MAX),
            [(Verdict::OtherCrash, None)],
            "{panics}"
        );
    }
}

#[test]
fn both_goroutines_caught_are_one_death_and_two_mixed_traces_are_two() {
    let found = |log: &str| verdicts(log.as_bytes(), usize::MAX);
    let one = (Verdict::Match, Some(MapWritesInErrorHandler));
    let whole = plain(LOGS[1].0);
    let head = "fatal error: concurrent map writes\n";
    // The other goroutine's message comes at once, or in the middle of the dump; then its stack.
    let hook = "\ngoroutine 9 [running]:\nmain.f()\n\t/a.go:1 +0x1\ncreated by main.main in goroutine 1\n";
    assert_eq!(found(&(whole.replace(head, &head.repeat(2)) + hook)), [one]);
    let later = whole.replacen(
        "\ninternal/poll.runtime_pollWait(",
        &format!("\n{head}internal/poll.runtime_pollWait("),
        1,
    );
    assert_eq!(found(&(later + hook)), [one]);
    // Two processes that die at a time, with nothing to tell their lines apart.
    let article = plain(LOGS[0].0);
    let mixed: String = article
        .lines()
        .map(|line| format!("{line}\n{}\n", line.replace("3061391056", "7")))
        .collect();
    let crashes = crashes(mixed.as_bytes(), usize::MAX);
    let numbers: Vec<_> = crashes
        .iter()
        .map(|crash| (crash.verdict, crash.goroutine))
        .collect();
    assert_eq!(
        numbers,
        [(Verdict::Match, Some(3_061_391_056)), (Verdict::Match, Some(7))]
    );
}

#[test]
fn the_nearest_time_is_taken_and_named() {
    let article = plain(LOGS[0].0);
    for (log, time, note) in [
        (
            format!("2026/11/23 06:43:14 x\nno time\n{article}"),
            "2026/11/23 06:43:14",
            "line 1, the last before",
        ),
        (
            format!("{article}\nno time\n[2026-11-23T06:43:14Z] started\n"),
            "2026-11-23T06:43:14Z",
            "the first after",
        ),
        (
            format!("2026/11/23 06:43:14 {article}\n2026/11/23 07:00:00 x\n"),
            "2026/11/23 06:43:14",
            "",
        ),
    ] {
        for drop in [1, 100, usize::MAX] {
            let crashes = crashes(log.as_bytes(), drop);
            assert_eq!(crashes[0].time.as_deref(), Some(time), "{log}");
            let notes = crashes[0].notes.concat();
            assert!(notes.contains(note), "{notes}");
            assert_eq!(notes.contains("the time is"), !note.is_empty(), "{notes}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_way_of_a_log_does_not_change_its_verdict(
        (log, collector, drop) in (0..LOGS.len(), 0..COLLECTORS.len(), 1..100_000usize),
        crlf: bool,
        noise in prop::collection::vec((any::<prop::sample::Index>(), 0..NOISE.len()), 0..60),
    ) {
        let (log, verdict, variant) = LOGS[log];
        let mut lines: Vec<String> = plain(log).lines().map(str::to_owned).collect();
        for (at, words) in noise {
            lines.insert(at.index(lines.len() + 1), NOISE[words].to_owned());
        }
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = lines.iter().map(|line| COLLECTORS[collector](line) + end).collect();
        prop_assert_eq!(verdicts(text.as_bytes(), drop), [(verdict, Some(variant))]);
    }

    #[test]
    fn two_processes_that_die_into_one_log_are_told_apart(
        (one, other) in (0..LOGS.len(), 0..LOGS.len()),
        order in prop::collection::vec(any::<bool>(), 1..400),
    ) {
        let tagged = |index: usize, tag: &str| -> Vec<String> {
            plain(LOGS[index].0).lines().map(|line| format!("Nov 23 06:43:14 host gorouter[{tag}]: {line}\n")).collect()
        };
        let (mut first, mut second) = (tagged(one, "1").into_iter(), tagged(other, "2").into_iter());
        let mut text = String::new();
        for first_next in order {
            text.extend(if first_next { first.next() } else { second.next() });
        }
        text.extend(first.chain(second));
        let mut found = verdicts(text.as_bytes(), usize::MAX);
        let mut expected = [one, other].map(|index| (LOGS[index].1, Some(LOGS[index].2)));
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_damage_makes_it_panic_or_prove_another_variant(
        (log, drop) in (0..LOGS.len(), 1..5000usize),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..300usize), 0..40),
    ) {
        let (log, _, variant) = LOGS[log];
        let mut bytes = plain(log).into_bytes();
        for (at, byte, length) in damage {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            if byte < 128 { bytes.splice(at..end, [byte]); } else { bytes[at..end].fill(byte); }
        }
        for crash in crashes(&bytes, drop) {
            prop_assert!(crash.variant.is_none_or(|found| found == variant), "{crash:?}");
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..4000), drop in 1..500usize) {
        let damaged = [&LOGS[4].0[..300], &bytes].concat();
        crashes(&bytes, drop);
        crashes(&damaged, drop);
    }

    #[test]
    fn lines_alike_to_a_dump_are_read(
        parts in prop::collection::vec(prop::sample::select(vec![
            "goroutine ", "fatal error: ", "panic: ", "[running]:", "\n", "\t", "(", ")", "{", "\"log\":", "\x1b[", "#012",
            "<1>1 ", "2026/11/23 06:43:14 ", "Nov  3 ", "created by ", ".go:", "1", "net/http.", "é", "[", "]", " | ", ": ",
        ]), 0..80),
    ) {
        crashes(parts.concat().as_bytes(), 7);
    }
}
