"""What the command line, the environment and a file may say, and in which order they count."""

from __future__ import annotations

from pathlib import Path

import pytest

from producer.command.arguments import read_settings
from producer.command.errors import UsageError
from producer.command.settings import EventsSettings, PublishSettings, Settings, StopSettings
from producer.sources import Order, SourceOptions
from protocol import EVENTS_PRODUCER_SIDE, FRAMES_PRODUCER_SIDE


def publish(*arguments: str, **environment: str) -> PublishSettings:
    settings = read_settings(["publish", "cam1", "test", *arguments], environment)
    assert isinstance(settings, PublishSettings)
    return settings


def refusal(*arguments: str, **environment: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_settings(arguments, environment)
    return str(caught.value)


def file_of(folder: Path, text: str) -> str:
    path = folder / "producer.toml"
    path.write_text(text)
    return str(path)


def test_without_options_everything_has_its_default() -> None:
    settings = publish()
    assert (settings.stream, settings.source) == ("cam1", "test")
    assert (settings.frames, settings.events) == (FRAMES_PRODUCER_SIDE, EVENTS_PRODUCER_SIDE)
    assert settings.source_options == SourceOptions()
    assert not settings.always
    assert not settings.per_client
    assert settings.pace


def test_every_option_of_a_source_can_be_told() -> None:
    settings = publish(
        *("--fps", "12.5", "--loop", "--order", "random", "--size", "320x200", "--quality", "60"),
        *("--user", "jo", "--password", "secret", "--no-verify-tls"),
        *("--connect-timeout-s", "2", "--read-timeout-s", "3.5"),
    )
    assert settings.source_options == SourceOptions(
        fps=12.5,
        loop=True,
        order=Order.RANDOM,
        size=(320, 200),
        quality=60,
        user="jo",
        password="secret",
        verify_tls=False,
        connect_timeout_s=2,
        read_timeout_s=3.5,
    )


def test_option_goes_over_environment_over_file_over_default(tmp_path: Path) -> None:
    config = ("--config", file_of(tmp_path, "fps = 1\nquality = 11\nloop = true\n"))
    environment = {"PARTCAST_FPS": "2", "PARTCAST_QUALITY": "22"}
    assert publish().fps is None
    assert publish(*config).fps == 1
    assert publish(*config, **environment).fps == 2
    settings = publish(*config, "--fps", "3", "--no-loop", **environment)
    assert (settings.fps, settings.quality, settings.loop) == (3, 22, False)


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = file_of(tmp_path, 'size = "64x48"\nverify_tls = false\n')
    settings = publish(PARTCAST_CONFIG=path)
    assert settings.source_options.size == (64, 48)
    assert not settings.source_options.verify_tls


@pytest.mark.parametrize(("text", "flag"), [("1", True), ("Yes", True), ("false", False)])
def test_a_flag_in_the_environment_is_a_word(text: str, flag: bool) -> None:
    assert publish(PARTCAST_ALWAYS=text).always is flag


def test_one_file_serves_all_verbs(tmp_path: Path) -> None:
    config = ("--config", file_of(tmp_path, 'fps = 5\nframes = "ipc:///tmp/frames"\n'))
    for verb in (["stop", "cam1"], ["events"]):
        assert read_settings([*verb, *config], {}).frames == "ipc:///tmp/frames"


def test_options_may_stand_before_and_behind_the_arguments() -> None:
    for words in (
        ["publish", "--fps", "5", "cam1", "-", "--always"],
        ["publish", "cam1", "--fps", "5", "-", "--always"],
        ["publish", "--always", "cam1", "-", "--fps", "5"],
    ):
        settings = read_settings(words, {})
        assert settings == PublishSettings(stream="cam1", source="-", fps=5.0, always=True)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (["stop", "cam1"], StopSettings(stream="cam1")),
        (["stop", "cam1", "--client", "ab12-3"], StopSettings(stream="cam1", client="ab12-3")),
        (["events"], EventsSettings()),
        (["events", "cam1"], EventsSettings(stream="cam1")),
        (
            ["events", "--log-level", "error", "cam1"],
            EventsSettings(stream="cam1", log_level="error"),
        ),
    ],
)
def test_the_other_verbs_are_read(words: list[str], settings: Settings) -> None:
    assert read_settings(words, {}) == settings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "VERB (partcast-producer --help"),
        ("watch", "'watch' (choose from"),
        ("publish cam1", "SOURCE (partcast-producer publish --help"),
        ("publish cam1 test --speed 2", "--speed 2"),
        ("publish cam1 test --alw", "--alw"),
        ("publish cam/1 test", "bad stream name 'cam/1': 1 to 64 of A-Z"),
        ("publish cam1 test --fps fast", "--fps = 'fast': allowed is a number"),
        ("publish cam1 test --fps -1", "fps must be 0.001 to 240, not -1"),
        ("publish cam1 test --quality 8.5", "--quality = '8.5': allowed is a whole number"),
        ("publish cam1 test --size big", "size must be WIDTHxHEIGHT"),
        ("publish cam1 test --order size", "order = 'size': allowed is name or time or random"),
        ("publish cam1 test --password x", "a password needs a user"),
        ("publish cam1 test --fps 1e-10", "fps must be 0.001 to 240, not 1e-10"),
        ("publish cam1 test --read-timeout-s 0", "read_timeout_s must be more than 0 and at most"),
        ("publish cam1 test --read-timeout-s 1e10", "at most 86400 seconds, not 1e+10"),
        (
            "publish cam1 test --content-type jpeg",
            "bad content_type 'jpeg': allowed is type/subtype",
        ),
        (
            "publish cam1 test --frames 5555",
            "frames = '5555': allowed is a ZeroMQ endpoint, as tcp",
        ),
        ("publish cam1 test --log-level loud", "log_level = 'loud': allowed is debug or info"),
        ("publish cam1 test --always --per-client", "always and per_client"),
        ("publish cam1 test --no-pace", "pace = false: what all see has one pace"),
        ("publish cam1 - --per-client", "standard input can be read only once"),
        ("publish cam1 - --loop", "standard input cannot be repeated"),
        ("stop", "STREAM (partcast-producer stop --help"),
        ("stop cam1 --client 7", "bad client id '7': allowed is <node id>-<number>"),
        ("events cam1 cam2", "cam2"),
        ("events --config nowhere.toml", "config nowhere.toml: No such file or directory"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(arguments: str, words: str) -> None:
    line = refusal(*arguments.split())
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 2", "unknown key speed in "),
        ("speed = 2", "allowed are frames, events, log_level, fps, loop, "),
        ('fps = "5"', "fps = '5': allowed is a number"),
        ("fps = true", "fps = True: allowed is a number"),
        (f"fps = 1{'0' * 400}", "fps must be 0.001 to 240, not 1000000"),
        (f"read_timeout_s = 1{'0' * 400}", "at most 86400 seconds, not 1000000"),
        ("quality = 1.5", "quality = 1.5: allowed is a whole number"),
        ('loop = "yes"', "loop = 'yes': allowed is true or false"),
        ("size = 640", "size = 640: allowed is a text"),
        ("fps = ", "Invalid value"),
    ],
)
def test_what_a_file_may_not_say_is_named(text: str, words: str, tmp_path: Path) -> None:
    line = refusal("publish", "cam1", "test", "--config", file_of(tmp_path, text))
    assert words in line
    assert "\n" not in line


def test_what_a_variable_may_not_say_is_named() -> None:
    line = refusal("publish", "cam1", "test", PARTCAST_FPS="fast")
    assert line == "PARTCAST_FPS = 'fast': allowed is a number"


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    settings = publish("--user", "jo", PARTCAST_PASSWORD="secret")
    assert settings.source_options.password == "secret"
    assert "secret" not in repr(settings)
    path = file_of(tmp_path, "password = 4711")
    assert "4711" not in refusal("publish", "cam1", "test", "--user", "jo", "--config", path)


@pytest.mark.parametrize("verb", [[], ["publish"], ["stop"], ["events"]])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_everywhere(
    verb: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings([*verb, option], {})
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(
        "partcast-producer " if option == "--version" else "usage: partcast-producer"
    )
