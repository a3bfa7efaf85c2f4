"""docs/conformance.md out of the documents of comparisons."""
import shlex

NAMES = {"haproxy": "HAProxy", "envoy": "Envoy", "nginx": "nginx", "lb-sim": "lb-sim"}

INTRODUCTION = """\
# Conformance: lb-sim beside the real ones

Written by `scripts/conformance`, which runs every row again. Each row is one `resetlab compare`: the same faults, at the
same routers and at the same phases of each balancer's own checks, under the same arrivals, on lb-sim and on the real
program in its place, in turn, each trial on a stack of its own. Both are configured from the same settings: a preset
(`resetlab presets`) and what the row sets beside it.

*Anchor* is what the same program did when it was measured for the presets, by other tools: its window is kill → intended
time of the last failed request, minimum / median / maximum. *Residual* is |measured − predicted| of `t_detect`, predicted
from the last check that the dead router itself had seen. *Window* is what clients saw: fault → intended time of the last
lost request that was sent after it. *Share* is lost ÷ (window × {share:.0f} requests a second), all trials together.
Counts are a trial's mean; `+` is what was in flight at the fault. `-` was not observed, or there is nothing to tell.

They **agree** where the outcomes of requests sent after the fault are the same (an outcome of at most 2 % of them, or of
at most one request a trial, does not count, nor does a difference of one), the shares differ by at most 5 %, or one
request a trial, and the median residuals of both are at most 50 ms; what cannot be judged, for want of a prediction, is
left out.
"""


def render(results, machine, version, load, reasons):
    share = float(load["rate"]) / float(load["routers"])
    versions = sorted({f"{NAMES.get(side['engine'], side['engine'])} {side['version']}"
                       for row, result in results for side in sides(result)})
    dates = sorted({result["date"] for _, result in results})
    lines = [INTRODUCTION.format(share=share)]
    lines.append(f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} with {', '.join(versions)} ({version}), "
                 f"on {machine}, everything on loopback. Load: " + ", ".join(f"`{k}={v}`" for k, v in load.items()) + ".\n")
    builds = {tuple(result["made_with"]["program"]) for _, result in results}
    if len(builds) > 1:
        lines.append(f"The rows were measured with {len(builds)} builds of resetlab.\n")
    agreed = [verdict(result)["agree"] for _, result in results]
    lines.append(f"**{agreed.count(True)} of {len(agreed)} rows agree"
                 + (f", {agreed.count(False)} disagree" if False in agreed else "") + ".**\n")
    for engine in dict.fromkeys(row.engine for row, _ in results):
        lines.append(f"## {NAMES[engine]}\n")
        lines.append("| row | | n | noticed | residual ms: median (max) | `t_detect` s | window s | lost | share | clients saw | |")
        lines.append("|---|---|---|---|---|---|---|---|---|---|---|")
        for row, result in results:
            if row.engine == engine:
                lines += table_rows(row, result)
        lines.append("")
    lines += disagreements(results, reasons)
    lines += commands(results)
    return "\n".join(lines)


def table_rows(row, result):
    """The anchor, the real one, lb-sim."""
    ours, theirs = sides(result)
    yield f"| **{row.name}** | anchor | | | | | {row.anchor} | | | | **{agreement(verdict(result)['agree'])}** |"
    for side in (theirs, ours):
        yield "| | " + " | ".join([
            NAMES.get(side["engine"], side["engine"]),
            str(side["n"]) + (f" ({side['invalid']} invalid)" if side["invalid"] else ""),
            "-" if side["detected"] is None else str(side["detected"]),
            "-" if side["residual_ms"] is None else f"{side['residual_ms']['median']:.1f} ({side['residual_ms']['max']:.1f})",
            spread(side["t_detect_s"], 2),
            spread(side["window_s"], 2),
            spread(side["lost"], 0),
            "-" if side["lost_over_window"] is None
            else "{pooled:.3f} ({min:.3f} to {max:.3f})".format(**side["lost_over_window"]),
            outcomes(side),
            "",
        ]) + " |"


def outcomes(side):
    n = max(side["n"], 1)

    def count(count):
        later = f"{count['window'] / n:.1f}"
        return later + (f" + {count['in_flight'] / n:.1f}" if count["in_flight"] else "")
    return ", ".join(f"{outcome} {count(each)}" for outcome, each in side["outcomes"].items()) or "nothing lost"


def spread(values, digits):
    if values is None:
        return "-"
    return " / ".join(f"{values[key]:.{digits}f}" for key in ("min", "p50", "max"))


def disagreements(results, reasons):
    """Every row that does not agree, what about it, and why, where that is known."""
    rows = [(row, verdict(result)) for row, result in results if verdict(result)["agree"] is not True]
    if not rows:
        return
    yield "## What does not agree\n"
    for row, found in rows:
        parts = [f"{part}: {found[part]['reason']}" for part in ("classes", "numbers", "residuals")
                 if found[part]["agree"] is not True]
        yield f"- **{row.name}**: {'; '.join(parts)}. {reasons.get(row.name, 'The reason is not known.')}"
    yield ""


def commands(results):
    yield "## The commands\n"
    yield "```sh"
    yield "scripts/conformance                       # all of it"
    for _, result in results:
        yield f"resetlab {shlex.join(result['made_with']['command'])}"
    yield "```"
    yield ""


def agreement(agree):
    return {True: "agree", False: "disagree", None: "nothing to judge by"}[agree]


def sides(result):
    return result["document"]["faults"][0]["engines"]


def verdict(result):
    return result["document"]["faults"][0]["verdicts"][0]
