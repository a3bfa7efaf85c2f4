"""Interleaved A/B of lb-sim and HAProxy: CPU seconds per 100,000 proxied requests. Called by bench-engine."""
import os, re, shutil, socket, statistics, subprocess, sys, tempfile, time

BIN, ROUNDS, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
NET = "127.77"
BACKENDS = [f"{NET}.1.{n}:9000" for n in range(1, 5)]
LB, HAPROXY = f"{NET}.0.2:8000", f"{NET}.0.3:8000"
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """User plus system seconds of a process, all threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wait_for(address):
    """Returns when `address` accepts a connection."""
    host, port = address.split(":")
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"bench-engine: nothing listens on {address}")


def start(core, log, *command):
    return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=log, stderr=log)


def measure(name, process, address):
    """CPU seconds per 100,000 requests, and requests per second."""
    before = cpu(process.pid)
    out = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{SECONDS}s", f"http://{address}/"],
        capture_output=True, text=True, check=True).stdout
    used = cpu(process.pid) - before
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    for trouble in (r"Non-2xx or 3xx responses: .*", r"Socket errors: .*"):
        if found := re.search(trouble, out):
            raise SystemExit(f"bench-engine: {name}: {found.group(0)}")
    return used / requests * 1e5, requests / SECONDS


def main():
    work = tempfile.mkdtemp(prefix="bench-engine-")
    log = open(f"{work}/log", "w")
    running = []
    try:
        listen = [arg for backend in BACKENDS for arg in ("--listen", backend)]
        running.append(start(1, log, f"{BIN}/resetlab", "__app", *listen))
        for backend in BACKENDS:
            wait_for(backend)
        servers = "\n".join(f"  server s{i} {b} check inter 1s" for i, b in enumerate(BACKENDS))
        with open(f"{work}/haproxy.cfg", "w") as config:
            config.write(
                "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n"
                f"  timeout server 2s\n  option httpchk GET /\nfrontend f\n  bind {HAPROXY}\n  default_backend b\n"
                f"backend b\n  balance roundrobin\n{servers}\n")
        haproxy = start(0, log, "haproxy", "-f", f"{work}/haproxy.cfg")
        running.append(haproxy)
        backends = [arg for i, b in enumerate(BACKENDS) for arg in ("--backend", f"s{i}={b},{b}")]
        lb = start(0, log, f"{BIN}/lb-sim", "--listen", LB, "--interval", "1s", "--timeout", "1s", "--path", "/", *backends)
        running.append(lb)
        wait_for(HAPROXY)
        wait_for(LB)
        contestants = [("haproxy", haproxy, HAPROXY), ("lb-sim", lb, LB)]
        for contestant in contestants:
            measure(*contestant)
        ratios = []
        print("round   lb-sim CPU s/100k    req/s   HAProxy CPU s/100k    req/s    ratio")
        for n in range(ROUNDS):
            pair = {}
            for name, process, address in contestants if n % 2 else reversed(contestants):
                pair[name] = measure(name, process, address)
            (ours, our_rate), (theirs, their_rate) = pair["lb-sim"], pair["haproxy"]
            ratios.append(ours / theirs)
            print(f"{n + 1:5} {ours:19.3f} {our_rate:8.0f} {theirs:20.3f} {their_rate:8.0f} {ours / theirs:8.3f}", flush=True)
        print(f"ratio lb-sim / HAProxy: median {statistics.median(ratios):.3f}, "
              f"min {min(ratios):.3f}, max {max(ratios):.3f}, n {len(ratios)}")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        log.close()
        shutil.rmtree(work)


main()
