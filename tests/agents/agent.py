#!/usr/bin/env python3
"""A scripted agent for tests: speaks stream-json as its mode says.

The mode is AGENT_MODE, or the first argument that names one. Modes:
  instant     init, one tool call, DONE, exit 0            hang        init, then silence for ever
  talker      TALK_LINES numbered texts with small pauses  garbage     lines that are no JSON
  question    QUESTION on a new session, DONE on a resume  longline    one line of LONG_MB (50) megabytes, then DONE
  review      REVIEW                                       halfline    ends in the middle of a line
  none        a result without a prefix                    badutf8     invalid UTF-8, NUL and a lone surrogate, then DONE
  empty       DONE without any tool call                   twice       REVIEW as first result, DONE as second
  subagent    a sub-agent says DONE, the agent REVIEW      noresult    tool call, exit 0, no result
  code1       tool call, then exit 1                       code137     exit 137 without a result
  auth        401: retry line, error, exit 1               limit       429 with a reset, exit 1
  fork        another session id than asked for            unknown     unknown session on a resume, else instant
  linger      DONE, then stays                             stray       leaves a child in a session of its own, DONE
  hang-probe  hangs on --version                           old         knows no --worktree, --effort, --session-id
  wrongplace  says it works elsewhere                      stubborn    ignores SIGTERM and hangs
  flood       FLOOD_MB (50) megabytes of texts, then DONE  retries     code1 until the third start, then DONE
  hangonce    hang on a new session, DONE on a resume      mute        hangs without a word on a new session, DONE on a resume
  reply       answers with what REPLY_FILE holds           taken       refuses --session-id: used already, DONE on a resume
  forgets     code1 on a new session, unknown on a resume  deaf        asks, falls, falls before its init, DONE
AGENT_RECORD=file: appends one JSON line with argv, environment, cwd, pid and the prompt.
AGENT_SENTINEL=1: the DONE of `instant` carries the sentinel of its brief.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid

MODES = set(re.findall(r"(?:^  |  )([a-z0-9-]+) {2,}[A-Za-z0-9]", __doc__, re.M))
ARGS = sys.argv[1:]
MODE = os.environ.get("AGENT_MODE") or next((a for a in ARGS if a in MODES), "instant")


def value(flag):
    return ARGS[ARGS.index(flag) + 1] if flag in ARGS[:-1] else None


if "--version" in ARGS:
    if MODE == "hang-probe":
        time.sleep(600)
    print("9.9.9 (scripted agent)")
    sys.exit(0)
if "--help" in ARGS:
    flags = "--output-format --verbose --resume --model --permission-mode --dangerously-skip-permissions"
    print("Usage: agent [options]\n  " + flags + ("" if MODE == "old" else " --worktree --effort --session-id"))
    sys.exit(0)

PROMPT = sys.stdin.buffer.read().decode("utf-8", "replace")
SESSION = value("--resume") or value("--session-id") or str(uuid.uuid4())
if MODE == "fork" and value("--resume"):
    SESSION = str(uuid.uuid4())
CWD = os.getcwd()
if value("--worktree") and os.path.isdir(os.path.join(CWD, ".claude/worktrees", value("--worktree"))):
    CWD = os.path.join(CWD, ".claude/worktrees", value("--worktree"))
    os.chdir(CWD)

if os.environ.get("AGENT_RECORD"):
    seen = {"argv": sys.argv, "env": dict(os.environ), "cwd": CWD, "pid": os.getpid(), "prompt": PROMPT, "mode": MODE}
    fd = os.open(os.environ["AGENT_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (json.dumps(seen) + "\n").encode())
    os.close(fd)

OUT = sys.stdout.buffer
COUNT = 0


def starts():
    """How many agents were started so far, this one included."""
    with open(os.environ["AGENT_RECORD"]) as record:
        return sum(1 for _ in record)


def raw(data):
    OUT.write(data)
    OUT.flush()


def emit(obj):
    obj.setdefault("session_id", SESSION)
    raw(json.dumps(obj).encode() + b"\n")


def init():
    emit({"type": "system", "subtype": "init", "cwd": "/nonexistent/elsewhere" if MODE == "wrongplace" else CWD,
          "tools": ["Bash"], "model": "scripted", "permissionMode": "default", "claude_code_version": "9.9.9"})


def block(content, parent=None, **more):
    global COUNT
    COUNT += 1
    emit({"type": "assistant", "message": {"id": "msg_%d" % COUNT, "role": "assistant", "model": "scripted", "content": [content],
          "usage": {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}},
          "parent_tool_use_id": parent, **more})


def say(text, parent=None):
    block({"type": "text", "text": text}, parent)


def tool(command="echo hi", output="hi", parent=None):
    call = "toolu_%s_%d" % (SESSION[:8], COUNT + 1)
    block({"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}}, parent)
    emit({"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": output,
          "is_error": False}]}, "parent_tool_use_id": parent})


def result(text, index=0, **more):
    # "type" is not the first key, as in the real stream.
    emit({"duration_ms": 5, "num_turns": 1, "total_cost_usd": 0.01, "usage": {"input_tokens": 10, "output_tokens": 2},
          "permission_denials": [], "is_error": False, "subtype": "success", "api_error_status": None, "result": text,
          "type": "result", "result_index": index, "queued_turn_count": 0, "terminal_reason": "completed", **more})


def end(text, **more):
    say(text)
    result(text, **more)


def api_error(status, kind, text):
    block({"type": "text", "text": text}, error=kind, api_error_status=status)
    result(text, is_error=True, api_error_status=status, terminal_reason="api_error")
    sys.exit(1)


def main():
    if MODE in ("unknown", "forgets") and value("--resume"):
        text = "No conversation found with session ID: " + value("--resume")
        print(text, file=sys.stderr)
        emit({"type": "result", "subtype": "error_during_execution", "is_error": True, "errors": [text]})
        sys.exit(1)
    if MODE == "taken" and value("--session-id"):
        print("Error: Session ID %s is already in use." % SESSION, file=sys.stderr)
        sys.exit(1)
    if MODE == "deaf" and starts() == 3:
        sys.exit(1)
    if MODE == "mute" and not value("--resume"):
        while True:
            time.sleep(60)
    if MODE == "garbage":
        for n in range(20):
            raw(b"this is no JSON %d {]\n" % n)
        return
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    init()
    if MODE in ("hang", "stubborn") or MODE == "hangonce" and not value("--resume"):
        say("I will say nothing more.")
        while True:
            time.sleep(60)
    if MODE == "talker":
        pause = float(os.environ.get("TALK_PAUSE_MS", "4")) / 1000
        tool()
        for n in range(1, int(os.environ.get("TALK_LINES", "100")) + 1):
            say("line %d" % n)
            if pause and random.random() < 0.3:
                time.sleep(random.random() * pause)
        end("DONE: said all lines")
    elif MODE == "question":
        tool()
        if value("--resume"):
            answer = re.search(r"^BEGIN (\S+) reply[^\n]*\n(.*?)\nEND \1$", PROMPT, re.M | re.S)
            end("DONE: went on with: " + (answer.group(2) if answer else "nothing"))
        else:
            end("QUESTION: Which region?\n\n- eu-central-1\n- us-east-1")
    elif MODE == "reply":
        tool()
        with open(os.environ["REPLY_FILE"], newline="") as file:
            end(file.read())
    elif MODE == "review":
        tool()
        end("REVIEW: please look")
    elif MODE == "none":
        tool()
        end("I did something.")
    elif MODE == "empty":
        end("DONE: nothing to do")
    elif MODE == "longline":
        tool()
        size = int(float(os.environ.get("LONG_MB", "50")) * 1024 * 1024)
        raw(b'{"type":"assistant","message":{"content":[{"type":"text","text":"')
        while size > 0:
            raw(b"x" * min(size, 1 << 20))
            size -= 1 << 20
        raw(b'"}]}}\n')
        end("DONE: said a long line")
    elif MODE == "flood":
        tool()
        size, text = 0, "flood " * 1000
        while size < float(os.environ.get("FLOOD_MB", "50")) * 1024 * 1024:
            say(text)
            size += len(text)
        end("DONE: said very much")
    elif MODE == "halfline":
        tool()
        raw(b'{"type":"assistant","message":{"content":[{"type":"text","text":"half a li')
        sys.exit(1)
    elif MODE == "badutf8":
        tool()
        raw(b'{"type":"assistant","message":{"content":[{"type":"text","text":"bad \xff\xfe bytes"}]}}\n')
        raw(b'{"type":"assistant","message":{"content":[{"type":"text","text":"lone \\ud83d surrogate"}]}}\n')
        raw(b"\0\0\0\n\xef\xbb\xbf{}\r\n\n")
        end("DONE: said bad bytes")
    elif MODE == "twice":
        tool()
        end("REVIEW: the first result")
        init()
        end("DONE: the second result", index=1)
    elif MODE == "subagent":
        block({"type": "tool_use", "id": "toolu_task", "name": "Task", "input": {"description": "look", "prompt": "look"}})
        say("DONE: says the sub-agent", parent="toolu_task")
        emit({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "toolu_task", "content": "DONE: says the sub-agent"}]}})
        end("REVIEW: says the agent")
    elif MODE == "retries" and starts() >= 3:
        tool()
        end("DONE: third time lucky")
    elif MODE == "deaf" and starts() == 1:
        tool()
        end("QUESTION: Which colour?")
    elif MODE in ("noresult", "code1", "code137", "retries", "forgets") or MODE == "deaf" and starts() == 2:
        tool()
        print("something went wrong", file=sys.stderr)
        sys.exit({"noresult": 0, "code137": 137}.get(MODE, 1))
    elif MODE == "auth":
        emit({"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10, "retry_delay_ms": 521.5,
              "error_status": 401, "error": "authentication_failed"})
        time.sleep(float(os.environ.get("AUTH_WAIT_S", "0")))
        api_error(401, "authentication_failed", "Invalid API key · Fix external API key")
    elif MODE == "limit":
        api_error(429, "rate_limit", os.environ.get("LIMIT_TEXT", "API Error: Request rejected (429) · limit reached, resets in 10 minutes"))
    elif MODE == "linger":
        tool()
        end("DONE: but I stay")
        while True:
            time.sleep(60)
    elif MODE == "stray":
        tool()
        # As agents run their tools: in a session of its own, with the pipe held open.
        subprocess.Popen(["sleep", os.environ.get("STRAY_S", "600")], start_new_session=True, stdin=subprocess.DEVNULL)
        end("DONE: left a child behind")
    else:
        tool()
        text = "DONE: instantly"
        nonce = re.search(r'"ticket":"(MC-\d+)","nonce":"(MC_TICKET_TURN:[^"]+)"', PROMPT)
        if os.environ.get("AGENT_SENTINEL") and nonce:
            signal_line = {"mc_signal": "DONE", "ticket": nonce.group(1), "nonce": nonce.group(2), "payload": "instantly"}
            text += "\n\n" + json.dumps(signal_line)
        end(text)


main()
