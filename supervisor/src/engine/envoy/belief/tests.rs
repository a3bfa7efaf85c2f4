use super::*;

/// What Envoy 1.40.0 answered when the second of two routers had been killed.
const KILLED: &str = include_str!("clusters.json");

fn answer(body: &str) -> Vec<u8> {
    let (first, rest) = body.split_at(100);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    [head, &chunk(first), &chunk(rest), "0\r\n\r\n"]
        .concat()
        .into_bytes()
}

#[test]
fn hosts_are_up_down_or_ejected() {
    let seen = |body: &str| -> Vec<_> {
        let seen = beliefs(&answer(body), &Site::example());
        seen.into_iter()
            .map(|each| (each.router, each.belief, each.by))
            .collect()
    };
    let up = ("router-1".to_owned(), Belief::Up, Detector::Poll);
    let second = |belief, by| ("router-2".to_owned(), belief, by);
    assert_eq!(seen(KILLED), [up.clone(), second(Belief::Down, Detector::Poll)]);
    let ejected = KILLED.replace("failed_active_health_check", "failed_outlier_check");
    assert_eq!(seen(&ejected), [up, second(Belief::Ejected, Detector::Passive)]);
}

#[test]
fn what_is_under_way_is_counted_by_router() {
    let flows = flows(&answer(KILLED), &Site::example());
    let flow = |router: &str, total| Flow {
        router: router.to_owned(),
        under_way: 0,
        total: Some(total),
    };
    assert_eq!(flows, [flow("router-1", 8), flow("router-2", 7)]);
}

#[test]
fn an_answer_is_whole_with_its_last_chunk() {
    let answer = answer(KILLED);
    assert_eq!(whole_answer(&answer), Some(answer.len()));
    for end in 0..answer.len() {
        assert_eq!(whole_answer(&answer[..end]), None, "{end}");
    }
    let next = [answer.as_slice(), b"HTTP/1.1 200"].concat();
    assert_eq!(whole_answer(&next), Some(answer.len()));
}
