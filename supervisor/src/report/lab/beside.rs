//! PURE: what a session has lost beside its windows. Windows and these places together are all lost requests.

use super::session::{Session, Window};
use crate::report::model::{Block, Cell, Column, Table};
use crate::report::shown::counted;
use crate::story::Began;

/// Windows of routers that were in use: of one that was not, nothing was to be noticed.
pub fn windows(session: &Session) -> impl Iterator<Item = (usize, &Window)> {
    let all = session.windows.iter().enumerate();
    all.filter(|(_, window)| window.began != Began::OutOfUse || window.lost() > 0)
}

/// ` and 40 more were lost with no router in use`
pub fn words(session: &Session) -> String {
    let words: Vec<String> = places(session)
        .map(|(place, lost)| format!("{lost} more were lost {place}"))
        .collect();
    match words.as_slice() {
        [] => String::new(),
        words => format!(", {}", words.join(", ")),
    }
}

/// Where nobody was faulty as far as is known, somebody should look.
pub fn warnings(session: &Session) -> Vec<String> {
    let Some(lost) = session.load.lost_where else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if lost.app_away + lost.balancer_away > 0 {
        warnings.push(format!(
            "{} while the balancer or the app behind all routers was not there: that says nothing of the settings.",
            were_lost(lost.app_away + lost.balancer_away)
        ));
    }
    if lost.at_routers > 0 {
        warnings.push(format!(
            "{} at routers that were in no window: nothing was known to be wrong with them, or they were tried although \
             believed Down. What is behind them may have failed.",
            were_lost(lost.at_routers)
        ));
    }
    if lost.not_known > 0 {
        warnings.push(format!(
            "Of {} it is not known where: no record tells.",
            counted(lost.not_known as f64, "lost request")
        ));
    }
    warnings
}

/// Where more was lost than in all windows, and mistakes: no window tells of them.
pub fn advice(session: &Session) -> Vec<String> {
    let lost = session.load.lost_where.unwrap_or_default();
    let mut sentences = Vec::new();
    if lost.no_router > lost.windows {
        sentences.push(format!(
            "{} while no router was in use: no check helps against that, only more routers, or routers that do not all go \
             at once.",
            were_lost(lost.no_router)
        ));
    }
    if lost.at_routers > lost.windows {
        sentences.push(format!(
            "{} at routers with which nothing was known to be wrong: look at what is behind them first.",
            were_lost(lost.at_routers)
        ));
    }
    let mistakes = session.mistakes.len();
    if mistakes > 0 {
        sentences.push(format!(
            "{} a router that was up was taken out of use: settings that are quicker to judge do that more often.",
            match mistakes {
                1 => "Once".to_owned(),
                n => format!("{n} times"),
            }
        ));
    }
    sentences
}

fn were_lost(n: u64) -> String {
    let verb = if n == 1 { "was" } else { "were" };
    format!("{} {verb} lost", counted(n as f64, "request"))
}

/// All places, which add up to all that is lost.
pub fn table(session: &Session) -> Option<Block> {
    let lost = session.load.lost_where?;
    let row = |(place, count): (&str, u64)| vec![Cell::Words(place.to_owned()), Cell::Count(count)];
    let places = lost.places().into_iter().filter(|(_, count)| *count > 0);
    let rows: Vec<_> = places.map(row).collect();
    (rows.len() > 1).then(|| {
        Block::Table(Table {
            caption: format!("Where they were lost: together {}", lost.total()),
            columns: vec![
                Column::new("place", "lost", ""),
                Column::new("requests", "requests", ""),
            ],
            rows,
            marked: None,
        })
    })
}

fn places(session: &Session) -> impl Iterator<Item = (&'static str, u64)> {
    let lost = session.load.lost_where.unwrap_or_default();
    let beside = lost.places().into_iter().skip(1);
    beside.filter(|(_, count)| *count > 0)
}
