//! Finding, picking, sitting out and pruning, in virtual time.

use super::*;
use crate::clock::Timestamp;
use crate::settings::{Balancing, Profile, Settings};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const START: Timestamp = Timestamp(1_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn table(change: impl FnOnce(&mut Settings)) -> Table {
    let mut settings = Settings::of(Profile::Gorouter);
    change(&mut settings);
    Table::new(Rules::of(&settings), ChaCha8Rng::seed_from_u64(1))
}

fn registration(uri: &str, port: u16) -> Registration {
    Registration {
        uris: vec![Uri::parse(uri).unwrap()],
        address: address(port),
        instance: Instance {
            app: "app".to_owned(),
            id: format!("instance-{port}"),
            index: port.to_string(),
            ..Instance::default()
        },
        stale_after: None,
        balancing: None,
    }
}

fn with(uris: &[(&str, u16)]) -> Table {
    let mut table = table(|_| {});
    for (uri, port) in uris {
        table.register(START, &registration(uri, *port));
    }
    table
}

fn pool(table: &Table, host: &str) -> Rc<Pool> {
    Rc::clone(table.find(host, "/").unwrap())
}

/// The port of a request's first attempt.
fn first(table: &mut Table, pool: &Pool, now: Timestamp) -> Option<u16> {
    let endpoint = table.next(pool, &mut Turn::default(), now)?;
    Some(endpoint.address.port())
}

fn ports(table: &mut Table, host: &str, now: Timestamp, count: usize) -> Vec<u16> {
    let pool = pool(table, host);
    let mut ports: Vec<u16> = (0..count).map(|_| first(table, &pool, now).unwrap()).collect();
    ports.sort_unstable();
    ports
}

/// The port of the only endpoint of the route that serves it.
fn served(table: &mut Table, host: &str, path: &str) -> Option<u16> {
    let pool = Rc::clone(table.find(host, path)?);
    first(table, &pool, START)
}

#[test]
fn the_longest_match_serves() {
    let mut table = with(&[
        ("app.test", 1),
        ("app.test/v1", 2),
        ("app.test/v1/admin", 3),
        ("*.example.com", 4),
        ("*.a.example.com/x", 5),
        ("own.example.com/only", 6),
        ("*.com", 7),
    ]);
    for (host, path, port) in [
        ("app.test", "/", Some(1)),
        ("APP.test:8081", "/v1", Some(2)),
        ("app.test", "/V1/?x=/admin", Some(2)),
        ("app.test", "/v1/admin/users?y", Some(3)),
        ("app.test", "/v1admin", Some(1)),
        ("app.test", "//v1", Some(1)),
        ("b.example.com", "/", Some(4)),
        ("c.b.example.com", "/any", Some(4)),
        ("b.a.example.com", "/x/y", Some(5)),
        // No path of the longer wildcard matches: the shorter one serves.
        ("b.a.example.com", "/z", Some(4)),
        ("own.example.com", "/only", Some(6)),
        ("own.example.com", "/other", Some(4)),
        ("example.com", "/", Some(7)),
        ("com", "/", None),
        ("nope.test", "/", None),
        ("app.test.", "/", None),
    ] {
        assert_eq!(served(&mut table, host, path), port, "{host}{path}");
    }
    table.register(START, &registration("*", 9));
    assert_eq!(served(&mut table, "nope.test", "/x"), Some(9));
    assert_eq!(served(&mut table, "[::1]:80", "/"), Some(9));
    assert_eq!(served(&mut table, "b.example.com", "/"), Some(4));
    assert_eq!(table.find("app.test", "/v1/x").unwrap().context_path(), "/v1");
}

#[test]
fn round_robin_serves_all_alike_and_routers_do_not_start_alike() {
    let uris = [("app.test", 1), ("app.test", 2), ("app.test", 3), ("app.test", 1)];
    let mut table = with(&uris);
    assert_eq!(ports(&mut table, "app.test", START, 6), [1, 1, 2, 2, 3, 3]);
    let starts: std::collections::BTreeSet<u16> = (0..20)
        .map(|seed| {
            let mut table = with(&uris);
            table.dice(ChaCha8Rng::seed_from_u64(seed));
            let pool = pool(&table, "app.test");
            first(&mut table, &pool, START).unwrap()
        })
        .collect();
    assert_eq!(starts.len(), 3);
}

#[test]
fn a_requests_attempts_go_round_whatever_others_pick_meanwhile() {
    let mut table = with(&[("app.test", 1), ("app.test", 2), ("app.test", 3)]);
    let pool = pool(&table, "app.test");
    let mut turn = Turn::default();
    let mut tried = Vec::new();
    for _ in 0..3 {
        tried.push(table.next(&pool, &mut turn, START).unwrap().address.port());
        first(&mut table, &pool, START);
        first(&mut table, &pool, START);
    }
    tried.sort_unstable();
    assert_eq!(tried, [1, 2, 3]);
}

#[test]
fn a_failed_endpoint_sits_out_a_quarter_of_the_stale_threshold() {
    let mut table = with(&[("app.test", 1), ("app.test", 2)]);
    let pool = pool(&table, "app.test");
    let mut turn = Turn::default();
    let endpoint = table.next(&pool, &mut turn, START).unwrap();
    let (failed, other) = (endpoint.address.port(), 3 - endpoint.address.port());
    pool.failed(&endpoint, START);
    for seconds in [0, 10, 30] {
        assert_eq!(
            ports(&mut table, "app.test", at(seconds), 4),
            [other; 4],
            "{seconds} s"
        );
    }
    let after = at(30) + Duration::from_nanos(1);
    assert!(ports(&mut table, "app.test", after, 4).contains(&failed));
}

#[test]
fn when_all_have_failed_none_sits_out() {
    let mut table = with(&[("app.test", 1), ("app.test", 2)]);
    let pool = pool(&table, "app.test");
    for _ in 0..2 {
        let endpoint = table.next(&pool, &mut Turn::default(), START).unwrap();
        pool.failed(&endpoint, START);
    }
    assert_eq!(ports(&mut table, "app.test", START, 4), [1, 1, 2, 2]);
}

#[test]
fn least_connection_takes_the_least_busy_and_draws_between_equals() {
    let mut table = table(|settings| settings.balancing_algorithm = Balancing::LeastConnection);
    for port in 1..=3 {
        table.register(START, &registration("app.test", port));
    }
    let pool = pool(&table, "app.test");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        seen.insert(first(&mut table, &pool, START));
    }
    assert_eq!(seen.len(), 3);
    let busy: Vec<Endpoint> = (0..2)
        .map(|_| {
            let endpoint = table.next(&pool, &mut Turn::default(), START).unwrap();
            endpoint.take();
            // gorouter's least-connection never lets anybody sit out.
            pool.failed(&endpoint, START);
            endpoint
        })
        .collect();
    let idle = 6 - busy.iter().map(|endpoint| endpoint.address.port()).sum::<u16>();
    for _ in 0..5 {
        assert_eq!(first(&mut table, &pool, START), Some(idle));
    }
    busy[0].give_back();
    busy[0].give_back();
    assert_eq!(busy[0].requests(), 0);
}

