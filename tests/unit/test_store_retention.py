from sqlalchemy import func, select
from store_help import DEVICE, T0, accepted, claim, epoch, long, pdu, send, settle

from gateway.store import inbox, outbox, retention, schema
from gateway.store.engine import Store
from gateway.store.types import Status


def left(store: Store) -> dict[str, int]:
    with store.read() as c:
        return {
            table.name: c.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (schema.message, schema.transmission, schema.attempt, schema.part, schema.inpart)
        }


def test_only_what_is_old_and_finished_goes(store: Store) -> None:
    mine = epoch(store)
    send(store, "+1", "+2")
    for one in claim(store, mine):
        settle(store, mine, one, Status.SENT, accepted(one))
    waiting, young = send(store, "+1"), send(store, "+1", now=T0 + 10, status=Status.FAILED)
    store.write(lambda c: inbox.save(c, DEVICE, [pdu("unread"), *long("a", "b")], T0))
    assert store.write(lambda c: retention.forget(c, T0 + 1)) == 1
    assert left(store) == {"message": 4, "transmission": 4, "attempt": 0, "part": 0, "inpart": 3}
    store.write(lambda c: [inbox.finish(c, each.id, mine, Status.HANDLED, T0) for each in inbox.claim(c, mine, 9, T0)])
    assert store.write(lambda c: retention.forget(c, T0 + 1, limit=1)) == 1
    assert store.write(lambda c: retention.forget(c, T0 + 1, limit=9)) == 1
    assert left(store)["inpart"] == 0
    store.write(lambda c: outbox.cancel(c, waiting, T0))
    assert store.write(lambda c: retention.forget(c, T0 + 1)) == 1
    assert store.write(lambda c: retention.forget(c, T0 + 11)) == 1
    assert left(store)["message"] == 0
    assert young
