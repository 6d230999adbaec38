"""Which numbers and addresses are found, how badly they may be read, and what looks alike but is none."""

import pytest

from filters.secrets import KINDS, Matcher

MATCHERS = {region: Matcher(kinds=KINDS, region=region) for region in ("US", "GB", "DE", "FR")}
WHOLE, PARTIAL = False, True


def of(category: str, line: str, region: str = "US") -> list[tuple[str, bool]]:
    """Return the texts of matches of a category, and whether they are partial."""
    matches = MATCHERS[region].find(line)
    return [(line[match.start : match.end], match.partial) for match in matches if match.category == category]


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "4222222222222",
        "5555 5555 5555 4444",
        "2223 0031 2200 3222",
        "3782 822463 10005",
        "378282246310005",
        "3056 930902 5904",
        "6011 1111 1111 1117",
        "3530 1113 3330 0000",
        "6200 0000 0000 0005",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111—1111—1111—1111",
    ],
)
@pytest.mark.parametrize(
    "line", ["{}", "Card: {}", "2024-01-15 10:30 {} 12/26", "| {} |", "({})", "pay with {}, thanks"]
)
def test_cards(number: str, line: str) -> None:
    assert of("card-number", line.format(number)) == [(number, WHOLE)]


@pytest.mark.parametrize(
    "number",
    [
        "41ll 1I11 1|11 1111",  # letters for digits
        "4111 1111 1111 1118",  # a digit that is another one: the check fails
        "4711 1111 1111 1111",
        "411 1111 1111 1111",  # a digit lost
        "4111 1111 11111 1111",  # a digit too many
        "4111 11111111 1111",  # a space lost
        "4111 1111 11 11 1111",  # a space too many
        "3782 822468 10005",
        "SSSS 5555 5555 4444",
    ],
)
def test_misread_cards(number: str) -> None:
    assert of("card-number", f"Card {number} valid") == [(number, WHOLE)]


def test_a_card_that_passes_its_check_is_surer() -> None:
    right, wrong = (MATCHERS["US"].find(f"4111 1111 1111 111{digit}")[0].score for digit in "12")
    assert right > 0.9 > 0.7 > wrong


def test_a_label_speaks_for_a_number_that_fails_its_check() -> None:
    assert of("card-number", "Card number: 4111111111111112") == [("4111111111111112", WHOLE)]
    assert of("card-number", "Sequence 4111111111111112 done") == []


@pytest.mark.parametrize(
    "text",
    [
        "4111 11",
        "4111 1111",
        "4111 1111 11",
        "4111-1111-1111-1",
        "3782 8224",
        "1111 1111 1111",
        "11 1111 1111",
        "411111111111",
    ],
)
def test_cards_that_are_being_typed_or_hidden_in_part(text: str) -> None:
    assert of("card-number", text) == [(text, PARTIAL)]


@pytest.mark.parametrize(
    "line",
    [
        "1705314645123456",
        "1234 5678 9012 3456",
        "2019 2020 2021 2022",
        "4500 3200 1800 2600",
        "4532 1182 4410 5120 3307 2218 9054",
        "9999 8888 7777 6666",
        "0000 0000 0000 0000",
        "**** **** **** 1234",
        "Version 4.11.1111",
        "4111 files, 1111 folders",
    ],
)
def test_what_is_no_card(line: str) -> None:
    assert [match for match in of("card-number", line) if match[1] is WHOLE] == []


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("anna.smith@example.com", "anna.smith@example.com"),
        ("Mail anna.smith+news@sub.domain.co.uk.", "anna.smith+news@sub.domain.co.uk"),
        ("<anna@example.photography>", "anna@example.photography"),
        ("anna.smith@ example.com", "anna.smith@ example.com"),
        ("anna.smith @ example.com", "anna.smith @ example.com"),
        ("anna.smith@example .com", "anna.smith@example .com"),
        ("anna.smith@example. com", "anna.smith@example. com"),
        ("anna.smith©example.com", "anna.smith©example.com"),
        ("anna.smith@example,com", "anna.smith@example,com"),
        ("anna,smith@example.com", "anna,smith@example.com"),
        ("anna.smith@example.c0m", "anna.smith@example.c0m"),
        ("anna.smith@exam ple.com", "anna.smith@exam ple.com"),
        ("write to anna@example.com. Then wait.", "anna@example.com"),
        ("mailto:anna@intranet today", "anna@intranet"),
    ],
)
def test_addresses(line: str, address: str) -> None:
    assert of("email", line) == [(address, WHOLE)]


