//! The real gorouter's dumps; dumps written by hand: other deaths, other stacks of the same race, and what can happen to a log.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use super::support::{Place, stderr};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::Write;

/// The article's trace, and the real gorouter's stderr, with what each must be called.
pub const LOGS: [(&str, &str, &str); 5] = [
    ("article.stderr.log", "match", "map-writes-in-error-handler"),
    (
        "map-writes-in-error-handler.stderr.log.gz",
        "match",
        "map-writes-in-error-handler",
    ),
    (
        "map-writes-in-1xx-hook.stderr.log.gz",
        "variant",
        "map-writes-in-1xx-hook",
    ),
    (
        "map-iteration-and-write.stderr.log.gz",
        "variant",
        "map-iteration-and-write",
    ),
    (
        "nil-pointer-in-1xx-hook.stderr.log.gz",
        "variant",
        "nil-pointer-in-1xx-hook",
    ),
];

pub fn path(log: &str) -> String {
    format!(
        "{}/../tests/data/gorouter-crash/{log}",
        env!("CARGO_MANIFEST_DIR")
    )
}

pub fn text(log: &str) -> String {
    let bytes = std::fs::read(path(log)).unwrap();
    let mut text = String::new();
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
            .map(|_| text)
            .unwrap(),
        false => String::from_utf8(bytes).unwrap(),
    }
}

/// The exit status and the document.
pub fn diagnose(place: &Place, files: &[&str]) -> (i32, Value) {
    let output = place.run(&[&["diagnose", "--json"], files].concat());
    let document = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        document.unwrap_or_else(|e| panic!("{e}: {}", stderr(&output))),
    )
}

