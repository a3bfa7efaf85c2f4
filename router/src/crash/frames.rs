//! The stacks of a gorouter (routing-release 0.287.0, Go 1.21.13) that died of the race, as measured; shortened to the
//! frames that say where it was.

/// A function with its arguments, the root of its source file, and the file with line and offset.
pub struct Frame(pub &'static str, pub Root, pub &'static str);

/// Where source files were when gorouter was compiled.
#[derive(Clone, Copy)]
pub enum Root {
    Go,
    Gorouter,
    Vendor,
}
use Root::{Go, Gorouter, Vendor};

pub const GOROUTER: &str = "/var/vcap/data/compile/gorouter/src/code.cloudfoundry.org/gorouter";
pub const VENDOR: &str = "/var/vcap/data/compile/gorouter/src/code.cloudfoundry.org/vendor";

/// The error handler sets its header; above [`ROUND_TRIP`].
pub const SET: &[Frame] = &[
    Frame(
        "net/textproto.MIMEHeader.Set(...)",
        Go,
        "net/textproto/header.go:22",
    ),
    Frame("net/http.Header.Set(...)", Go, "net/http/header.go:40"),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xd272a0?, {0xd32af8, 0xc000335900}, {0xd272a0, 0x1259720})",
        Gorouter,
        "proxy/round_tripper/error_handler.go:53 +0x170",
    ),
];

/// The error handler's answer copies the map; above [`ROUND_TRIP`].
pub const CLONE: &[Frame] = &[
    Frame("net/http.Header.Clone(...)", Go, "net/http/header.go:106"),
    Frame(
        "net/http.(*response).WriteHeader(0xc000236540, 0x1f3)",
        Go,
        "net/http/server.go:1183 +0x81c",
    ),
    Frame(
        "github.com/urfave/negroni.(*responseWriter).WriteHeader(0xc0004fdcc0, 0x1f3)",
        Vendor,
        "github.com/urfave/negroni/response_writer.go:53 +0x82",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/utils.(*proxyResponseWriter).WriteHeader(0xc0004085a0, 0x1f3)",
        Gorouter,
        "proxy/utils/responsewriter.go:90 +0x12e",
    ),
    Frame(
        "net/http.Error({0xd2cfb0, 0xc0004085a0}, {0xc23337, 0x15}, 0x7f09dc7cb5b8?)",
        Go,
        "net/http/server.go:2153 +0x1a3",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).writeErrorCode(0xc00057e180, {0xd272a0, 0x1259720}, {0xd2cfb0, 0xc0004085a0})",
        Gorouter,
        "proxy/round_tripper/error_handler.go:66 +0x10d",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xd272a0?, {0xd32af8, 0xc0004085a0}, {0xd272a0, 0x1259720})",
        Gorouter,
        "proxy/round_tripper/error_handler.go:55 +0x1e5",
    ),
];

/// The request's goroutine, from the failed attempt down.
pub const ROUND_TRIP: &[Frame] = &[
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*roundTripper).RoundTrip(0xc0001723f0, 0xc0003ca800)",
        Gorouter,
        "proxy/round_tripper/proxy_round_tripper.go:267 +0x30d4",
    ),
    Frame(
        "net/http/httputil.(*ReverseProxy).ServeHTTP(0xc000436c30, {0xd2cfb0, 0xc000335900}, 0xc0003ca600)",
        Go,
        "net/http/httputil/reverseproxy.go:473 +0xe9a",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy.(*proxy).ServeHTTP(0xc0001142d0, {0xd2cfb0?, 0xc000335900}, 0x8?, 0xc0001f3900)",
        Gorouter,
        "proxy/proxy.go:265 +0x75c",
    ),
    Frame(
        "net/http.(*conn).serve(0xc000498510, {0xd2dbc8, 0xc000207f80})",
        Go,
        "net/http/server.go:2014 +0x5f4",
    ),
    Frame(
        "created by net/http.(*Server).Serve in goroutine 60",
        Go,
        "net/http/server.go:3091 +0x5cb",
    ),
];

/// The hook copies the headers of an interim response; above [`READ_LOOP`].
pub const COPY_HEADER: &[Frame] = &[
    Frame(
        "net/textproto.MIMEHeader.Add(...)",
        Go,
        "net/textproto/header.go:15",
    ),
    Frame("net/http.Header.Add(...)", Go, "net/http/header.go:31"),
    Frame(
        "net/http/httputil.copyHeader(0xc0005b1040?, 0xc00032c5a0?)",
        Go,
        "net/http/httputil/reverseproxy.go:284 +0x125",
    ),
    Frame(
        "net/http/httputil.(*ReverseProxy).ServeHTTP.func2(0xc0003db920?, 0xc000488700?)",
        Go,
        "net/http/httputil/reverseproxy.go:460 +0x45",
    ),
];

