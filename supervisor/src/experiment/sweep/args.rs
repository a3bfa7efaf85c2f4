//! What `resetlab sweep` can be told: settings with several values each.

use crate::experiment::args::{FaultWord, OneFault};
use crate::experiment::pause::PauseSpec;
use crate::settings::StackArgs;
use std::time::Duration;

/// The settings that may have several values, in the order of the table's columns.
pub const SWEPT: [&str; 6] = ["interval", "timeout", "fall", "rise", "schedule", "detector"];

/// More cells than anybody waits for.
const MOST: usize = 10_000;

const EXAMPLES: &str = "\
Examples:
  resetlab sweep --interval 250ms,1s,5s --fall 1..3 --timeout 200ms
  resetlab sweep --interval 500ms,1s --fall 2 --detector poll,sentinel --trials 5 --json > sweep.json
  resetlab sweep --interval 250ms,1s --timeout 200ms --fall 1..2 --pause 300ms@1% --observe 5m
  resetlab sweep --preset haproxy --interval 1s,2s --fall 2..3     what else HAProxy does stays as it is
  resetlab sweep --engine haproxy --interval 1s,2s --fall 2..3     HAProxy itself, each cell with a start of its own
  resetlab sweep --interval 1s,2s,5s --slo 0.9999 --deaths-per-hour 2 --out sweep    run again to go on after a Ctrl-C

--interval, --timeout, --fall, --rise, --schedule and --detector take lists (250ms,1s,5s) and ranges (1..3); every
combination is a cell. A real --engine takes its settings at its start: each cell then has a stack of its own.
With --slo P the cell that meets it with the fewest checks is marked:
success = 1 - (deaths per hour x routers x lost per death) / (requests per hour).

Exit codes: 0 done, 1 failed, 2 usage, another sweep's directory, or a configuration that an engine
cannot express or rejects, 3 no cell meets --slo, 5 an engine is not installed, 130/143 interrupted.";

#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    mut_arg("interval", |arg| arg.value_name("TIMES").value_parser(list("interval"))),
    mut_arg("timeout", |arg| arg.value_name("TIMES").value_parser(list("timeout"))),
    mut_arg("fall", |arg| arg.value_name("NS").value_parser(list("fall"))),
    mut_arg("rise", |arg| arg.value_name("NS").value_parser(list("rise"))),
    mut_arg("schedule", |arg| arg.value_name("WORDS").value_parser(list("schedule"))),
    mut_arg("detector", |arg| arg.value_name("WORDS").value_parser(list("detector"))),
)]
pub struct Args {
    /// How the routers die
    #[arg(long, default_value = "kill", value_parser = OneFault)]
    pub fault: FaultWord,
    /// Deaths to measure in each cell; their phases cover the check interval evenly
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub trials: u32,
    /// Stand routers still now and then, to count false ejections: 300ms@1% is 300 ms at a time, 1 % of the time
    #[arg(long, value_name = "TIME@SHARE")]
    pub pause: Option<PauseSpec>,
    /// How long each cell is watched after its deaths, for checks and false ejections [default: 30s with --pause, else
    /// four intervals, from 1s to 30s]
    #[arg(long, value_name = "TIME", value_parser = observation)]
    pub observe: Option<Duration>,
    /// Mark the cell with this share of successful requests and the fewest checks, of several the one with the fewest
    /// false ejections by theory or else the highest fall; exit 3 when there is none
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub slo: Option<f64>,
    /// How often each router is taken to die, for --slo
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = deaths)]
    pub deaths_per_hour: f64,
    #[command(flatten)]
    pub stack: StackArgs,
}

/// One setting and the words it takes in turn.
pub type Axis = (String, Vec<String>);

