#!/usr/bin/env python3
"""A scripted agent in a terminal, for tests: an input box, bracketed paste, hooks and a transcript as Claude Code has them.

It answers `I read:` and the prompt. Words in a prompt:
  TOOL    uses a tool first               SLOW    works until Escape          ASK     opens a dialog that Escape closes
  FAIL    ends with StopFailure           DIE     is killed while it works    LAST    writes its answer and is killed
  NOSTOP  answers, but no Stop is told    DEAF    does not hear the first Enter
Environment: AGENT_LEFTOVER text in the box at the start; AGENT_DIALOG=1 begins with a dialog; AGENT_GONE=1 knows no conversation.
"""
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
import tty

ARGS = sys.argv[1:]


def value(flag):
    return ARGS[ARGS.index(flag) + 1] if flag in ARGS[:-1] else None


if "--version" in ARGS:
    print("9.9.9 (scripted agent)")
    sys.exit(0)
if "--help" in ARGS:
    print("Usage: agent [options]\n  --resume --session-id --settings --append-system-prompt")
    sys.exit(0)

SESSION = value("--resume") or value("--session-id")
if os.environ.get("AGENT_GONE") and value("--resume"):
    print("No conversation found with session ID: " + SESSION)
    time.sleep(0.3)
    sys.exit(1)
HOOKS = json.load(open(value("--settings"), encoding="utf-8"))["hooks"]
TRANSCRIPT = os.path.join(os.environ["MC_SESSION_DIR"], "transcript.jsonl")