/// Writes a log and has it judged.
pub fn judge(place: &Place, log: &[u8]) -> (i32, Value) {
    std::fs::write(place.path().join("log"), log).unwrap();
    let (status, document) = diagnose(place, &["log"]);
    (status, document["files"][0].clone())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const GO: &str = "/var/vcap/data/packages/golang-1.21-linux/src";

/// Deaths that are not the bug, and words: name, verdict, part of the cause, log.
pub const OTHERS: [(&str, &str, &str, &str); 20] = [
    (
        "another program's map",
        "other-crash",
        "in main.(*Cache).Put",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nmain.(*Cache).Put(0xc000012018, {0x4b1f20, 0x3})\n\t/app/cache.go:12 +0x5d\nmain.main.func1()\n\t/app/main.go:20 +0x45\ncreated by main.main in goroutine 1\n\t/app/main.go:18 +0x8f\n",
    ),
    (
        "another map of gorouter",
        "other-crash",
        "in registry.(*RouteRegistry).Register",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\ncode.cloudfoundry.org/gorouter/registry.(*RouteRegistry).Register(0xc000012018, {0x4b1f20, 0x3})\n\t/var/vcap/gorouter/registry/registry.go:12 +0x5d\ncreated by main.main in goroutine 1\n",
    ),
    (
        "metrics below the error handler",
        "other-crash",
        "metricbatcher",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\ngithub.com/cloudfoundry/dropsonde/metricbatcher.(*MetricBatcher).BatchIncrementCounter(0xc0)\n\t/v/metricbatcher.go:12 +0x5d\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).writeErrorCode(0xc0)\n\t/g/error_handler.go:67 +0x5d\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xc0)\n\t/g/error_handler.go:55 +0x5d\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*roundTripper).RoundTrip(0xc0)\n\t/g/proxy_round_tripper.go:267 +0x5d\ncreated by net/http.(*Server).Serve in goroutine 1\n",
    ),
    (
        "a request's headers",
        "other-crash",
        "handlers.(*XForwardedProto)",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t/go/header.go:22\nnet/http.Header.Set(...)\n\t/go/header.go:40\ncode.cloudfoundry.org/gorouter/handlers.(*XForwardedProto).ServeHTTP(0xc0)\n\t/g/handlers/x.go:29 +0x1\ncreated by net/http.(*Server).Serve in goroutine 1\n",
    ),
    (
        "the same race elsewhere",
        "other-crash",
        "in httputil.(*ReverseProxy).ServeHTTP.func2",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func2(0x67, 0xc0)\n\t/usr/local/go/src/net/http/httputil/reverseproxy.go:460 +0x45\nnet/http.(*persistConn).readResponse(0xc0)\n\t/usr/local/go/src/net/http/transport.go:2333 +0x1c7\nnet/http.(*persistConn).readLoop(0xc0)\n\t/usr/local/go/src/net/http/transport.go:2133 +0x3b0\ncreated by net/http.(*Transport).dialConn in goroutine 570\n\ngoroutine 1 [IO wait]:\nmain.main()\n\t/src/traefik/main.go:55 +0x17\n",
    ),
    (
        "another closure of ReverseProxy",
        "other-crash",
        "concurrent map writes",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func1(0x67, 0xc0)\n\t/g/reverseproxy.go:460 +0x45\ncreated by net/http/httputil.(*ReverseProxy).ServeHTTP in goroutine 570\n",
    ),
    (
        "the error handler, asked for a dump",
        "other-crash",
        "SIGQUIT",
        "SIGQUIT: quit\nPC=0x46ab01 m=0 sigcode=0\n\ngoroutine 7 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t/go/header.go:22\nnet/http.Header.Set(...)\n\t/go/header.go:40\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xc0)\n\t/g/error_handler.go:53 +0x5d\n",
    ),
    (
        "the frames without the message",
        "other-crash",
        "lost its first lines",
        "goroutine 7 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t/go/header.go:22\nnet/http.Header.Set(...)\n\t/go/header.go:40\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xc0)\n\t/g/error_handler.go:53 +0x5d\n",
    ),
    (
        "the message without frames",
        "other-crash",
        "concurrent map writes",
        "fatal error: concurrent map writes\n",
    ),
    (
        "cut before the frame that decides",
        "other-crash",
        "concurrent map writes",
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t/go/header.go:22\nnet/http.Header.Set(...)\n",
    ),
    (
        "a deadlock",
        "other-crash",
        "deadlock",
        "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/app/main.go:5 +0x1d\nexit status 2\n",
    ),
    (
        "no memory",
        "other-crash",
        "out of memory",
        "runtime: out of memory: cannot allocate 4194304-byte block (3959488512 in use)\nfatal error: out of memory\n\ngoroutine 1 [running]:\nruntime.throw({0x4b1f20?, 0x3})\n\t/go/runtime/panic.go:1 +0x1\nmain.main()\n\t/app/main.go:5 +0x1d\n",
    ),
    (
        "recursion",
        "other-crash",
        "stack overflow in main.f",
        "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x4b1f20?, 0x3})\n\t/go/runtime/panic.go:1 +0x1\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/app/main.go:5 +0x1d\n...additional frames elided...\n",
    ),
    (
        "a signal in C",
        "other-crash",
        "a signal in code that is not Go's",
        "fatal error: unexpected signal during runtime execution\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]\n\ngoroutine 1 [syscall]:\nmain.main()\n\t/app/main.go:5 +0x1d\n",
    ),
    (
        "a nil pointer elsewhere in gorouter",
        "other-crash",
        "panic in router.(*Router).Run: runtime error: invalid memory address",
        "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x65ffae]\n\ngoroutine 1 [running]:\ncode.cloudfoundry.org/gorouter/router.(*Router).Run(0x0)\n\t/g/router/router.go:5 +0x1d\nmain.main()\n\t/g/main.go:5 +0x1d\n",
    ),
    (
        "a panic that says the words",
        "other-crash",
        "panic in main.main: concurrent map writes",
        "panic: concurrent map writes\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\n",
    ),
    (
        "a URL",
        "none",
        "",
        "app.test - [2026-11-23T06:05:07Z] \"GET /?q=fatal error: concurrent map writes goroutine 1 [running]: HTTP/1.1\" 200 0\n",
    ),
    (
        "quoted in JSON",
        "none",
        "",
        "{\"log_level\":3,\"message\":\"upstream said: fatal error: concurrent map writes\",\"data\":{\"trace\":\"fatal error: concurrent map writes\\n\\ngoroutine 5 [running]:\\nnet/http.Header.Set(...)\"}}\n",
    ),
    (
        "a panic that was recovered",
        "none",
        "",
        "2026/11/23 06:43:10 http: panic serving 127.0.0.1:5: boom\ngoroutine 7 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/server.go:1868 +0xb9\npanic({0x6b1f20?, 0xc0?})\n\t/go/panic.go:920 +0x270\nmain.handle({0x1, 0x2}, 0xc0)\n\t/app/main.go:5 +0x1d\ncreated by net/http.(*Server).Serve in goroutine 1\n",
    ),
    (
        "another language's panic and a compiler's fatal error",
        "none",
        "",
        "panic: cannot open config\nmain.c:1:10: fatal error: concurrent map writes.h: No such file\nfatal error: nothing.h: No such file\n",
    ),
];

