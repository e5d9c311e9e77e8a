"""Handlers: what belongs to a keyword, what is left of the text, what becomes of errors."""

import pytest

from gateway import BaseHandler, HandlerError, KeywordHandler, PatternHandler
from gateway.apps.handlers import clashes


class Hello(KeywordHandler):
    keyword = "hello"

    def help(self):
        self.respond("help")

    def handle(self, text):
        self.respond(text)


@pytest.mark.parametrize("text", ["hello", "hello ", "hello,;:", "hello\n", "HELLO", "\u00a0\n hello", "Hello : "])
def test_a_keyword_alone_asks_for_help(text):
    assert Hello.test(text) == ["help"]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("hello there", "there"),
        ("hello, there ", "there "),
        ("  HeLLo;:there", "there"),
        ("hello\nTwo\nLines\n", "Two\nLines\n"),
        ("hello.", "."),
        ("hello/there", "/there"),
    ],
)
def test_the_rest_is_kept_to_the_end(text, rest):
    assert Hello.test(text) == [rest]


@pytest.mark.parametrize("text", ["hellothere", "hello1", "hello_", "oh hello", ""])
def test_a_keyword_ends_at_a_word_boundary(text):
    assert Hello.test(text) is False


def test_the_old_rule_is_there_for_the_asking():
    class Old(Hello):
        boundary = False

    assert Old.test("hellothere") == ["there"]


def test_alternatives_take_the_whole_word():
    class Register(Hello):
        keyword = "reg|register"

    assert Register.test("register joe") == ["joe"]
    assert Register.test("registration") is False


def test_groups_and_blanks_of_a_keyword_mean_what_they_say():
    class Group(Hello):
        keyword = "(my|your) key"

    assert Group.test("my key x") == ["x"]
    assert Group.test("mykey x") is False


def test_a_keyword_that_ends_in_a_sign_needs_no_space():
    class Sign(Hello):
        keyword = r"what\?"

    assert Sign.test("what?now") == ["now"]
    assert Sign.test("what? now") == ["now"]


@pytest.mark.parametrize("keyword", ["", "("])
def test_a_keyword_that_is_none_is_a_handler_error(keyword):
    class Bad(Hello):
        pass

    Bad.keyword = keyword
    with pytest.raises(HandlerError):
        Bad.test("hello")


def test_missing_methods_are_named():
    class Bare(KeywordHandler):
        keyword = "x"

    with pytest.raises(NotImplementedError, match="Bare has no help"):
        Bare.test("x")
    with pytest.raises(NotImplementedError, match="Bare has no handle"):
        Bare.test("x y")


def test_a_number_that_is_none_and_a_row_that_is_missing_become_error_answers():
    class Number(Hello):
        def handle(self, text):
            return {}[text] if text == "key" else int(text)

    assert Number.test("hello 1x") == ["'1x' is not a valid number."]
    assert Number.test("hello key") == ["key"]


def test_other_errors_come_out():
    class Broken(Hello):
        def handle(self, text):
            raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        Broken.test("hello x")


def test_a_pattern_is_anchored_at_its_start_only():
    class Pair(PatternHandler):
        pattern = r"(\w+) and (\w+)( too)?"

        def handle(self, a, b, too):
            self.respond(f"{a}{b}{too}")

    assert Pair.test("You AND me") == ["YoumeNone"]
    assert Pair.test("you and me, again") == ["youmeNone"]
    assert Pair.test(" you and me") is False


def test_a_pattern_that_is_missing_is_a_handler_error():
    with pytest.raises(HandlerError):
        PatternHandler.test("x")


def test_a_base_handler_declines_and_answers_may_be_none():
    class Silent(BaseHandler):
        @classmethod
        def dispatch(cls, router, msg):
            return True

    assert BaseHandler.test("x") is False
    assert Silent.test("x") == []


def test_errors_are_answers_too():
    class Error(Hello):
        def handle(self, text):
            self.respond_error("no")

    assert Error.test("hello x") == ["no"]


def test_clashes_name_the_word_and_both_handlers():
    class Greeting(Hello):
        keyword = "hi|hello"

    class Other(Hello):
        keyword = "other"

    assert clashes([Hello, Greeting, Other]) == [("hello", Hello, Greeting)]