#[test]
fn a_full_endpoint_is_passed_over_and_a_full_pool_says_so() {
    for balancing in [Balancing::RoundRobin, Balancing::LeastConnection] {
        let mut table = table(|settings| {
            settings.max_conns = 2;
            settings.balancing_algorithm = balancing;
        });
        for port in 1..=2 {
            table.register(START, &registration("app.test", port));
            // The same address in two routes is one endpoint.
            table.register(START, &registration("other.test", port));
        }
        let pool = pool(&table, "app.test");
        let mut turn = Turn::of(Some("instance-1".to_owned()));
        let one = table.next(&pool, &mut turn, START).unwrap();
        one.take();
        one.take();
        assert_eq!(ports(&mut table, "other.test", START, 3), [2, 2, 2]);
        assert!(!pool.is_overloaded(table.rules()));
        // Stickiness gives way.
        let mut turn = Turn::of(Some("instance-1".to_owned()));
        let two = table.next(&pool, &mut turn, START).unwrap();
        assert_eq!(two.address.port(), 2);
        two.take();
        two.take();
        assert!(pool.is_overloaded(table.rules()));
        assert!(first(&mut table, &pool, START).is_none());
        two.give_back();
        assert_eq!(first(&mut table, &pool, START), Some(2));
    }
}

