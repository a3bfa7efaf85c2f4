"""Kills routers that were started by hand and times when lb-sim, started by hand too, stops using them.
Called by by-hand. Times are CLOCK_MONOTONIC: of the kill just before the signal, of the belief by lb-sim's own record."""
import json, os, random, signal, socket, subprocess, sys, tempfile, threading, time

BIN, DETECTOR, TRIALS, RATE = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
NET, ROUTERS = "127.78", 4
LB, APP = f"{NET}.0.2:8000", f"{NET}.2.1:9000"
PATIENCE = 30


class Records:
    """The records of a process, read from its event pipe as they come."""

    def __init__(self):
        self.read, self.write = os.pipe()
        self.all, self.news = [], threading.Condition()

    def follow(self):
        os.close(self.write)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in os.fdopen(self.read):
            with self.news:
                self.all.append(json.loads(line))
                self.news.notify_all()

    def wait(self, since, wanted):
        """The first record from `since` on that `wanted` accepts; None if it does not come."""
        end = time.monotonic() + PATIENCE
        with self.news:
            while True:
                for record in self.all[since:]:
                    if wanted(record):
                        return record
                if not self.news.wait(max(0, end - time.monotonic())):
                    return None


def router(n, log):
    command = [f"{BIN}/router", "--name", f"router-{n}", "--listen", f"{NET}.1.{n}:8081",
               "--health", f"{NET}.1.{n}:8080", "--routes", f"{WORK}/routes.toml"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for(f"{NET}.1.{n}:8080")
    return process


def wait_for(address):
    host, port = address.split(":")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((host, int(port)), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"by-hand: nothing listens on {address}; logs are in {WORK}")


def quantile(values, q):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * q // 100) - 1)]


def main():
    log = open(f"{WORK}/log", "w")
    with open(f"{WORK}/routes.toml", "w") as routes:
        routes.write(f'[[route]]\nhost = "app.test"\nendpoints = ["{APP}"]\n')
    running, lb, load = [], Records(), Records()
    try:
        running.append(subprocess.Popen([f"{BIN}/resetlab", "__app", "--listen", APP], stdout=log, stderr=log))
        wait_for(APP)
        routers = {n: router(n, log) for n in range(1, ROUTERS + 1)}
        backends = [f"--backend=router-{n}={NET}.1.{n}:8081,{NET}.1.{n}:8080" for n in routers]
        running.append(subprocess.Popen(
            [f"{BIN}/lb-sim", "--listen", LB, "--interval", "1s", "--timeout", "1s", "--rise", "1", "--detector",
             DETECTOR, "--events-fd", str(lb.write), *backends], stdout=log, stderr=log, pass_fds=[lb.write]))
        lb.follow()
        wait_for(LB)
        running.append(subprocess.Popen(
            [f"{BIN}/resetlab", "__load", "--target", LB, "--rate", RATE, "--events-fd", str(load.write)],
            stdout=log, stderr=log, pass_fds=[load.write]))
        load.follow()
        load.wait(0, lambda r: r["event"] == "tick" and r["ok"] > 0)
        took, lost = [], []
        for trial in range(TRIALS):
            n = random.randint(1, ROUTERS)
            name = f"router-{n}"
            time.sleep(random.uniform(0.3, 1.3))
            since, lost_since = len(lb.all), len(load.all)
            death = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            os.kill(routers[n].pid, signal.SIGKILL)
            out = lambda r: r["event"] == "belief" and r["router"] == name and r["to"] in ("down", "ejected")
            belief = lb.wait(since, out)
            if belief is None:
                raise SystemExit(f"by-hand: {name} was killed and never out of use; logs are in {WORK}")
            took.append((belief["t_ns"] - death) / 1e6)
            routers[n].wait()
            quiet = lb.wait(since, lambda r: r["event"] == "quiet" and r["router"] == name)
            time.sleep(0.2)  # the client's view of the last failed request
            failed = [r for r in lb.all[since:] if r["event"] == "attempt" and r["router"] == name]
            after = [(r["started_ns"] - death) / 1e6 for r in failed]
            lost.append((sum(a < 0 for a in after), sum(a >= 0 for a in after), max([*after, 0])))
            outcomes = sum(r["event"] == "outcome" for r in load.all[lost_since:])
            print(f"trial {trial + 1}/{TRIALS}: {name} out of use after {took[-1]:.2f} ms by {belief['by']}, failed "
                  f"attempts {lost[-1][0]} in flight + {lost[-1][1]} until {lost[-1][2]:.2f} ms, lost {outcomes}", flush=True)
            assert quiet is not None
            back = len(lb.all)
            routers[n] = router(n, log)
            if lb.wait(back, lambda r: r["event"] == "belief" and r["router"] == name and r["to"] == "up") is None:
                raise SystemExit(f"by-hand: {name} is back and never used again; logs are in {WORK}")
        late = sum(last > t for (_, _, last), t in zip(lost, took))
        print(f"\n{DETECTOR}, kill -9 by hand, {RATE} requests/s, n {TRIALS}: t_detect p50 {quantile(took, 50):.2f} p95 "
              f"{quantile(took, 95):.2f} p99 {quantile(took, 99):.2f} max {max(took):.2f} ms; failed attempts "
              f"{sum(l[0] for l in lost)} in flight + {sum(l[1] for l in lost)} within t_detect; later than t_detect: {late} trials")
    finally:
        for process in [*running, *locals().get("routers", {}).values()]:
            process.kill()
            process.wait()


with tempfile.TemporaryDirectory(prefix="by-hand-") as WORK:
    main()
