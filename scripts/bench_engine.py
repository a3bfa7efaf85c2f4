"""Interleaved A/B of proxies: CPU seconds per 100,000 proxied requests. Called by bench-engine and bench-router."""
import os, re, shutil, socket, statistics, subprocess, sys, tempfile, time

NET = "127.77"
BACKENDS = [f"{NET}.1.{n}:9000" for n in range(1, 5)]
TICK = os.sysconf("SC_CLK_TCK")


class Bench:
    """Four backends on core 1, proxies on core 0, ended with the `with` block."""

    def __init__(self, program, seconds):
        self.program, self.seconds = program, seconds

    def __enter__(self):
        self.work = tempfile.mkdtemp(prefix="bench-engine-")
        self.log = open(f"{self.work}/log", "w")
        self.running = []
        listen = [arg for backend in BACKENDS for arg in ("--listen", backend)]
        self.start(1, [self.program, "__app", *listen], BACKENDS[-1])
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()
        self.log.close()
        shutil.rmtree(self.work)

    def file(self, name, text):
        with open(f"{self.work}/{name}", "w") as file:
            file.write(text)
        return file.name

    def start(self, core, command, address):
        """A process that listens at `address`."""
        process = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=self.log, stderr=self.log)
        self.running.append(process)
        host, port = address.split(":")
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return process
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise SystemExit(f"bench: nothing listens on {address}: {' '.join(command)}")

    def measure(self, name, process, address):
        """CPU seconds per 100,000 requests, and requests per second."""
        before = cpu(process.pid)
        out = subprocess.run(
            ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{self.seconds}s", f"http://{address}/"],
            capture_output=True, text=True, check=True).stdout
        used = cpu(process.pid) - before
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        for trouble in (r"Non-2xx or 3xx responses: .*", r"Socket errors: .*"):
            if found := re.search(trouble, out):
                raise SystemExit(f"bench: {name}: {found.group(0)}")
        return used / requests * 1e5, requests / self.seconds

    def compare(self, first, second, rounds):
        """Prints a row a round and the median of the paired ratios; each contestant is (name, process, address)."""
        for contestant in (first, second):
            self.measure(*contestant)
        ratios = []
        print(f"round {first[0] + ' CPU s/100k':>24}    req/s {second[0] + ' CPU s/100k':>24}    req/s    ratio")
        for n in range(rounds):
            pair = {}
            for contestant in (second, first) if n % 2 else (first, second):
                pair[contestant[0]] = self.measure(*contestant)
            (ours, our_rate), (theirs, their_rate) = pair[first[0]], pair[second[0]]
            ratios.append(ours / theirs)
            print(f"{n + 1:5} {ours:24.3f} {our_rate:8.0f} {theirs:24.3f} {their_rate:8.0f} {ratios[-1]:8.3f}", flush=True)
        print(f"ratio {first[0]} / {second[0]}: median {statistics.median(ratios):.3f}, "
              f"min {min(ratios):.3f}, max {max(ratios):.3f}, n {len(ratios)}")


def cpu(pid):
    """User plus system seconds of a process, all threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def lb_sim_and_haproxy(program, rounds, seconds):
    lb, haproxy = f"{NET}.0.2:8000", f"{NET}.0.3:8000"
    with Bench(program, seconds) as bench:
        servers = "\n".join(f"  server s{i} {b} check inter 1s" for i, b in enumerate(BACKENDS))
        config = bench.file(
            "haproxy.cfg",
            "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n"
            f"  timeout server 2s\n  option httpchk GET /\nfrontend f\n  bind {haproxy}\n  default_backend b\n"
            f"backend b\n  balance roundrobin\n{servers}\n")
        backends = [arg for i, b in enumerate(BACKENDS) for arg in ("--backend", f"s{i}={b},{b}")]
        ours = [program, "__lb", "--listen", lb, "--interval", "1s", "--timeout", "1s", "--path", "/", *backends]
        first = ("lb-sim", bench.start(0, ours, lb), lb)
        second = ("HAProxy", bench.start(0, ["haproxy", "-f", config], haproxy), haproxy)
        bench.compare(first, second, rounds)


def routers(program, rounds, seconds, before):
    """Without the header race: against the program `before`. Then with it, against without."""
    with Bench(program, seconds) as bench:
        routes = bench.file("routes.toml", f"[[route]]\nhost = \"*\"\nendpoints = {BACKENDS}\n".replace("'", '"'))

        def router(name, program, host, *flags):
            traffic = f"{NET}.0.{host}:8081"
            command = [program, "__router", "--listen", traffic, "--health", f"{NET}.0.{host}:8080",
                       "--routes", routes, *flags]
            return name, bench.start(0, command, traffic), traffic

        off = router("race off", program, 4, "--header-race", "off", "--max-conns", "0")
        if before:
            bench.compare(off, router("before", before, 5), rounds)
        bench.compare(router("race on", program, 6, "--header-race", "on", "--max-conns", "0"), off, rounds)


if __name__ == "__main__":
    what, program, rounds, seconds, *before = sys.argv[1:]
    if what == "engine":
        lb_sim_and_haproxy(program, int(rounds), int(seconds))
    else:
        routers(program, int(rounds), int(seconds), before and before[0])
