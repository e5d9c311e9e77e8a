"""How fast the API is: lookups, send, receive, and the router with 5 apps and 20 keyword handlers.

    python bench/api.py [--full] [--durability full]

Each line has the rate by the clock on the wall, the processor's time for one, and the rate that one core could reach.
"""

from __future__ import annotations

import argparse
import tempfile
import time

from gateway import App, KeywordHandler, api, configure, get_router, lookup_connections, receive, send
from gateway.apps.handlers import HandlersApp

WANTED_S = 1.0
WANTED_A_SECOND = 1000


class Answer(KeywordHandler):
    def handle(self, text):
        self.respond(text)


class Handlers(HandlersApp):
    name = "handlers"
    handlers = tuple(type(f"Word{i}", (Answer,), {"keyword": f"word{i}"}) for i in range(20))


class Bystander(App):
    """Looks at each message and lets it pass."""


def timed(label, count, work):
    start, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{label:<28} {count / wall:>8.0f}/s  {cpu / count * 1e6:>6.0f} µs of CPU  {count / cpu:>8.0f}/s on one core")
    return cpu


def measure(messages, identities):
    router = get_router()
    for app in (Bystander, Bystander, Bystander, Bystander, Handlers):
        router.add_app(app)
    numbers = [f"07{i:08}" for i in range(identities)]
    timed("lookup, new", identities, lambda: lookup_connections("mtn", numbers))
    cpu = timed("lookup, known", identities, lambda: lookup_connections("mtn", numbers))
    print(f"  {identities} in one call: {cpu:.2f} s of CPU (wanted: {WANTED_S * identities / 10_000:.2f})")
    people = lookup_connections("mtn", numbers)
    timed("send to all at once", identities, lambda: send("hello", people))
    some = [people[i % identities] for i in range(messages)]
    timed("send, one by one", messages, lambda: [send("hello", each) for each in some])
    timed("receive", messages, lambda: [receive("word19 hello", each) for each in some])
    cpu = timed("5 apps, stored and answered", messages, router.drain)
    print(f"  {messages / cpu:.0f} a second on one core (wanted: {WANTED_A_SECOND})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="10,000 messages instead of 1,000")
    parser.add_argument("--durability", choices=["full", "fast"], default="full")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".") as state:
        gateway = {"state": state, "durability": given.durability, "region": "KE"}
        configure({"gateway": gateway, "modem": {"mtn": {"port": "virtual"}}})
        measure(10_000 if given.full else 1000, 10_000)
        api.adopt(None)


if __name__ == "__main__":
    main()
