"""What differs from one run to the next becomes a word."""

import json
import re

# JSON fields whose value says nothing but when and where it was made.
FIELDS = {"pid": "PID", "age_s": "SPAN", "schema": "SCHEMA", "duration_ms": "SPAN"}

RULES = [
    (r"\?after=[^\"&]+", "?after=CURSOR"),
    (r"\b(seen|look)=\d+", r"\1=MARK"),
    (r"(Process\ncode\n +)\d+", r"\1PID"),
    (r"\bTook now\b", "Took SPAN"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\bmc[a-z]_[0-9A-Za-z]+", "SECRET"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d| UTC)?", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b\d\d:\d\d(:\d\d(\.\d+)?)?( UTC)?\b", "CLOCK"),
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (\d+ )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*( \d+)?", "DATE"),
    (r"\b\d+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b( \d{4})?", "DATE"),
    (r"/assets/[0-9a-f]+/", "/assets/HASH/"),
    (r"\b[0-9a-f]{16}-", "SEED-"),
    (r"\b[0-9a-f]{7,}\b", "HEX"),
    (r"\b\d+(\.\d+)? ?(ms|s|min|h|days?|d)\b( \d+ (s|min|h)\b)?", "SPAN"),
    (r"\bnow\b(?= *$)", "SPAN"),
    (r"\bless than a second\b", "SPAN"),
    (r"CLOCK[–-]CLOCK", "CLOCK"),
]
RULES = [(re.compile(pattern, re.M), word) for pattern, word in RULES]


def masked_text(server, text):
    text = text.replace(str(server.dir), "FOLDER").replace(str(server.program), "PROGRAM")
    text = text.replace(f"127.0.0.1:{server.port}", "HOST")
    text = re.sub(rf"\b{server.process.pid}\b", "PID", text)
    for pattern, word in RULES:
        text = pattern.sub(word, text)
    return text


def masked_json(server, text):
    """Pretty, keys sorted, masked value by value."""

    def walk(value, name=""):
        if name in FIELDS and value is not None:
            return FIELDS[name]
        if isinstance(value, dict):
            if value.get("state") == "failed" and "accepted_at" in value:
                value["accepted_at"] = "TIME or null"  # whether that was seen before the failure was
            return {key: walk(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return in_any_order([walk(inner) for inner in value])
        if isinstance(value, str):
            return masked_text(server, value)
        return value

    return json.dumps(walk(json.loads(text)), indent=1, sort_keys=True, ensure_ascii=False)


def in_any_order(items):
    """A run's start is seen by one part of the server and its output by another: which event is first is chance."""
    if not all(isinstance(item, dict) and {"seq", "tool", "content"} <= item.keys() for item in items):
        return items
    plain = [{**item, "id": "EVENT", "seq": "SEQ"} for item in items]
    return sorted(plain, key=lambda item: json.dumps(item, sort_keys=True))