@pytest.mark.parametrize("text", ["anna@", "anna@exa", "anna.smith@example"])
def test_an_address_that_is_being_typed(text: str) -> None:
    assert of("email", f"Dear {text}") == [(text, PARTIAL)]
    assert of("email", f"Dear {text}.") == ([(text, PARTIAL)] if text[-1] != "@" else [])
    assert of("email", "anna.sm") == []


def test_of_an_address_the_last_letters_may_be_missing() -> None:
    assert of("email", "Dear anna.smith@example.c") == [("anna.smith@example.c", WHOLE)]
    assert of("email", "npm install veilcast@v1.2") == [("veilcast@v1.2", PARTIAL)]


@pytest.mark.parametrize(
    "line",
    [
        "@decorator",
        "@scope/package",
        "npm i @babel/core@7.22.5",
        "react@18.2.0",
        "root@web-01:~# ls",
        "[anna@build-02 ~]$",
        "anna@laptop:~/src$ make",
        "ssh root@web-01",
        "git@github.com:example/veilcast.git",
        "icon@2x.png",
        "Follow us @example today",
        "© 2024 Example GmbH",
        "Copyright © example.com",
        "a @ b",
        "5 apples @ 2.50",
    ],
)
def test_what_is_no_address(line: str) -> None:
    assert of("email", line) == []


@pytest.mark.parametrize(
    ("region", "number"),
    [
        ("US", "(415) 555-2671"),
        ("US", "415-555-2671"),
        ("US", "415.555.2671"),
        ("US", "415 555 2671"),
        ("US", "1-800-555-0199"),
        ("US", "+1 415 555 2671"),
        ("US", "+14155552671"),
        ("US", "+44 20 7946 0958"),
        ("US", "+49 30 12345678"),
        ("US", "0033 1 42 68 53 00"),
        ("GB", "020 7946 0958"),
        ("GB", "07911 123456"),
        ("GB", "(0161) 496 0000"),
        ("DE", "030 12345678"),
        ("DE", "0171/2345678"),
        ("DE", "089 1234567"),
        ("FR", "01 42 68 53 00"),
        ("FR", "06.12.34.56.78"),
    ],
)
@pytest.mark.parametrize("line", ["{}", "2024-01-15 {}", "Anna: {}, home", "| {} |"])
def test_telephone_numbers(region: str, number: str, line: str) -> None:
    assert of("phone", line.format(number), region) == [(number, WHOLE)]


@pytest.mark.parametrize(
    "number",
    [
        "(4l5) 555-267I",
        "415—555—2671",
        "+1 4I5 555 2671",
        "(415)555-2671",
        "415-555 2671",
        "415.555,2671",
        "(4 15) 555-2671",
    ],
)
def test_misread_telephone_numbers(number: str) -> None:
    assert of("phone", f"Anna {number}") == [(number, WHOLE)]


@pytest.mark.parametrize("line", ["Tel: 4155552671", "Mobile 4155552671", "Phone: 555 2671", "Fax 030/1234567"])
def test_a_label_speaks_for_a_telephone_number(line: str) -> None:
    assert [partial for _, partial in of("phone", line)] == [WHOLE]


@pytest.mark.parametrize("text", ["+1 415 55", "+44 20 79", "(415) 55", "415-555-"])
def test_a_telephone_number_that_is_being_typed(text: str) -> None:
    assert of("phone", text) == [(text, PARTIAL)]


@pytest.mark.parametrize(
    "line",
    [
        "4155552671",
        "2024-01-15 10:30:45",
        "15.01.2024 10:30",
        "192.168.178.255",
        "10.0.0.1:8080",
        "115.0.5790.170",
        "$1,299.99",
        "1 234 567,89",
        "1705314645",
        "ISBN 978-3-16-148410-0",
        "Order 112-1234567-1234567",
        "02110-1301",
        "01 02 03 04 05",
        "1920 x 1080",
        "100 200 3000",
        "+12 -4",
    ],
)
def test_what_is_no_telephone_number(line: str) -> None:
    assert of("phone", line) == []


@pytest.mark.parametrize(
    "number",
    [
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91 ABNA 0417 1643 00",
        "CH93 0076 2011 6238 5295 7",
        "NO93 8601 1117 947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "SA03 8000 0000 6080 1016 7519",
        "DE89 37O4 0O44 0532 0l30 00",  # letters for digits
        "DEB9 3704 0044 0532 0130 00",
        "0E89 3704 0044 0532 0130 00",  # in the country
        "G829 NWBK 6016 1331 9268 19",
        "DE89 3704 0044 0582 0130 00",  # a digit that is another one
        "DE89 3704 0044 0532 013000",  # a space lost
        "DE89 3704 004 0532 0130 00",  # a digit lost
    ],
)
def test_account_numbers(number: str) -> None:
    for line in (number, f"IBAN: {number}", f"| {number} |", f"Pay {number}, please"):
        assert of("iban", line) == [(number, WHOLE)]


