#!/usr/bin/env python3
"""The benchmarks' results as one table, as JSON, and as data for chart.gp.

    table.py library OUT_DIR     reads OUT_DIR/{authenticate,authorize,introspection}.json, allocations.json, memory.json, storm.json
    table.py broker ROWS OUT     reads what mqtt_load printed, writes OUT
    table.py instructions ROWS OUT    the same for what cachegrind counted
"""
import json
import statistics
import sys

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
FIRST = "EVP_DigestVerify, new context, nothing parsed"
COLD = [("new context", FIRST), ("kept contexts", "OpenSSL, contexts kept"), ("tokenward", "Tokenward"),
        ("tokenward strangers", "Tokenward, scopes that nobody had before"), ("cjose", "cjose 0.6"), ("cjose signature only", "cjose 0.6, claims not read"),
        ("libjwt", "libjwt 1.10"), ("cpp-jwt", "cpp-jwt")]
SCOPES = [1, 20, 200, 2000]
SIZES = [1, 10, 100, 1000]


def load(path):
    """Median CPU and wall time in nanoseconds by name."""
    with open(path) as file:
        document = json.load(file)
    times = {}
    for run in document["benchmarks"]:
        if run.get("run_type") == "iteration" and not run.get("error_occurred"):
            unit = {"ns": 1, "us": 1e3, "ms": 1e6}[run["time_unit"]]
            times.setdefault(run["run_name"], []).append((run["cpu_time"] * unit, run["real_time"] * unit))
    for run in document["benchmarks"]:
        if run.get("error_occurred"):
            sys.exit(f"{run['name']}: {run['error_message']}")
    return {name: {"cpu_ns": statistics.median(c for c, _ in all), "wall_ns": statistics.median(w for _, w in all),
                   "runs": len(all)} for name, all in times.items()}, document["context"]


def ns(value):
    if value is None:
        return "-"
    for limit, factor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e12, 1e6, "ms")):
        if value < limit:
            return f"{value / factor:.3g} {unit}" if value / factor < 100 else f"{value / factor:.0f} {unit}"


def line(name, *cells):
    print(f"  {name:<48}" + "".join(f"{cell:>16}" for cell in cells))


def head(title, *cells):
    print(f"\n{title}")
    line("", *cells)


