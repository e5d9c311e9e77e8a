"""The contact book: its functions, and its CSV, which is taken whole or not at all."""

import io

import pytest

from gateway import (
    GatewayError,
    add_contact,
    contact_connections,
    delete_contact,
    edit_contact,
    find_contacts,
    group_connections,
    lookup_connections,
    set_contact,
)
from gateway.apps import contactfile
from gateway.store.schema import contact as table

BACKENDS = ["mtn", "acme"]


@pytest.fixture(autouse=True)
def router(gateway_router):
    return gateway_router


def connections(*identities, backend="mtn"):
    return lookup_connections(backend, identities)


def test_a_contact_with_connections():
    ann = add_contact("Ann", connections("+1", "+2"), language="sw", data={"ward": 3})
    assert [str(each) for each in contact_connections(ann)] == ["+1 via mtn", "+2 via mtn"]
    (again,) = connections("+1")
    assert again.contact == ann
    assert (ann.name, ann.language, ann.data, str(ann)) == ("Ann", "sw", {"ward": 3}, "Ann")
    changed = edit_contact(ann, language="en")
    assert (changed.name, changed.language, changed.data) == ("Ann", "en", {"ward": 3})
    assert find_contacts("Ann") == [changed]
    assert delete_contact(ann)
    assert not delete_contact(ann)
    assert connections("+1")[0].contact is None
    with pytest.raises(GatewayError, match=f"there is no contact {ann.id}"):
        edit_contact(ann, name="x")
    with pytest.raises(GatewayError, match=f"there is no contact {ann.id}"):
        set_contact(connections("+1")[0], ann)


def test_a_connection_changes_hands():
    ann, bob = add_contact("Ann", connections("+1")), add_contact("Bob")
    (one,) = connections("+1")
    assert set_contact(one, bob).contact == bob
    assert contact_connections(ann) == []
    assert set_contact(one, None).contact is None


def test_contacts_in_pages():
    made = [add_contact(str(n)) for n in range(5)]
    assert find_contacts(limit=2) == made[:2]
    assert find_contacts(limit=9, after=made[1].id) == made[2:]


def test_connections_by_language():
    add_contact("Ann", connections("+1"), language="sw")
    add_contact("Bob", connections("+2"))
    groups = group_connections(connections("+1", "+2", "+3"))
    assert {key: [each.identity for each in group] for key, group in groups.items()} == {"sw": ["+1"], "": ["+2", "+3"]}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": None}, "connections"),
        ({"name": "x" * 201}, "name must have at most 200 characters"),
        ({"name": "a\0"}, "all of them real ones"),
        ({"name": "x", "language": "x" * 36}, "language must have at most 35"),
        ({"name": "x", "data": {"a": object()}}, "data must be plain JSON values"),
        ({"name": "x", "connections": ["+1"]}, "connections must be Connection objects"),
    ],
)
def test_what_can_not_be_stored_is_said(values, error):
    if values["name"] is None:
        values, error = {"name": 5}, "name must be a str"
    with pytest.raises((TypeError, ValueError), match=error):
        add_contact(**values)
    assert find_contacts() == []


def read(text):
    return contactfile.read(io.StringIO(text, newline=""), BACKENDS, "KE")


def load(text):
    rows, faults = read(text)
    assert faults == []
    return [(each.line, each.outcome, each.what) for each in contactfile.load(rows)]


CSV = 'name,backend,identity,language\r\n"Ann, the nurse",mtn,0700000001,sw\r\n\r\nBob,acme,22141,\r\n'


def test_a_file_is_imported_with_a_report_for_each_row():
    assert load(CSV) == [
        (2, "created", "Ann, the nurse (+254700000001 via mtn)"),
        (4, "created", "Bob (22141 via acme)"),
    ]
    assert load(CSV.replace("Bob", "Rob")) == [
        (2, "unchanged", "Ann, the nurse (+254700000001 via mtn)"),
        (4, "updated", "Rob (22141 via acme)"),
    ]
    assert [each.name for each in find_contacts()] == ["Ann, the nurse", "Rob"]


def test_one_bad_row_keeps_all_of_them_out_and_each_is_named():
    rows, faults = read(
        "name,backend,identity\nAnn,mtn,+1\nBob,mtm,+2\nCy,mtn,\nDi,mtn,+4,x\nEd,mtn,+1\n" + "x" * 201 + ",mtn,+5\n"
    )
    assert [(each.line, each.what) for each in faults] == [
        (3, "there is no backend 'mtm'; did you mean 'mtn'?"),
        (4, "an identity is 1 to 100 printable characters, not ''"),
        (5, "has more fields than the first line; put texts with commas in quotes"),
        (6, "+1 via mtn is on line 2 already"),
        (7, "name must have at most 200 characters, all of them real ones"),
    ]
    assert [row.name for row in rows] == ["Ann"]
    assert find_contacts() == []


def test_a_failure_in_the_middle_leaves_nothing(router):
    rows, _ = read("name,backend,identity\nAnn,mtn,+1\nBob,mtn,+2\n")

    def some():
        yield rows[0]
        raise KeyError("the disk is gone")

    with pytest.raises(KeyError):
        contactfile.load(some())
    with router.session.store.read() as c:
        assert c.execute(table.select()).all() == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the column 'name' is missing"),
        ("name,backend\nAnn,mtn\n", "the column 'identity' is missing"),
        ("name,backend,identity,lanuage\n", "unknown column 'lanuage'; did you mean 'language'?"),
        ("name,backend,identity\n", "has no rows"),
        ('name,backend,identity\n"Ann,mtn,+1\n', "is not CSV"),
    ],
)
def test_a_file_that_is_none(text, fault):
    rows, faults = read(text)
    assert rows == []
    assert fault in faults[-1].what


def test_what_is_exported_can_be_imported():
    add_contact("Ann", connections("+1", "+2"), language="sw")
    add_contact('B"ob', lookup_connections("acme", ["22141"]))
    first = io.StringIO()
    assert contactfile.write(first) == 3
    for each in find_contacts():
        delete_contact(each)
    assert {outcome for _, outcome, _ in load(first.getvalue())} == {"created", "updated"}
    ann, bob = find_contacts()
    assert (ann.name, ann.language, bob.name) == ("Ann", "sw", 'B"ob')
    assert [each.identity for each in contact_connections(ann)] == ["+1", "+2"]
