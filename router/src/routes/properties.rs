//! The table finds what looking at every route would find, whatever was registered and taken out before.

use super::*;
use crate::clock::Timestamp;
use crate::settings::Settings;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What a route is better by, compared from the left: its host is the request's own; how long its wildcard is; how long
/// its path is. `None`: it does not match.
fn rank(route: &str, host: &str, path: &str) -> Option<(bool, usize, usize)> {
    let (pattern, context) = route.split_once('/').unwrap_or((route, ""));
    let by_host = match pattern.strip_prefix("*.") {
        Some(suffix) => host
            .ends_with(&format!(".{suffix}"))
            .then_some((false, 1 + suffix.len())),
        None if pattern == "*" => Some((false, 0)),
        None => (pattern == host).then_some((true, 0)),
    }?;
    let below = format!("/{context}");
    let matches = context.is_empty() || path == below || path.starts_with(&format!("{below}/"));
    matches.then_some((by_host.0, by_host.1, context.len()))
}

fn registration(route: &str) -> Registration {
    Registration {
        uris: vec![Uri::parse(route).unwrap()],
        address: "127.0.0.1:9000".parse().unwrap(),
        instance: Instance {
            id: route.to_owned(),
            ..Instance::default()
        },
        stale_after: None,
        balancing: None,
    }
}

proptest! {
    #[test]
    fn the_best_route_of_all_is_found(
        changes in prop::collection::vec((any::<bool>(), "(\\*\\.)?[ab](\\.[ab]){0,2}(/[xy]{1,2}|/x-y?){0,3}|\\*(/[xy])?"), 0..16),
        host in "[ab](\\.[ab]){0,3}",
        path in "(/[xyz]{1,2}|/x-y?){1,4}",
    ) {
        let mut table = Table::new(Rules::of(&Settings::default()), crate::dice::seeded(0, "", 0));
        let mut known = BTreeSet::new();
        let now = Timestamp::default();
        for (add, route) in &changes {
            // Only what is there can be taken out; anything else is registered.
            if *add || !known.remove(route) {
                table.register(now, &registration(route));
                known.insert(route.clone());
            } else {
                table.unregister(now, &registration(route));
            }
        }
        let best = known
            .iter()
            .filter_map(|route| Some((rank(route, &host, &path)?, route)))
            .max();
        let pool = table.find(&host, &path).cloned();
        let found = pool.and_then(|pool| table.next(&pool, &mut Turn::default(), now));
        let found = found.map(|endpoint| endpoint.instance.id.clone());
        prop_assert_eq!(found.as_ref(), best.map(|(_, route)| route));
        prop_assert_eq!(table.list().len(), known.len());
        prop_assert_eq!(table.addresses(), usize::from(!known.is_empty()));
    }
}