def library(out):
    times, context = load(f"{out}/authenticate.json")
    for name in ("authorize", "introspection"):
        more, _ = load(f"{out}/{name}.json")
        times.update(more)
    with open(f"{out}/storm.json") as file:
        storms = [json.loads(row) for row in file]
    with open(f"{out}/allocations.json") as file:
        allocations = {row["name"]: row for row in json.load(file)}
    with open(f"{out}/memory.json") as file:
        memory = [json.loads(row) for row in file]

    def cpu(name):
        return times[name]["cpu_ns"] if name in times else None

    def scaling(name):
        one, two = cpu(name + "/threads:1"), cpu(name + "/threads:2")
        return "-" if one is None or two is None else f"{2 * one / two:.2f}"

    print(f"CPU time, medians of {times['cold/tokenward/RS256/threads:1']['runs']} interleaved runs; "
          f"{context['num_cpus']} CPUs at {context['mhz_per_cpu']} MHz, load {context['load_avg'][0]:.1f}")
    head("authenticate, cold (ratio: speed, the first row = 1.00)", *ALGORITHMS)
    summary = {"context": context, "times": times, "allocations": allocations, "memory": memory,
               "storms": storms, "cold": {}}
    for key, title in COLD:
        cells, ratios = [], {}
        for algorithm in ALGORITHMS:
            first, this = cpu(f"cold/new context/{algorithm}/threads:1"), cpu(f"cold/{key}/{algorithm}/threads:1")
            cells.append("-" if this is None else f"{ns(this)} {first / this:.2f}")
            if this is not None:
                ratios[algorithm] = first / this
        if ratios:
            summary["cold"][title] = ratios
            line(title, *cells)

    head("two threads: throughput, one thread = 1.00 (2.00 is ideal; the CPUs may be one core's)", *ALGORITHMS)
    for key, title in COLD[:3]:
        line(title, *[scaling(f"cold/{key}/{a}") for a in ALGORITHMS])
    head("", "warm", "authorize @10", "authorize @1000")
    line("Tokenward", scaling("warm/tokenward"), scaling("authorize/tokenward allowed/10"),
         scaling("authorize/tokenward allowed/1000"))
    line("Tokenward, a backend for each thread", scaling("warm/tokenward own copies"),
         scaling("authorize/tokenward own copies/10"), scaling("authorize/tokenward own copies/1000"))

    head("authenticate, the same token again", "", "over SHA-256")
    sha = cpu("warm/SHA-256/threads:1")
    line("SHA-256 of the token", ns(sha))
    line("Tokenward", ns(cpu("warm/tokenward/threads:1")), ns(cpu("warm/tokenward/threads:1") - sha))

    head("authenticate, again, where the provider is asked, 20 scopes", "", "/ JWT")
    for name in ("JWT", "opaque token", "client credentials"):
        line(name, ns(cpu(f"asked/{name}")), f"{cpu(f'asked/{name}') / cpu('asked/JWT'):.2f}")

    for storm in storms:
        head(f"{storm['clients']} new opaque tokens at once, the provider answers after {storm['delay_ms']} ms, "
             f"introspection_rate = {storm['rate']}", "median", "99 %", "longest")
        line(f"all are in after {storm['seconds']} s, {storm['requests']} requests, {storm['calls']} calls")
        for key, title in (("call", "a call for one of them"), ("other", "a client with a known token meanwhile"),
                           ("quiet", "the same before")):
            line(title, *[ns(us * 1e3) for us in storm[key + "_us"]])

    for verdict in ("allowed", "denied"):
        head(f"authorize, {verdict}, by number of scopes", *SIZES)
        for key, title in (("tokenward", "Tokenward"), ("PCRE2 JIT", "PCRE2, JIT, one alternation"),
                           ("RE2", "RE2, one alternation")):
            line(title, *[ns(cpu(f"authorize/{key} {verdict}/{n}/threads:1")) for n in SIZES])
    denials = "authorize/tokenward 10000 denials"
    head("authorize, allowed, beside a denied_file of 10000 lines, by number of scopes", *SIZES)
    line("Tokenward", "", ns(cpu(f"{denials}/10/threads:1")), "", ns(cpu(f"{denials}/1000/threads:1")))

    head("authenticate, cold, RS256, by number of scopes", *SCOPES)
    for key, title in (("new context", "the signature alone"), ("tokenward", "Tokenward"),
                       ("tokenward strangers", "Tokenward, scopes that nobody had before")):
        line(title, *[ns(cpu(f"scopes/{key}/{n}")) for n in SCOPES])
    line("... over the signature",
         *[ns(cpu(f"scopes/tokenward strangers/{n}") - cpu(f"scopes/new context/{n}")) for n in SCOPES])

    head("hostile tokens, and the rest", "")
    for name in sorted(times):
        if name.startswith("hostile/"):
            line(name[len("hostile/"):], ns(cpu(name)))
    line("refresh, cold", ns(cpu("refresh/cold/0")))
    line("refresh, warm", ns(cpu("refresh/warm/1")))
    line("reload", ns(cpu("reload")))
    line("reload with a denied_file of 10000 lines", ns(cpu("reload/10000 denials")))
    line("authenticate, cold, RS256, a reload each 10 ms", ns(cpu("cold under reload/RS256")))

    head("allocations per call (OpenSSL's included)", *ALGORITHMS)
    for key, title in (("new context", FIRST), ("kept contexts", "OpenSSL, contexts kept"), ("cold", "Tokenward")):
        line(title, *[f"{allocations[f'{key}/{a}']['allocations']:.0f}" for a in ALGORITHMS])
    head("", "warm", "allowed", "denied", "not a token")
    line("Tokenward", *[f"{allocations[n]['allocations']:.0f}"
                        for n in ("warm", "authorize, allowed", "authorize, denied", "not a token")])

    head("resident memory, 20 scopes each", "per session", "all sessions")
    for row in memory:
        line(f"{row['sessions']} sessions, scopes {row['scopes']}", f"{row['bytes_per_session']:.0f} B",
             f"{row['megabytes']:.1f} MB")

    with open(f"{out}/summary.json", "w") as file:
        json.dump(summary, file, indent=1)
    with open(f"{out}/cold.dat", "w") as file:
        print("algorithm", *[f'"{title}"' for title in summary["cold"]], sep="\t", file=file)
        for algorithm in ALGORITHMS:
            print(algorithm, *[f"{ratios[algorithm]:.3f}" if algorithm in ratios else "NaN"
                               for ratios in summary["cold"].values()], sep="\t", file=file)


def broker(rows, out):
    runs = {}
    with open(rows) as file:
        for row in file:
            what, name, wall, cpu = row.split()
            runs.setdefault((what, name), []).append((float(wall), float(cpu)))
    titles = {"open": "no auth", "plugin": "a plugin that allows all", "password": "password file",
              "cold": "Tokenward, cold", "warm": "Tokenward, warm"}
    summary = {}
    for what in ("connects", "publishes", "deliveries", "new_topics"):
        head(f"Mosquitto, {what} (medians of {len(runs[(what, 'open')])} interleaved rounds)",
             "per second", "wall", "broker's CPU", "/ allows all", "quartiles")
        for name, title in titles.items():
            wall = statistics.median(w for w, _ in runs[(what, name)])
            cpu = statistics.median(c for _, c in runs[(what, name)])
            # Of the same round: what slows the machine down slows both.
            ratios = [own / allow for (_, own), (_, allow) in zip(runs[(what, name)], runs[(what, "plugin")])]
            low, ratio, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
            summary.setdefault(what, {})[name] = {"wall_us": wall, "broker_cpu_us": cpu, "ratios": ratios}
            line(title, f"{1e6 / wall:.0f}", ns(wall * 1e3), ns(cpu * 1e3), f"{ratio:.3f}", f"{low:.3f}-{high:.3f}")
    with open(out, "w") as file:
        json.dump(summary, file, indent=1)


def instructions(rows, out):
    head("Mosquitto, instructions for a message (cachegrind)", "allows all", "Tokenward", "ratio")
    summary = {}
    with open(rows) as file:
        for row in file:
            what, allow, own = row.split()
            summary[what] = {"allow_all": int(allow), "tokenward": int(own)}
            line(what, allow, own, f"{int(own) / int(allow):.4f}")
    with open(out, "w") as file:
        json.dump(summary, file, indent=1)


if __name__ == "__main__":
    {"library": library, "broker": broker, "instructions": instructions}[sys.argv[1]](*sys.argv[2:])
