#!/usr/bin/env python3
"""Records what the server answers, as one text file per endpoint, and compares two recordings.

    record.py --bin target/debug/mission-control --out FOLDER     records
    record.py --compare FOLDER FOLDER                             says what differs; exit code 1 where something does

A server of its own is started on loopback with a temporary data folder, brought into a known state by requests alone (tickets
of every kind, a conversation, tasks, reports), and then every GET route is fetched, with representative POSTs between. What
differs from run to run is masked: times, spans, ids of sessions, secrets, hashes, ports, paths. Of a page, its visible text and
what it can do is kept (ids, links, forms, fields, live updates), not its classes and not its nesting.
"""

import argparse
import difflib
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from mask import masked_json, masked_text  # noqa: E402
from page import outline  # noqa: E402
from server import Server  # noqa: E402
import steps  # noqa: E402

# Headers that belong to the contract.
HEADERS = ("content-type", "location", "allow", "retry-after", "content-range", "accept-ranges")
# What a GET of the route table may be without: these cannot be named by one address.
ROUTE = re.compile(r'(?:"GET",\s*(?:path:\s*)?|Route::get\(\s*)"(/[^"]*)"')


class Recorder:
    """Asks, masks, and writes each answer into a file of its own."""

    def __init__(self, server, out):
        self.server = server
        self.out = out
        self.asked = []
        out.mkdir(parents=True, exist_ok=True)

    def record(self, name, method, path, **how):
        """One request, one file. `name` is the file's."""
        answer = self.server.request(method, path, **how)
        self.asked.append((method, path.split("?")[0]))
        lines = [f"{method} {path}"]
        if how.get("body") is not None or how.get("form") is not None:
            lines.append(f"sent {json.dumps(how.get('body', how.get('form')), sort_keys=True)}"[:400])
        lines.append(f"status {answer.status}")
        lines += [f"{header}: {answer.headers[header]}" for header in HEADERS if header in answer.headers]
        text = masked_text(self.server, "\n".join(lines)) + "\n\n" + self.shown(answer)
        target = self.out / f"{name}.txt"
        if target.exists():
            sys.exit(f"two answers are to be called {name}")
        target.write_text(text.rstrip("\n") + "\n")
        return answer

    def shown(self, answer):
        kind = answer.headers.get("content-type", "")
        text = answer.body.decode("utf-8", "replace")
        if "json" in kind:
            return masked_json(self.server, text)
        if "event-stream" in kind:
            return self.message(text)
        if "html" in kind:
            return outline(text, lambda part: masked_text(self.server, part))
        if answer.path.startswith("/assets/"):
            return f"({kind})"
        return masked_text(self.server, text)

    def message(self, text):
        """The first message of a stream."""
        fields = [line.split(": ", 1) for line in text.split("\n\n")[0].splitlines() if ": " in line]
        data = "\n".join(value for name, value in fields if name == "data")
        head = [f"{name}: {value}" for name, value in fields if name not in ("data", "id")]
        head += ["id: given" for name, _ in fields if name == "id"]
        body = masked_json(self.server, data) if data.startswith("{") else outline(data, lambda part: masked_text(self.server, part))
        return "\n".join(head + [body])

    def missing(self, sources):
        """GET routes that the sources name and nobody asked for."""
        asked = {path for method, path in self.asked if method == "GET"}
        found = set()
        for file in sources.rglob("*.rs"):
            found |= set(ROUTE.findall(file.read_text()))
        return sorted(route for route in found if not any(fits(route, path) for path in asked))


def fits(route, path):
    pattern = "".join(".+" if part.endswith(":.*}") else "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", route))
    return re.fullmatch(pattern, path) is not None


def compare(before, after):
    """Prints what differs; true where nothing does."""
    names = sorted({f.name for folder in (before, after) for f in folder.glob("*.txt")})
    same = True
    for name in names:
        texts = [(folder / name).read_text().splitlines() if (folder / name).exists() else [] for folder in (before, after)]
        diff = list(difflib.unified_diff(*texts, f"{before}/{name}", f"{after}/{name}", lineterm="", n=2))
        if diff:
            same = False
            print("\n".join(diff[:80]))
            if len(diff) > 80:
                print(f"… and {len(diff) - 80} lines more")
    print(f"{len(names)} answers, {'all the same' if same else 'not the same'}")
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, help="the program to record")
    parser.add_argument("--out", type=pathlib.Path, help="the folder to write to; what it has is replaced")
    parser.add_argument("--routes", type=pathlib.Path, help="sources of the routes: each GET in them must have been asked for")
    parser.add_argument("--compare", type=pathlib.Path, nargs=2, metavar=("BEFORE", "AFTER"))
    args = parser.parse_args()
    if args.compare:
        sys.exit(0 if compare(*args.compare) else 1)
    if not args.bin or not args.out:
        parser.error("--bin and --out, or --compare")
    if args.out.exists():
        for file in args.out.glob("*.txt"):
            file.unlink()
    with Server(args.bin.resolve()) as server:
        recorder = Recorder(server, args.out)
        steps.play(server, recorder)
    missing = recorder.missing(args.routes) if args.routes else []
    if missing:
        sys.exit("not recorded, add them to tests/contract/steps.py: " + ", ".join(missing))
    print(f"{len(recorder.asked)} answers in {args.out}")


if __name__ == "__main__":
    os.umask(0o022)
    main()
