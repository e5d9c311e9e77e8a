"""How fast the API is: lookups, send, receive, and the router with 5 apps and 20 keyword handlers.

Run it as ``python bench/api.py [full|fast]``; it prints one line for each figure.
"""

from __future__ import annotations

import sys
import tempfile
import time

from gateway import App, KeywordHandler, api, configure, get_router, lookup_connections, receive, send
from gateway.apps.handlers import HandlersApp

MESSAGES = 2000
IDENTITIES = 10_000


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
    print(f"{label:<28} {count / wall:>9.0f}/s  {wall:>7.3f} s  {cpu:>7.3f} s of CPU")


def main(durability):
    with tempfile.TemporaryDirectory() as state:
        configure(
            {
                "gateway": {"state": state, "durability": durability, "region": "KE"},
                "modem": {"mtn": {"port": "virtual"}},
            }
        )
        router = get_router()
        for app in (Bystander, Bystander, Bystander, Bystander, Handlers):
            router.add_app(app)
        numbers = [f"07{i:08}" for i in range(IDENTITIES)]
        timed("lookup, new", IDENTITIES, lambda: lookup_connections("mtn", numbers))
        timed("lookup, known", IDENTITIES, lambda: lookup_connections("mtn", numbers))
        people = lookup_connections("mtn", numbers)
        timed("send to all at once", IDENTITIES, lambda: send("hello", people))
        timed("send, one by one", MESSAGES, lambda: [send("hello", each) for each in people[:MESSAGES]])
        timed("receive", MESSAGES, lambda: [receive("word19 hello", each) for each in people[:MESSAGES]])
        timed("5 apps, stored and answered", MESSAGES, router.drain)
        api.adopt(None)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