/// Other stacks of the race: name, variant if one of the four, log.
pub const VARIANTS: [(&str, Option<&str>, &str); 5] = [
    (
        "the error handler, writing its text",
        Some("map-writes-in-error-handler"),
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t/go/header.go:22\nnet/http.Header.Set(...)\n\t/go/header.go:40\nnet/http.Error({0xd2, 0xc0}, {0xc2, 0x15}, 0x1f6)\n\t/go/server.go:2151 +0x1a3\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).writeErrorCode(0xc0)\n\t/g/error_handler.go:66 +0x10d\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xc0)\n\t/g/error_handler.go:55 +0x5d\ncode.cloudfoundry.org/gorouter/proxy/round_tripper.(*roundTripper).RoundTrip(0xc0)\n\t/g/proxy_round_tripper.go:1 +0x5d\ncreated by net/http.(*Server).Serve in goroutine 1\n",
    ),
    (
        "the final headers",
        None,
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/http.Header.Add(...)\n\t/go/header.go:31\nnet/http/httputil.copyHeader(0xc0?, 0xc0?)\n\t/go/reverseproxy.go:284 +0x125\nnet/http/httputil.(*ReverseProxy).ServeHTTP(0xc0, {0xd2, 0xc0}, 0xc0)\n\t/go/reverseproxy.go:510 +0xe9a\ncode.cloudfoundry.org/gorouter/proxy.(*proxy).ServeHTTP(0xc0)\n\t/g/gorouter/proxy/proxy.go:265 +0x75c\ncreated by net/http.(*Server).Serve in goroutine 1\n",
    ),
    (
        "HTTP/2, after the handler",
        None,
        "panic: WriteHeader called after Handler finished\n\ngoroutine 7 [running]:\nnet/http.(*http2responseWriter).WriteHeader(0xc0, 0x67)\n\t/go/h2_bundle.go:6543 +0x1b6\ncode.cloudfoundry.org/gorouter/proxy/utils.(*proxyResponseWriter).WriteHeader(0xc0, 0x67)\n\t/g/gorouter/proxy/utils/responsewriter.go:90 +0x12e\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func3(0x67, 0xc0)\n\t/go/reverseproxy.go:461 +0x5a\nnet/http.(*persistConn).readResponse(0xc0)\n\t/go/transport.go:2333 +0x1c7\nnet/http.(*persistConn).readLoop(0xc0)\n\t/go/transport.go:2133 +0x3b0\ncreated by net/http.(*Transport).dialConn in goroutine 570\n",
    ),
    (
        "the hook, deleting; hooks of two owners",
        Some("map-writes-in-1xx-hook"),
        "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func2(0x67, 0xc0)\n\t/go/reverseproxy.go:465 +0x5a\nreflect.Value.call({0x1, 0x2}, {0x3, 0x4})\n\t/go/reflect/value.go:596 +0xce7\nreflect.Value.Call(0xc0)\n\t/go/reflect/value.go:380 +0xb9\nnet/http/httptrace.(*ClientTrace).compose.func1({0xc0, 0x2})\n\t/go/httptrace/trace.go:194 +0x1\nnet/http.(*persistConn).readResponse(0xc0)\n\t/go/transport.go:2333 +0x1c7\nnet/http.(*persistConn).readLoop(0xc0)\n\t/go/transport.go:2133 +0x3b0\ncreated by net/http.(*Transport).dialConn in goroutine 570\n",
    ),
    (
        "the hook, cut short",
        Some("map-iteration-and-write"),
        "fatal error: concurrent map iteration and map write\n\ngoroutine 7 [running]:\nnet/http.Header.writeSubset(0xc0)\n\t/go/header.go:190 +0x5a\nnet/http.(*response).WriteHeader(0xc0, 0x67)\n\t/go/server.go:1170 +0x5a\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func2(0x67, 0xc0)\n",
    ),
];

type Damage = fn(&str) -> Vec<u8>;