class Agent:
    def __init__(self):
        self.log, self.text, self.shown = [], "", ""
        self.prompt_id, self.pastes, self.deaf = "", 0, False
        self.footer, self.dialog, self.pending = "? for shortcuts", bool(os.environ.get("AGENT_DIALOG")), b""

    def draw(self):
        out = ["\x1b[H\x1b[2J"] + [line + "\r\n" for line in self.log[-12:]]
        rule = "─" * 60 + "\r\n"
        if self.dialog:
            out += [rule, " ☐ Pick\r\n\r\nWhich one?\r\n\r\n❯ 1. A\r\n  2. B\r\n\r\nEnter to select · Esc to cancel"]
        else:
            box = self.shown.replace("\n", "\r\n  ")
            out += [rule, "❯\u00a0" + box + "\x1b[7m \x1b[0m\r\n", rule, "  " + self.footer]
        sys.stdout.write("".join(out))
        sys.stdout.flush()

    def hook(self, event, **more):
        payload = {"hook_event_name": event, "session_id": SESSION, "transcript_path": TRANSCRIPT, "cwd": os.getcwd(), **more}
        if self.prompt_id:
            payload["prompt_id"] = self.prompt_id
        for entry in HOOKS.get(event, []):
            for hook in entry["hooks"]:
                subprocess.run(hook["command"], shell=True, input=json.dumps(payload).encode(), check=False)

    def write(self, **line):
        with open(TRANSCRIPT, "a", encoding="utf-8") as out:
            out.write(json.dumps({"sessionId": SESSION, **line}) + "\n")

    def say(self, text, stop):
        usage = {"input_tokens": 1000, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30, "output_tokens": 4}
        content = [{"type": "text", "text": text}]
        self.write(type="assistant", message={"id": "m" + str(time.time()), "content": content, "stop_reason": stop, "usage": usage})

    def keys(self, wait):
        if not self.pending and select.select([0], [], [], wait)[0]:
            self.pending = os.read(0, 1 << 16)
        while b"\x1b[200~" in self.pending and b"\x1b[201~" not in self.pending:
            self.pending += os.read(0, 1 << 16)
        if self.pending.startswith(b"\x1b[200~"):
            paste, self.pending = self.pending[6:].split(b"\x1b[201~", 1)
            return ("paste", paste.decode().replace("\r", "\n"))
        if not self.pending:
            return (None, "")
        char = self.pending[:1]
        while char[0] & 0xC0 == 0xC0 or len(char) > 1:
            try:
                char.decode()
                break
            except UnicodeDecodeError:
                char = self.pending[: len(char) + 1]
        self.pending = self.pending[len(char) :]
        return ("key", char.decode())

    def edit(self, kind, what):
        if kind == "paste" and (what.count("\n") > 2 or len(what) > 800):
            self.pastes += 1
            self.text, self.shown = self.text + what, self.shown + f"[Pasted text #{self.pastes} +{what.count(chr(10))} lines]"
        elif kind == "paste" or what >= " ":
            self.text, self.shown = self.text + what, self.shown + what
        elif what == "\x15":
            head, found, tail = self.shown.rpartition("\n")
            keep = head + found if tail else head
            self.text = self.shown = "" if "[Pasted" in self.shown else keep
        elif what == "\x7f":
            self.text = self.shown = self.shown[:-1]
        elif what == "\x03":
            if not self.shown:
                sys.exit(0)
            self.text = self.shown = ""

    def run(self):
        if os.environ.get("AGENT_LEFTOVER"):
            self.text = self.shown = os.environ["AGENT_LEFTOVER"]
        self.hook("SessionStart", source="resume" if value("--resume") else "startup")
        while True:
            self.draw()
            kind, what = self.keys(600)
            if self.dialog:
                if what in ("\x1b", "\r"):
                    self.dialog = False
                    self.log.append("the dialog was answered by " + repr(what))
                elif kind:
                    self.log.append("typed into the dialog: " + repr(what[:50]))
            elif what == "\r" and kind == "key":
                if "DEAF" in self.text and not self.deaf:
                    self.deaf = True
                elif self.text.strip():
                    self.turn()
            elif kind:
                self.edit(kind, what)

    def turn(self):
        prompt, self.text, self.shown = self.text, "", ""
        self.prompt_id = "p" + str(time.time())
        self.log.append("❯ " + prompt[:60].replace("\n", " "))
        self.footer = "esc to interrupt"
        self.draw()
        self.hook("UserPromptSubmit", prompt=f'\n\n<pasted_content id="1">\n{prompt}\n</pasted_content id="1">\n')
        self.write(type="user", promptId=self.prompt_id, message={"role": "user", "content": prompt})
        if "TOOL" in prompt:
            self.say("Let me look.", "tool_use")
            self.hook("PreToolUse", tool_name="Read", tool_input={"file_path": os.path.join(os.getcwd(), "src/app.rs")})
            time.sleep(0.3)
            self.hook("PostToolUse", tool_name="Read", tool_input={}, tool_response="x")
        if "DIE" in prompt:
            self.say("I begin", "tool_use")
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if "SLOW" in prompt and not self.interrupted():
            return
        if "ASK" in prompt:
            self.dialog = True
            self.draw()
            while self.keys(600)[1] != "\x1b":
                pass
            self.dialog = False
            return self.leave_off()
        if "FAIL" in prompt:
            self.footer = "? for shortcuts"
            return self.hook("StopFailure", error="billing_error", last_assistant_message="Credit balance is too low")
        answer = "I read:\n" + prompt
        if "NOSTOP" not in prompt:
            if "LAST" in prompt:
                self.say(answer, "end_turn")
                os.kill(os.getpid(), signal.SIGKILL)
            self.hook("Stop", last_assistant_message=answer)
            time.sleep(0.05)
        self.say(answer, "end_turn")
        self.log.append("● " + answer[:60].replace("\n", " "))
        self.footer = "? for shortcuts"

    def interrupted(self):
        self.say("So far", "tool_use")
        while True:
            kind, what = self.keys(600)
            if what == "\x1b":
                self.leave_off()
                return False
            if kind:
                self.edit(kind, what)

    def leave_off(self):
        self.write(type="user", message={"role": "user", "content": [{"type": "text", "text": "[Request interrupted by user]"}]})
        self.footer = "? for shortcuts"


before = termios.tcgetattr(0)
tty.setraw(0)
sys.stdout.write("\x1b[?2004h")
try:
    Agent().run()
finally:
    termios.tcsetattr(0, termios.TCSANOW, before)