/// The hook walks over them to write them to the client; above [`READ_LOOP`]. Not among the measured dumps: functions
/// as in the source, places approximate.
pub const WRITE_SUBSET: &[Frame] = &[
    Frame(
        "net/http.Header.sortedKeyValues(0xc0005b1040, 0xc0004d2e70)",
        Go,
        "net/http/header.go:169 +0x1f2",
    ),
    Frame(
        "net/http.Header.writeSubset(0xc0005b1040, {0xd25c60, 0xc0004f0a80}, 0xc0004d2e70?, 0x0)",
        Go,
        "net/http/header.go:194 +0x98",
    ),
    Frame(
        "net/http.(*response).WriteHeader(0xc000336380, 0x67)",
        Go,
        "net/http/server.go:1176 +0x21a",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/utils.(*proxyResponseWriter).WriteHeader(0xc000381cc0, 0x67)",
        Gorouter,
        "proxy/utils/responsewriter.go:90 +0x12e",
    ),
    Frame(
        "net/http/httputil.(*ReverseProxy).ServeHTTP.func2(0xc0003db920?, 0xc000488700?)",
        Go,
        "net/http/httputil/reverseproxy.go:461 +0x5a",
    ),
];

/// The hook writes to a client whose connection is closed; above [`READ_LOOP`].
pub const NIL_WRITER: &[Frame] = &[
    Frame("bufio.(*Writer).Available(...)", Go, "bufio/bufio.go:659"),
    Frame(
        "bufio.(*Writer).Write(0x0, {0x1198bea?, 0xc000207680?, 0xc00033644b?})",
        Go,
        "bufio/bufio.go:677 +0x4e",
    ),
    Frame(
        "net/http.(*response).WriteHeader(0xc000336380, 0x67)",
        Go,
        "net/http/server.go:1173 +0x1b6",
    ),
    Frame(
        "github.com/urfave/negroni.(*responseWriter).WriteHeader(0xc000207080, 0x67)",
        Vendor,
        "github.com/urfave/negroni/response_writer.go:53 +0x82",
    ),
    Frame(
        "code.cloudfoundry.org/gorouter/proxy/utils.(*proxyResponseWriter).WriteHeader(0xc000381cc0, 0x67)",
        Gorouter,
        "proxy/utils/responsewriter.go:90 +0x12e",
    ),
    Frame(
        "net/http/httputil.(*ReverseProxy).ServeHTTP.func2(0xc0004522a0?, 0xc000335d00?)",
        Go,
        "net/http/httputil/reverseproxy.go:461 +0x5a",
    ),
];

/// The backend connection's goroutine, from the interim response down.
pub const READ_LOOP: &[Frame] = &[
    Frame(
        "net/http.(*persistConn).readResponse(0xc0002205a0, {{}, 0xc000488700, {0xc000488700}, 0xc0005896e0, 0x0, 0x0, 0xc000589680}, 0xc000492c80)",
        Go,
        "net/http/transport.go:2333 +0x1c7",
    ),
    Frame(
        "net/http.(*persistConn).readLoop(0xc0002205a0)",
        Go,
        "net/http/transport.go:2133 +0x3b0",
    ),
    Frame(
        "created by net/http.(*Transport).dialConn in goroutine 570",
        Go,
        "net/http/transport.go:1776 +0x169f",
    ),
];

pub const ACCEPT: &[Frame] = &[
    Frame(
        "internal/poll.runtime_pollWait(0x7f09dc7cb5b8, 0x72)",
        Go,
        "runtime/netpoll.go:343 +0x85",
    ),
    Frame(
        "net.(*TCPListener).Accept(0xc0001a2f48)",
        Go,
        "net/tcpsock.go:315 +0x30",
    ),
    Frame(
        "net/http.(*Server).Serve(0xc0003f40f0, {0xd2b9a0, 0xc0001a2f48})",
        Go,
        "net/http/server.go:3056 +0x364",
    ),
];

pub const MAIN: &[Frame] = &[Frame("main.main()", Gorouter, "main.go:259 +0x2285")];