#[test]
fn a_session_sticks_to_its_instance_for_its_first_attempt() {
    let mut table = with(&[("app.test", 1), ("app.test", 2), ("app.test", 3)]);
    let pool = pool(&table, "app.test");
    let sticky = |id: &str| Turn::of(Some(id.to_owned()));
    let mut seconds = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let mut turn = sticky("instance-2");
        let endpoint = table.next(&pool, &mut turn, START).unwrap();
        assert_eq!(endpoint.address.port(), 2);
        pool.failed(&endpoint, START);
        seconds.insert(table.next(&pool, &mut turn, START).unwrap().address.port());
    }
    assert_eq!(seconds.into_iter().collect::<Vec<_>>(), [1, 3]);
    assert!(table.next(&pool, &mut sticky("gone"), START).is_some());
}

#[test]
fn an_instance_is_found_by_application_and_index() {
    let table = with(&[("app.test", 1), ("app.test", 2)]);
    let pool = pool(&table, "app.test");
    assert_eq!(pool.instance("app", "2").unwrap().address.port(), 2);
    assert!(pool.instance("app", "3").is_none());
    assert!(pool.instance("other", "2").is_none());
}

#[test]
fn what_is_not_registered_again_is_pruned_after_the_threshold_which_may_only_be_lowered() {
    let mut table = with(&[("app.test", 1)]);
    for (port, asked) in [(2, 10), (3, 500), (4, 0)] {
        let stale_after = Some(Duration::from_secs(asked));
        table.register(
            START,
            &Registration {
                stale_after,
                ..registration("app.test", port)
            },
        );
    }
    let left = |table: &mut Table, seconds: u64| {
        table.prune(at(seconds));
        table.list().get("app.test").map_or(0, Vec::len)
    };
    assert_eq!(left(&mut table, 10), 4);
    assert_eq!(left(&mut table, 11), 3);
    table.register(at(60), &registration("app.test", 1));
    assert_eq!(left(&mut table, 120), 3);
    assert_eq!(left(&mut table, 121), 1);
    assert_eq!(left(&mut table, 180), 1);
    assert_eq!(left(&mut table, 181), 0);
    assert!(table.find("app.test", "/").is_none());
    assert_eq!(table.addresses(), 0);
}

#[test]
fn routes_of_a_file_are_never_pruned_but_can_be_unregistered() {
    let mut table = table(|_| {});
    let uri = Uri::parse("app.test").unwrap();
    table.fix(&uri, vec![(address(1), Instance::default())], None);
    // Registered by somebody, too: the file's word stands.
    table.register(START, &registration("app.test", 1));
    table.prune(at(100_000));
    assert_eq!(served(&mut table, "app.test", "/"), Some(1));
    assert!(table.unregister(at(1), &registration("app.test", 1)));
    assert!(!table.unregister(at(1), &registration("app.test", 1)));
    assert!(table.find("app.test", "/").unwrap().is_empty());
}

