"""ServeConfig: addresses and the configuration file."""

from pathlib import Path
from typing import Any

import pytest

from serve.config import Address, ConfigError, ServeConfig, read_file


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:8080", "0.0.0.0", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:1935", "::1", 1935),
        (" 127.0.0.1:65535 ", "127.0.0.1", 65535),
    ],
)
def test_an_address_is_host_and_port(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "host",
        "host:",
        "host:http",
        "host:65536",
        "host:-1",
        "::1:80",
        "[::1]",
        "[a]:1:2",
    ],
)
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write (HOST:PORT|a number)"):
        Address.parse(text)


def test_defaults_listen_everywhere_on_the_contracts_ports() -> None:
    config = ServeConfig()
    assert (str(config.rtmp), str(config.http)) == ("0.0.0.0:1935", "0.0.0.0:8080")
    assert config.rtmp.everywhere
    assert not Address("127.0.0.1", 1).everywhere
    assert config.data.name == "veilcast"


def test_a_file_holds_options_and_its_folder_is_the_base_of_data(tmp_path: Path) -> None:
    path = tmp_path / "veilcast.toml"
    path.write_text('data = "here"\nrtmp = "127.0.0.1:1936"\nfilters = ["mine", "/other"]\n')
    assert read_file(path) == {
        "data": str(tmp_path / "here"),
        "rtmp": "127.0.0.1:1936",
        "filters": [str(tmp_path / "mine"), "/other"],
    }


def test_a_file_may_name_a_certificate_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "veilcast.toml"
    path.write_text('https = "0.0.0.0:8443"\nhttps-cert = "cert.pem"\nhttps-key = "/etc/key.pem"\n')
    assert read_file(path) == {
        "https": "0.0.0.0:8443",
        "https_cert": str(tmp_path / "cert.pem"),
        "https_key": "/etc/key.pem",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"https_cert": Path("c")}, "--https-cert needs --https-key FILE"),
        ({"https_key": Path("k"), "https": Address("::", 1)}, "--https-key needs --https-cert FILE"),
        ({"https_cert": Path("c"), "https_key": Path("k")}, "--https-cert needs --https HOST:PORT, or --rtmps"),
        ({"https": Address("0.0.0.0", 8080)}, "--http and --https both name 0.0.0.0:8080"),
        ({"rtmps": Address("0.0.0.0", 1935)}, "--rtmp and --rtmps both name 0.0.0.0:1935"),
        ({"rtmps": Address("here", 1), "https": Address("here", 1)}, "--https and --rtmps both name here:1"),
    ],
)
def test_options_of_https_that_do_not_go_together_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ServeConfig(**options)


def test_filters_come_from_the_working_folder_and_the_data_folder_unless_others_are_named() -> None:
    config = ServeConfig(Path("/data"))
    assert config.filter_folders(Path("/home/me")) == (Path("/home/me"), Path("/data/filters"))
    assert config.filter_folders(Path("/")) == (Path("/data/filters"),), "or any file of the machine would do"
    named = ServeConfig(Path("/data"), filters=(Path("/mine"),))
    assert named.filter_folders(Path("/home/me")) == (Path("/mine"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'htpp = "0.0.0.0:1"',
            "no option 'htpp'; the options are data, rtmp, rtmps, http, https, https-cert, https-key, fil",
        ),
        ("http = 8080", 'write http = "…"'),
        ('http = "8080"', "http: '8080' is no address"),
        ("data = ", "not a TOML file"),
        ('filters = "here"', 'filters is a list of folders: write filters = ["…"]'),
        ("filters = [1]", "filters is a list of folders"),
        ('https = "8443"', "https: '8443' is no address"),
        ("https-key = 1", 'write https-key = "…"'),
    ],
)
def test_a_wrong_file_is_refused_with_the_option_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "veilcast.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert says in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration file .*absent"):
        read_file(tmp_path / "absent.toml")