def test_an_account_number_before_which_a_space_is_lost() -> None:
    assert of("iban", "2024-01-03Anna KellerDE89 3704 0044 0532 0130 00") == [("DE89 3704 0044 0532 0130 00", WHOLE)]
    assert of("iban", "KellerDE89 3704 0044 0582 0130 00") == [], "check digits that do not fit"


@pytest.mark.parametrize("text", ["DE89 3704 00", "DE89 3704", "GB29 NWBK 6016 13", "DE8937040044"])
def test_an_account_number_that_is_being_typed(text: str) -> None:
    assert of("iban", text) == [(text, PARTIAL)]


@pytest.mark.parametrize("line", ["DEADBEEF 1234 5678 9ABC DEF0", "SE12 8TT", "Model GB29 NWBK", "8E44 918D 9664 969B"])
def test_what_is_no_account_number(line: str) -> None:
    assert of("iban", line) == []


@pytest.mark.parametrize(
    "number",
    ["078-05-1120", "078 - 05 - 1120", "O78-05-ll20", "078—05—1120", "078-05 1120", "07 8-05-1120", "078.05-1120"],
)
def test_social_security_numbers(number: str) -> None:
    for line in (number, f"SSN: {number}", f"2024-01-15 {number} x"):
        assert of("ssn", line) == [(number, WHOLE)]


@pytest.mark.parametrize("line", ["SSN 078051120", "Social Security No. 078 05 1120", "ssn=078-05-1120"])
def test_a_label_speaks_for_a_social_security_number(line: str) -> None:
    assert [partial for _, partial in of("ssn", line)] == [WHOLE]


@pytest.mark.parametrize("text", ["078-05-", "078-05-11"])
def test_a_social_security_number_that_is_being_typed(text: str) -> None:
    assert of("ssn", text) == [(text, PARTIAL)]


@pytest.mark.parametrize(
    "line",
    ["000-12-3456", "666-12-3456", "900-12-3456", "078-00-1120", "078-05-0000", "2024-01-1500", "078051120",
     "12-345-6789",
     "rows 100 20 3000 40"],
)  # fmt: skip
def test_what_is_no_social_security_number(line: str) -> None:
    assert of("ssn", line) == []


@pytest.mark.parametrize(
    "number",
    ["DE136695976", "DE 136 695 976", "ATU13585627", "FR40303265045", "IT00743110157", "ESB58378431", "NL004495445B01",
     "BE0428759497", "PL8567346215", "CHE-107.787.577", "GB980780684", "DE1366959T6".replace("T", "7"), "DEl36695976",
     "ATU1358S627"],
)  # fmt: skip
def test_vat_numbers(number: str) -> None:
    assert of("vat", f"Firm {number} x") == [(number, WHOLE)]


@pytest.mark.parametrize(
    "line", ["VAT: DE136695977", "USt-IdNr.: DE136695977", "VAT no. 980780684", "TVA: FR40303265046"]
)
def test_a_label_speaks_for_a_vat_number(line: str) -> None:
    assert [partial for _, partial in of("vat", line)] == [WHOLE]


@pytest.mark.parametrize("line", ["DE136695977", "IT12345678901", "SE123", "AT 12 o'clock 13585627", "MODEL DE1366"])
def test_what_is_no_vat_number(line: str) -> None:
    assert of("vat", line) == []


@pytest.mark.parametrize(
    "line",
    ["4I11 ll11 1BB1 l11S", "7259 5858 2909 0799", "1705 5839 1234 5670 8", "DE8? 3704 0044 0532 0130 00",
     "anna.smithQexample.com",
     "anna(a)example.com", "415 5552 671"],
)  # fmt: skip
def test_what_may_be_a_secret_if_it_was_misread_is_doubtful(line: str) -> None:
    assert MATCHERS["US"].doubtful(f"x: {line}") != []


def test_an_account_number_is_doubtful_from_its_country_on() -> None:
    line = "• IBAN B91 LLID 8607 2078 9910 97"
    assert MATCHERS["US"].doubtful(line) == [(line.index("IBAN"), len(line))]