/// The axes' combinations, the last axis varying fastest.
pub fn product(axes: &[Axis]) -> Result<Vec<Vec<(String, String)>>, String> {
    let count = axes
        .iter()
        .try_fold(1usize, |n, (_, words)| n.checked_mul(words.len()));
    if count.is_none_or(|count| count > MOST) {
        return Err(format!("more than {MOST} combinations: give fewer values"));
    }
    let mut cells = vec![Vec::new()];
    for (key, words) in axes {
        let with = |cell: &Vec<(String, String)>| {
            let cell = cell.clone();
            words.iter().map(move |word| {
                let mut cell = cell.clone();
                cell.push((key.clone(), word.clone()));
                cell
            })
        };
        cells = cells.iter().flat_map(with).collect();
    }
    Ok(cells)
}

/// `250ms,1s`, `1..3`, `1,3..5`: the words of a setting, each once.
pub fn words(key: &str, text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    for item in text.split(',').map(str::trim) {
        let items = match item.split_once("..") {
            None => vec![item.to_owned()],
            Some((first, last)) => {
                let wrong =
                    || format!("{key} cannot be `{item}`: expected a range of whole numbers, such as 1..3");
                let number = |word: &str| word.trim().parse::<u32>().map_err(|_| wrong());
                let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
                if first > last || last - first > 1000 {
                    return Err(wrong());
                }
                (first..=last).map(|n| n.to_string()).collect()
            }
        };
        for word in items {
            let mut settings = lb_sim::core::Settings::default();
            settings.set(key, &word).map_err(|e| e.to_string())?;
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    Ok(words)
}

/// Accepts a list of what the setting accepts.
fn list(key: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync {
    move |text| words(key, text).map(|_| text.to_owned())
}

fn share(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1, such as 0.9999".into()),
    }
}

fn deaths(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(deaths) if deaths > 0.0 && deaths <= 1e6 => Ok(deaths),
        _ => Err("expected deaths of each router an hour, such as 1 or 0.01".into()),
    }
}

fn observation(word: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(word).ok();
    time.filter(|time| *time >= Duration::from_secs(1) && *time <= Duration::from_secs(86_400))
        .ok_or_else(|| "expected a time from 1s to 1day, such as 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, String> {
        let cli = Cli::try_parse_from(std::iter::once("sweep").chain(line.split_whitespace()));
        cli.map(|cli| cli.args).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_and_ranges_multiply() {
        let mut args =
            parse("--interval 250ms,1s --fall 1..2 --detector poll,passive+sentinel --rise 3").unwrap();
        let axes = args.stack.take_lists();
        let lists: Vec<_> = axes
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()))
            .collect();
        assert_eq!(
            lists,
            [
                ("interval", "250ms,1s"),
                ("fall", "1..2"),
                ("rise", "3"),
                ("detector", "poll,passive+sentinel")
            ]
        );
        let axes: Vec<Axis> = axes
            .into_iter()
            .map(|(key, text)| (key.clone(), words(&key, &text).unwrap()))
            .collect();
        let cells = product(&axes).unwrap();
        assert_eq!(cells.len(), 8);
        let told = |cell: &[(String, String)]| {
            cell.iter()
                .map(|(_, word)| word.clone())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(told(&cells[0]), "250ms 1 3 poll");
        assert_eq!(told(&cells[7]), "1s 2 3 passive+sentinel");
        assert_eq!(product(&[]).unwrap().len(), 1, "nothing swept is one cell");
    }

    #[test]
    fn what_cannot_be_says_what_was_expected() {
        assert_eq!(words("fall", "1..3,2,5").unwrap(), ["1", "2", "3", "5"]);
        for (line, expected) in [
            ("--fall 3..1", "a range of whole numbers, such as 1..3"),
            ("--fall 0..2", "from 1 to 1000"),
            ("--interval 1s,5", "a duration with a unit"),
            ("--interval 1s..3s", "a range of whole numbers"),
            ("--pause 300ms", "such as 300ms@1%"),
            ("--slo 99", "between 0 and 1"),
            ("--observe 0s", "from 1s to 1day"),
            ("--deaths-per-hour 0", "such as 1"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
        let many = vec![("fall".to_owned(), vec!["1".to_owned(); 101]); 2];
        assert!(product(&many).unwrap_err().contains("more than 10000"));
    }
}
