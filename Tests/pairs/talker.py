"""A talker for Python, see channels.py."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bindings/python/src"))

import syncmgr  # noqa: E402  (found by the line above)

PATIENCE = 30


def pattern(number):
    return bytes((number * 7 + place) & 255 for place in range(number * 300))


def is_right(message, sender):
    number = message.correlation
    return (message.data == pattern(number) and message.metadata == {"n": number, "text": "\u00e9"}
            and message.topic == f"t/{number}" and message.sender == sender
            and message.priority == ("high" if number % 2 else "low"))


class Talker:
    def __init__(self, space, name):
        self.me = space.workstream(name)

    def open(self):
        self.queue = self.me.queue_channel("jobs", capacity=64, acknowledge=True)
        self.direct = self.me.direct("calls")
        self.topics = self.me.topics("news", retain=True)
        self.memory = self.me.memory("cells")
        return 0

    def send(self, count):
        for number in range(int(count)):
            self.queue.send(pattern(number), topic=f"t/{number}", correlation=number,
                            priority="high" if number % 2 else "low",
                            metadata={"n": number, "text": "\u00e9"})
        return 0

    def take(self, count, sender):
        wrong, done = 0, []
        while len(done) < int(count):
            message = self.queue.recv(PATIENCE)
            wrong += not is_right(message, sender)
            if message.correlation % 4 == 0 and message.deliveries == 1:
                message.reject()
            else:
                message.acknowledge()
                done.append(message.correlation)
        return wrong + (done != list(range(int(count))))

    def call(self, count, target):
        wrong = 0
        for number in range(int(count)):
            answer = self.direct.call(pattern(number), target, timeout=PATIENCE)
            wrong += answer.data != pattern(number)[::-1] or answer.correlation != number * 2
        return wrong

    def serve(self, count):
        for number in range(int(count)):
            message = self.direct.recv(PATIENCE)
            message.reply(message.data[::-1], correlation=number * 2)
        return 0

    def retain(self):
        return int(self.topics.send(b"kept", topic="a/state", retain=True))

    def publish(self, count):
        return int(count) - sum(self.topics.send(pattern(number), topic=f"a/{number}/x")
                                for number in range(int(count)))

    def subscribe(self):
        self.topics.subscribe("a/*/x")
        self.topics.subscribe("**/state")
        return 0

    def hear(self, count, sender):
        first = self.topics.recv(PATIENCE)
        wrong = (first.data, first.topic, first.retained) != (b"kept", "a/state", True)
        for number in range(int(count)):
            message = self.topics.recv(PATIENCE)
            wrong += (message.data, message.topic, message.sender) != (
                pattern(number), f"a/{number}/x", sender)
        return wrong

    def set(self):
        for key, value in (("int", -5), ("float", 1.5), ("text", "\u00e9"), ("json", {"a": [1]}),
                           ("bytes", b"\0\1")):
            self.memory[key] = value
        return 0

    def get(self):
        cells = self.memory.snapshot(["int", "float", "text", "json", "bytes"])
        return [cell.value for cell in cells.values()] != [-5, 1.5, "\u00e9", {"a": [1]}, b"\0\1"]


def main(url, name):
    with syncmgr.open(url) as space:
        talker = Talker(space, name)
        for line in sys.stdin:
            step, *words = line.split()
            print(json.dumps([step, int(getattr(talker, step)(*words))]), flush=True)


main(*sys.argv[1:])