/// What happens to logs, none of which may change a verdict.
pub const DAMAGES: [(&str, Damage); 35] = [
    ("CRLF", |log| log.replace('\n', "\r\n").into()),
    ("no indents", |log| log.replace('\t', "").into()),
    ("tabs to spaces", |log| log.replace('\t', "        ").into()),
    ("tabs escaped", |log| log.replace('\t', "#011").into()),
    ("no blank lines", |log| log.replace("\n\n", "\n").into()),
    ("blank lines doubled", |log| log.replace('\n', "\n\n").into()),
    ("RFC 3164", |log| {
        each(log, |line| {
            format!("<27>Nov  3 06:43:14 router-0 gorouter[71]: {line}")
        })
    }),
    ("RFC 5424", |log| {
        each(log, |line| {
            format!(
                "<14>1 2026-11-23T06:43:14.5+01:00 10.0.1.2 gorouter rs2 - [instance@47450 az=\"z1\"] {line}"
            )
        })
    }),
    ("ISO syslog", |log| {
        each(log, |line| {
            format!("2026-11-23T06:43:14.123456+00:00 host gorouter[7]: {line}")
        })
    }),
    ("cf logs", |log| {
        each(log, |line| {
            format!("   2026-11-23T06:43:14.00+0000 [RTR/0] ERR {line}")
        })
    }),
    ("bosh ssh", |log| {
        each(log, |line| format!("router/0af3-11: stderr | {line}"))
    }),
    ("docker", |log| {
        each(log, |line| {
            serde_json::json!({ "log": format!("{line}\n"), "stream": "stderr", "time": "2026-11-23T06:43:14Z" }).to_string()
        })
    }),
    ("kubernetes", |log| {
        each(log, |line| {
            format!("2026-11-23T06:43:14.000000000Z stderr F {line}")
        })
    }),
    ("compose, coloured", |log| {
        each(log, |line| format!("\x1b[36mgorouter_1  |\x1b[0m {line}"))
    }),
    ("each line with its own mark", |log| {
        let mut number = 0;
        each(log, |line| {
            number += 1;
            format!("[{number:06}] {line}")
        })
    }),
    ("only the first line marked", |log| {
        log.replace("fatal error", "Nov 23 06:43:14 host gorouter[7]: fatal error")
            .replace("panic: ", "Nov 23 06:43:14 host gorouter[7]: panic: ")
            .into()
    }),
    ("all in one line", |log| {
        let trace = log.find("fatal").or(log.find("panic: ")).unwrap_or(0);
        format!(
            "Nov 23 06:43:14 host gorouter[7]: {}\n",
            log[trace..].replace('\n', "#012").replace('\t', "#011")
        )
        .into()
    }),
    ("all in one record", |log| {
        let trace = log.find("fatal").or(log.find("panic: ")).unwrap_or(0);
        serde_json::json!({ "message": log[trace..], "host": "router-0" })
            .to_string()
            .into()
    }),
    ("grep -n", |log| {
        numbered(log, |number, line| format!("{number}:{line}"))
    }),
    ("grep -Hn -A 999", |log| {
        numbered(log, |number, line| {
            let mark = if line.starts_with("fatal") { ':' } else { '-' };
            format!("gorouter.log{mark}{number}{mark}{line}")
        })
    }),
    ("cat -n", |log| {
        numbered(log, |number, line| format!("{number:6}\t{line}"))
    }),
    ("quoted in a mail", |log| each(log, |line| format!("> {line}"))),
    ("klog", |log| {
        each(log, |line| {
            format!("E1123 06:43:14.123456    1234 logger.go:12] {line}")
        })
    }),
    ("a record of another collector", |log| {
        each(log, |line| {
            serde_json::json!({ "event": "log", "textPayload": line, "severity": "ERROR" }).to_string()
        })
    }),
    ("places beside their calls", |log| {
        log.replace(")\n\t/", ") /").into()
    }),
    ("in one line, its ends escaped", |log| {
        let trace = log.find("fatal").or(log.find("panic: ")).unwrap_or(0);
        log[trace..].replace('\n', "\\n").replace('\t', "\\t").into()
    }),
    ("NULs before", |log| [&[0; 5000], log.as_bytes()].concat()),
    ("a byte order mark", |log| format!("\u{feff}{log}").into()),
    ("junk between the lines", |log| {
        log.replace('\n', "\n\u{1}\u{2}\u{fffd}junk\u{0}\n").into()
    }),
    ("a busy log between the lines", |log| {
        log.replace('\n', "\n2026/11/23 06:43:14 http: proxy error: context canceled\n{\"log_level\":1,\"source\":\"vcap.gorouter\"}\n").into()
    }),
    ("a line of megabytes before", |log| {
        format!("{}\n{log}", "goroutine ".repeat(300_000)).into()
    }),
    ("newer headers", |log| {
        log.replace(
            " [running]:",
            " gp=0xc000002380 m=4 mp=0xc000100008 [running, locked to thread]:",
        )
        .into()
    }),
    ("the runtime's frames", |log| {
        log.replacen(" [running]:\n", " [running]:\npanic({0x1?, 0x2?})\n\t/go/runtime/panic.go:914 +0x21f fp=0xc0 sp=0xc1 pc=0x2\nruntime.fatal({0x1?, 0x2?})\n\t/go/runtime/panic.go:1 +0x18 fp=0xc0 sp=0xc1 pc=0x2\nruntime.mapassign_faststr(0x1)\n\t/go/runtime/map_faststr.go:1 +0x18\n", 1).into()
    }),
    ("another Go", |log| {
        log.replace("ServeHTTP.func2", "ServeHTTP.func3")
            .replace(" in goroutine ", " @ ")
            .replace(GO, "/usr/local/go/src")
            .into()
    }),
    ("vendored names, no end", |log| {
        log.trim_end()
            .replace("\ngithub.com/", "\ncode.cloudfoundry.org/vendor/github.com/")
            .into()
    }),
];

fn each(log: &str, mut mark: impl FnMut(&str) -> String) -> Vec<u8> {
    log.lines()
        .map(|line| mark(line) + "\n")
        .collect::<String>()
        .into()
}

fn numbered(log: &str, mark: impl Fn(usize, &str) -> String) -> Vec<u8> {
    let mut number = 0;
    each(log, |line| {
        number += 1;
        mark(number, line)
    })
}