#[test]
fn an_empty_route_is_kept_as_long_as_asked() {
    for (timeout, kept) in [(0, &[][..]), (45, &[10, 45])] {
        let mut table = table(|settings| settings.empty_pool_timeout = Duration::from_secs(timeout));
        table.register(START, &registration("app.test/v1", 1));
        assert!(table.unregister(START, &registration("app.test/v1", 1)));
        for &seconds in kept {
            table.prune(at(seconds));
            assert!(table.find("app.test", "/v1").unwrap().is_empty(), "{seconds} s");
        }
        table.prune(at(46));
        assert!(table.find("app.test", "/v1").is_none());
    }
}

#[test]
fn an_address_has_one_key_while_anybody_holds_it_and_keys_are_used_again() {
    let mut table = with(&[("a.test", 1), ("b.test", 1), ("b.test", 2)]);
    let key = |table: &mut Table, host: &str| {
        let pool = pool(table, host);
        table.next(&pool, &mut Turn::default(), START).unwrap().key()
    };
    let mut keys: Vec<u32> = (0..2).map(|_| key(&mut table, "b.test")).collect();
    keys.sort_unstable();
    assert_eq!(keys, [0, 1]);
    let pool = pool(&table, "a.test");
    let held = table.next(&pool, &mut Turn::default(), START).unwrap();
    assert_eq!(held.key(), 0);
    for host in ["a.test", "b.test"] {
        table.unregister(START, &registration(host, 1));
    }
    drop(pool);
    assert_eq!(table.addresses(), 2, "a request holds it");
    drop(held);
    table.prune(START);
    assert_eq!(table.addresses(), 1);
    for port in 10..20 {
        table.register(START, &registration("c.test", port));
        assert_eq!(key(&mut table, "c.test"), 0);
        table.unregister(START, &registration("c.test", port));
    }
}

#[test]
fn a_registration_sets_the_balancing_of_its_route() {
    let mut table = with(&[("app.test", 1), ("app.test", 2)]);
    let balancing = Some(Balancing::LeastConnection);
    table.register(
        START,
        &Registration {
            balancing,
            ..registration("app.test", 1)
        },
    );
    table.register(START, &registration("app.test", 2));
    assert_eq!(table.list()["app.test"][1].balancing, Balancing::LeastConnection);
    let busy = address(1);
    let pool = pool(&table, "app.test");
    let endpoint = pool.instance("app", "1").unwrap();
    assert_eq!(endpoint.address, busy);
    endpoint.take();
    assert_eq!(ports(&mut table, "app.test", START, 3), [2, 2, 2]);
}

/// As deep and as long as a name may be; and requests that are far longer.
#[test]
fn long_paths_are_found_listed_and_forgotten() {
    let deep = format!("app.test{}", "/a".repeat(128));
    let long = format!("app.test/{}", "a".repeat(2048 - "app.test/".len()));
    let mut table = with(&[("app.test", 1), (&deep, 2), (&long, 3), ("*.b.test/v1", 4)]);
    let endless = "/a".repeat(1 << 19);
    for (host, path, port) in [
        ("app.test", endless.clone(), Some(2)),
        ("app.test", endless.to_uppercase(), Some(2)),
        ("app.test", "/a".repeat(127), Some(1)),
        ("app.test", long["app.test".len()..].to_owned(), Some(3)),
        ("app.test", "/".to_owned() + &"a".repeat(1 << 20), Some(1)),
        (
            &*format!("{}b.test", "a.".repeat(1 << 19)),
            "/V1/x".to_owned(),
            Some(4),
        ),
        (&*format!("{}c.test", "a.".repeat(1 << 19)), endless, None),
    ] {
        let end = path.len().min(20);
        assert_eq!(served(&mut table, host, &path), port, "{}", &path[..end]);
    }
    assert_eq!(table.list().len(), 4);
    assert!(table.list().contains_key(&deep));
    assert!(table.unregister(START, &registration(&deep, 2)));
    table.prune(at(1000));
    assert!(table.list().is_empty());
    assert_eq!(table.addresses(), 0);
}
