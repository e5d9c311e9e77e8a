"""The poke between processes."""

import select
import socket

from gateway import wake


def readable(listener):
    return bool(select.select([listener], [], [], 5)[0])


def test_a_poke_arrives_and_is_cleared(tmp_path):
    listener = wake.Listener(tmp_path)
    assert wake.poke(tmp_path)
    assert wake.poke(tmp_path)
    assert readable(listener)
    assert listener.clear() == 2
    assert listener.clear() == 0
    listener.close()
    listener.close()


def test_nobody_listens(tmp_path):
    assert wake.poke(tmp_path) is False
    assert wake.poke(tmp_path / "missing") is False


def test_the_socket_of_a_dead_service_is_no_trouble(tmp_path):
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / wake.NAME))
    dead.close()
    assert wake.poke(tmp_path) is False
    listener = wake.Listener(tmp_path)
    assert wake.poke(tmp_path)
    listener.close()
    assert not (tmp_path / wake.NAME).exists()


def test_a_full_queue_doesnt_block(tmp_path):
    listener = wake.Listener(tmp_path)
    assert all(wake.poke(tmp_path) for _ in range(2000))
    listener.close()


def test_a_path_may_be_longer_than_a_socket_name(tmp_path):
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    listener = wake.Listener(deep)
    assert wake.poke(deep)
    assert readable(listener)
    listener.close()
