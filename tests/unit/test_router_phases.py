"""Which app is called when, and what stops what: the whole table, without a store."""

import pytest

from gateway import App, IncomingMessage, OutgoingMessage
from gateway.router import phases
from gateway.testing import MockApp


def make(calls, name, **returns):
    class Recorder(MockApp):
        def _called(self, phase, msg):
            calls.append((name, phase))
            value = self.return_values.get(phase)
            if isinstance(value, BaseException):
                raise value
            return value(msg) if callable(value) else value

    Recorder.name = name
    app = Recorder()
    app.configure(**returns)
    return app


def incoming(*apps):
    msg = IncomingMessage("hi")
    phases.run_incoming(apps, phases.INCOMING, msg)
    return msg


def test_each_phase_runs_over_all_apps_before_the_next():
    calls = []
    incoming(make(calls, "a"), make(calls, "b"))
    assert calls == [(name, phase) for phase in phases.INCOMING for name in "ab"]


def test_a_filter_ends_the_run_cleanup_included():
    calls = []
    msg = incoming(make(calls, "a"), make(calls, "b", filter=True), make(calls, "c"))
    assert calls == [("a", "filter"), ("b", "filter")]
    assert msg.filtered
    assert not msg.handled


def test_the_first_that_handles_stops_handle_and_default_but_not_cleanup():
    calls = []
    msg = incoming(make(calls, "a", handle=True), make(calls, "b"))
    assert msg.handled
    assert ("b", "handle") not in calls
    assert not [call for call in calls if call[1] == "default"]
    assert [call for call in calls if call[1] == "cleanup"] == [("a", "cleanup"), ("b", "cleanup")]


def test_a_default_that_returns_true_stops_the_defaults_behind_it():
    calls = []
    msg = incoming(make(calls, "a", default=True), make(calls, "b"))
    assert [call for call in calls if call[1] == "default"] == [("a", "default")]
    assert not msg.handled


@pytest.mark.parametrize("phase", ["filter", "handle", "default"])
@pytest.mark.parametrize("value", [1, "yes", [0]])
def test_only_true_itself_stops_and_other_truth_is_logged(phase, value, caplog):
    calls = []
    msg = incoming(make(calls, "a", **{phase: value}), make(calls, "b"))
    assert ("b", phase) in calls
    assert not (msg.handled or msg.filtered)
    assert "only True itself" in caplog.text


@pytest.mark.parametrize("phase", ["parse", "cleanup"])
def test_what_parse_and_cleanup_return_is_ignored(phase):
    calls = []
    incoming(make(calls, "a", **{phase: True}), make(calls, "b"))
    assert ("b", phase) in calls


def test_an_app_that_sets_handled_in_parse_still_lets_handle_run():
    calls = []
    incoming(make(calls, "a", parse=lambda msg: setattr(msg, "handled", True)))
    assert [phase for _, phase in calls] == ["filter", "parse", "handle", "cleanup"]


@pytest.mark.parametrize("phase", phases.INCOMING)
def test_what_an_app_raises_comes_out_with_its_name(phase):
    error = ValueError("no")
    with pytest.raises(phases.AppError) as caught:
        incoming(make([], "clinic", **{phase: error}))
    assert caught.value.cause is error
    assert "clinic" in str(caught.value)
    assert "ValueError: no" in str(caught.value)


def outgoing(*apps):
    msg = OutgoingMessage("hi")
    return msg, phases.run_outgoing(apps, phases.OUTGOING, msg)


def test_outgoing_runs_in_reverse_and_marks_the_message_processed():
    calls = []
    msg, cancelled_by = outgoing(make(calls, "a"), make(calls, "b"))
    assert calls == [("b", "outgoing"), ("a", "outgoing")]
    assert cancelled_by is None
    assert msg.processed


@pytest.mark.parametrize("value", [None, 0, "", []])
def test_only_false_itself_cancels(value):
    assert outgoing(make([], "a", outgoing=value))[1] is None


def test_false_cancels_and_the_apps_before_are_not_asked():
    calls = []
    msg, cancelled_by = outgoing(make(calls, "a"), make(calls, "b", outgoing=False))
    assert calls == [("b", "outgoing")]
    assert cancelled_by.name == "b"
    assert not msg.processed


def test_an_error_in_outgoing_is_logged_and_the_message_goes_on(caplog):
    msg, cancelled_by = outgoing(make([], "a"), make([], "b", outgoing=RuntimeError("oh")))
    assert cancelled_by is None
    assert msg.processed
    assert "the app b raised" in caplog.text


def test_an_app_is_named_after_its_module():
    class Here(App):
        pass

    assert Here.name == "test_router_phases"
    assert str(Here()) == "test_router_phases"
    assert repr(Here()) == "<app: test_router_phases>"


@pytest.mark.parametrize("phase", ["filter", "parse", "handle", "default"])
def test_cleanup_runs_after_an_error_too_and_nothing_else_does(phase):
    calls = []
    with pytest.raises(phases.AppError):
        incoming(make(calls, "a", **{phase: ValueError("no")}), make(calls, "b"))
    after = calls[calls.index(("a", phase)) + 1 :]
    assert after == [("a", "cleanup"), ("b", "cleanup")]


def test_a_cleanup_that_raises_keeps_no_other_from_cleaning_up():
    calls = []
    with pytest.raises(phases.AppError, match="the app a raised"):
        incoming(make(calls, "a", cleanup=ValueError("no")), make(calls, "b"))
    assert calls[-1] == ("b", "cleanup")


def test_an_app_that_exits_fails_its_message_and_not_the_process():
    with pytest.raises(phases.AppError, match="SystemExit"):
        incoming(make([], "a", handle=SystemExit(1)))
