//! For any input and any split of it into reads.

use super::{Limits, whole};
use proptest::prelude::*;

fn small() -> Limits {
    Limits {
        head_bytes: 200,
        line_bytes: 60,
        headers: 6,
        chunk_extension_bytes: 12,
    }
}

/// Pieces of HTTP that make valid messages often and broken ones interesting.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "GET ",
        "POST ",
        "OPTIONS ",
        "/",
        "/a?b",
        "* ",
        "http://h:1/p",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 204 \r\n",
        "HTTP/1.0 200\r\n",
        "Host: h\r\n",
        "Host: h:80\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Connection: close, x\r\n",
        "Connection: upgrade\r\nUpgrade: ws\r\n",
        "X: y\r\n",
        "Max-Forwards: 1\r\n",
        "Expect: 100-continue\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        ";",
        "0\r\n",
        "0\r\n\r\n",
        "3\r\nabc\r\n",
        "a;e=\"q\"\r\n0123456789\r\n",
        "1\r\n",
        "abc",
        "\0",
        "é",
        "0\r\nT: u\r\n\r\n",
        "ffffffffffffffff\r\n",
        "+1\r\nx\r\n",
    ]);
    prop_oneof![
        9 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ]
}

/// A request that is valid by construction, with a body of either kind, and something after it.
fn valid_request() -> impl Strategy<Value = Vec<u8>> {
    let header = ("[A-Za-z-]{1,9}", "[ -~]{0,12}").prop_map(|(name, value)| format!("X{name}: {value}\r\n"));
    let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..5);
    (
        prop::collection::vec(header, 0..3),
        chunks,
        any::<bool>(),
        "[ -~]{0,9}",
    )
        .prop_map(|(headers, chunks, chunked, rest)| {
            let mut message = format!("POST /p HTTP/1.1\r\nHost: h\r\n{}", headers.concat()).into_bytes();
            if chunked {
                message.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in &chunks {
                    message.extend_from_slice(format!("{:X};x\r\n", chunk.len()).as_bytes());
                    message.extend_from_slice(chunk);
                    message.extend_from_slice(b"\r\n");
                }
                message.extend_from_slice(b"0\r\nT: u\r\n\r\n");
            } else {
                let body = chunks.concat();
                message.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                message.extend_from_slice(&body);
            }
            message.extend_from_slice(rest.as_bytes());
            message
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splits_do_not_matter_for_anything(
        fragments in prop::collection::vec(fragment(), 0..16),
        sizes in prop::collection::vec(1usize..40, 1..6),
    ) {
        whole::check(&fragments.concat(), &sizes, &small());
    }

    #[test]
    fn splits_do_not_matter_for_what_is_valid(
        message in valid_request(),
        sizes in prop::collection::vec(1usize..40, 1..6),
    ) {
        whole::check(&message, &sizes, &Limits::default());
        let read = whole::request([&message[..]], &Limits::default());
        prop_assert!(matches!(read, Ok(Some(_))), "{read:?}");
    }

    #[test]
    fn a_valid_message_is_incomplete_until_its_last_byte(message in valid_request(), cut in any::<prop::sample::Index>()) {
        let taken = whole::request([&message[..]], &Limits::default()).unwrap().unwrap().taken;
        let cut = cut.index(taken);
        prop_assert_eq!(whole::request([&message[..cut]], &Limits::default()), Ok(None));
    }
}

/// Every message in the corpus, cut everywhere in two and into single bytes.
#[test]
fn corpus() {
    for bytes in CORPUS {
        for limits in [Limits::default(), small()] {
            whole::check(bytes, &[1], &limits);
            for cut in 1..bytes.len() {
                whole::check(bytes, &[cut], &limits);
                whole::check(bytes, &[cut, usize::MAX], &limits);
            }
        }
    }
}

const CORPUS: [&[u8]; 15] = [
    // A line over its limit that is malformed as well (found by the fuzzer).
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://u:1/x?y HTTP/1.1\r\nHost: a\r\nConnection: x\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: t\r\nX: y\r\n\r\nGET / HTTP/1.1",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /x\rHost: a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r Z: w\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1",
    b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
];
