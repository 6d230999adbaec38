"""Which keys, tokens and passwords are found, which labels are known, and what looks alike but is none.

A middle dot within a key is taken out first: it is there so that those who search repositories for keys find none.
"""

import pytest

from filters.secrets import Matcher

MATCHER = Matcher()
BASE62 = "4eC39HqLyjWDarjtT1zdp7dc"


def of(category: str, line: str) -> list[tuple[str, bool]]:
    """Return the texts of matches of a category, and whether they are partial."""
    matches = MATCHER.find(line)
    return [(line[match.start : match.end], match.partial) for match in matches if match.category == category]


@pytest.mark.parametrize(
    "key",
    [
        "sk_·live_4eC39HqLyjWDarjtT1zdp7dc",
        "sk_·test_4eC39HqLyjWDarjtT1zdp7dc",
        "rk_·live_4eC39HqLyjWDarjtT1zdp7dc",
        "sk-·proj-aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6iJ9l",
        "sk-·ant-api03-aB3dE6gH9jK2mN5pQ8sT1vW4xY7z_A0cD3fG6iJ9lAA",
        "AK·IAIOSFODNN7EXAMPLE",
        "AS·IAQWERTYUIOPASDFGH",
        "gh·p_16C7e42F292c6912E7710c838347Ae178B4a",
        "gh·o_16C7e42F292c6912E7710c838347Ae178B4a",
        "github·_pat_11ABCDEFG0aBcDeFgHiJkL_1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW",
        "gl·pat-xYz12AbC34dEf56GhI78",
        "AI·zaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
        "ya·29.a0AfH6SMBx3kPq9vLm2TzR7wYb5Nc8",
        "xo·xb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "hf·_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
        "np·m_aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6",
        "pypi·-AgEIcHlwaS5vcmcCJDU3ZmM0YzQ2LWE5",
        "S·G.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr",
        "dop·_v1_1f2e3d4c5b6a79880f1e2d3c4b5a69788f7e6d5c4b3a291807f6e5d4c3b2a190",
        "shp·at_1f2e3d4c5b6a79880f1e2d3c4b5a6978",
        "ey·JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRI·VATE KEY-----",
        "-----BEGIN OPENSSH PRI·VATE KEY-----",
        "MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEK3",
    ],
)
@pytest.mark.parametrize("around", ["{}", "key {}", 'KEY="{}"', "curl -H 'X: {}' https://api.example.com"])
def test_keys_are_known_by_what_they_begin_with_or_by_how_they_are_drawn(key: str, around: str) -> None:
    key = key.replace("·", "")
    assert of("key", around.format(key)) == [(key, False)]


@pytest.mark.parametrize(
    "key",
    [
        f"s k_·live_{BASE62}",
        f"sk_·1ive_{BASE62}",
        f"sk_·Iive {BASE62}",
        f"sk·live {BASE62}",
        f"5k_·live_{BASE62}",
        "AK·lAIOSFODNN7EXAMPLE",
        "AK·IAIOSFODNN7 EXAMPLE",
        "gh·p 16C7e42F292c6912E7710c838347Ae178B4a",
        "gh·p_16C7e42F292c6912E7710c 838347Ae178B4a",
        "Al·zaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
        "x0·xb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "ey·JhbGciOiJIUzI1NiJ9. eyJzdWIiOiIxMjM0In0 .dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-—---BEGlN RSA PRl·VATE KEY-—---",
    ],
)
def test_misread_keys_are_found_whole(key: str) -> None:
    key = key.replace("·", "")
    assert of("key", f"key: {key}") == [(key, False)]


@pytest.mark.parametrize(
    "line",
    [
        "gh·s_EvobpD4Mc0jUQj ry reGqwKKHL9iSc6J5Xg3m",
        "gh·s_7qSNUypOmQhf1NYc6TdzSJuRPC)QuDKaEVP2",
        "gh·p_CzFiGWOaQoVmzic7Rs}vXyXDhfo 2eK0a gFf2",
        "rk·_live gWMR1A1ZTh 7/tkP!I9 UOVShXzz",
        "AI·zabJQK-uWc j yAhrsNDCh3Hpnslt3 yf -X2 lwqM",
        "sk-·proj -QdmQOoBHEmcTvcfrwhF j GH4L9YOgHNj 3yitnLWvEf 7EvYzn9",
        "xo·xb-530727480798 - 900871734558 - KonJ YOns1ZKITboXlbZGrBxe",
        "AS·TADWVS7FA26IRPLXCK",
    ],
)
def test_keys_as_tesseract_has_read_them_are_covered(line: str) -> None:
    line = line.replace("·", "")
    (match,) = MATCHER.find(f"use {line}")
    assert match.category == "key"
    assert match.end - match.start >= 0.9 * len(line)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer 9f8e7d6c5b4a3928", "9f8e7d6c5b4a3928"),
        ("Authorization: Bearer abc123.def456-ghi", "abc123.def456-ghi"),
        ("X-Api-Key: 7hOJHwE4rfdhhZto", "7hOJHwE4rfdhhZto"),
        ('"token": "Zq8vT3nB5xK1"', "Zq8vT3nB5xK1"),
        ("token: Zq8vT3nB5xK1", "Zq8vT3nB5xK1"),
        ("veilcast push --token Zq8vT3nB5xK1", "Zq8vT3nB5xK1"),
        ("MY_SERVICE_API_KEY=b7e23ec29af22b0b4e41da31e868d572", "b7e23ec29af22b0b4e41da31e868d572"),
        ("client_secret: 550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("APl_KEY=fLlXUzSeDvnCnd6d", "fLlXUzSeDvnCnd6d"),
        ("postgres://user:password@host", "user:password"),
        ("postgresql://app:S3cr3t@db.example.com:5432/app", "app:S3cr3t"),
        ("amqp://guest:gu3st@10.0.0.5:5672", "guest:gu3st"),
        ("git clone https://oauth2:Zq8vT3nB5xK1@git.example.com/a.git", "oauth2:Zq8vT3nB5xK1"),
        ("git clone https://Zq8vT3nB5xK1w0@git.example.com/a.git", "Zq8vT3nB5xK1w0"),
    ],
)
def test_a_context_lowers_what_is_asked_of_a_token(line: str, secret: str) -> None:
    covered = [text for text, _ in of("key", line)]
    assert len(covered) == 1
    assert covered[0].startswith(secret)


@pytest.mark.parametrize(
    "line",
    [
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "550e8400-e29b-41d4-a716-446655440000",
        "/usr/lib/x86_64-linux-gnu/libQt5Core.so.5.15.8",
        "https://www.example.com/watch?v=dQw4w9WgXcQ&list=PL1aB2cD3eF4gH5iJ6kL",
        "AbstractSingletonProxyFactoryBean2023",
        "this_is_a_snake_case_name_with_2_numbers",
        "application/vnd.oasis.opendocument.text",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
        "sha512-9NYSpKxWoGPrNPsYDfjTLEBbxcKhUYVQBDSSRRdJwfFxtmWyzWQTf8eXjTFnSuwzXw==",
        "#ff8800",
        "sk-folding-cube",
        "sk-SK, cs-CZ, de-DE",
        "hf_hub_download",
        "npm_config_registry",
        "Keys start with sk_live_ or sk_test_ and are long.",
        "Bearer authentication",
        "Bearer <token>",
        "postgres://user:${DB_PASSWORD}@host/db",
        "postgres://user:<password>@host/db",
        "https://example.com:8080/a@b",
        "token = get_token()",
        "token: Optional[str] = None",
        "api_key=settings.api_key",
        "API_KEY=$API_KEY",
        "secret: my-secret-name",
        "max_tokens: 4096",
        "author: john_smith_2000",
        "keyboard layout: us-intl",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_looks_like_a_key_and_is_none(line: str) -> None:
    assert MATCHER.find(line) == []


@pytest.mark.parametrize(
    "text",
    [
        "sk_·live_",
        "sk_·live_4eC",
        "AK·IAIOSF",
        "gh·p_16C7e",
        "AI·zaSyDa",
        "gl·pat-xY",
        "xo·xb-1234",
        "ey·JhbGciOi",
        "sk-·ant-api03-x9",
    ],
)
def test_a_key_that_is_being_typed_is_partial(text: str) -> None:
    text = text.replace("·", "")
    assert of("key", f"export KEY={text}") == [(text, True)]
    assert of("key", f"export KEY={text}|")[0][1]


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Password: hunter2", "hunter2"),
        ("Password: swordfish", "swordfish"),
        ("password=Tr0ub4dor&3", "Tr0ub4dor&3"),
        ("PASSWORD = Winter2024!", "Winter2024!"),
        ("pwd: letmein99", "letmein99"),
        ("Passw0rd: hunter2", "hunter2"),
        ("Passvvord: hunter2", "hunter2"),
        ("Password; hunter2", "hunter2"),
        ("Passwort: Geheim123", "Geheim123"),
        ("Kennwort: Geheim123", "Geheim123"),
        ("Contraseña: secreto99", "secreto99"),
        ("Mot de passe : Bonjour77", "Bonjour77"),
        ("Пароль: qwe12345", "qwe12345"),
        ('DB_PASSWORD="correct horse"', "correct horse"),
        ('"password": "hunter2",', "hunter2"),
        ("'password' => 'hunter2',", "hunter2"),
        ("password = 'hunter2'", "hunter2"),
        ("passphrase: correct horse battery staple", "correct horse battery staple"),
        ("passphrase correct horse battery staple", "correct horse battery staple"),
        ("my password is hunter2", "hunter2"),
        ("user: anna password: hunter2 host: db", "hunter2"),
        ("Password: hunter2 (temporary)", "hunter2"),
        ("Password: bl ue-Falcon-42", "bl ue-Falcon-42"),
        ("Password (admin): hunter2", "hunter2"),
        ("mysqldump --password=hunter2 shop", "hunter2"),
        ("mysql -u root -pS3cret shop", "S3cret"),
        ("sshpass -p 'hunter2' ssh web-01", "hunter2"),
        ("curl -u anna:hunter2 https://example.com", "anna:hunter2"),
        ("ALTER USER anna IDENTIFIED BY 'hunter2'", "hunter2"),
        ("PIN: 4821", "4821"),
        ("PIN 4821", "4821"),
        ("PlN: 48Z1", "48Z1"),
        ("CVV 123", "123"),
        ("CVC: 1Z3", "1Z3"),
        ("CW: 982", "982"),
        ('"userPassword": "hunter2"', "hunter2"),
        ("Your verification code is 482 913", "482 913"),
        ("OTP: 482913", "482913"),
    ],
)
def test_passwords_beside_their_label(line: str, secret: str) -> None:
    assert of("password", line) == [(secret, False)]


@pytest.mark.parametrize(
    "line",
    [
        "password must have 8 characters",
        "Forgot password?",
        "password: ********",
        "Password: ••••••••",
        "Password (required)",
        "password = get_password()",
        "password: str",
        "password: str = Field(min_length=8)",
        "password=None",
        "password: $PASSWORD",
        "password=${DB_PASSWORD}",
        "password: <password>",
        "password: {{ password }}",
        "Password: [hidden]",
        'password = ""',
        'password = "your_password"',
        "Password: Enter your password",
        "Password: required",
        "password = request.form['password']",
        "password = user.password",
        "if password == stored:",
        "def check(password: bytes, salt: bytes) -> bool:",
        "Password managers are a good idea.",
        "The password is wrong.",
        "Wrong password: try again",
        "Password reset link sent to your inbox",
        "Reset password: click the link below",
        "Compass: 270 degrees",
        "Pass: 12 Fail: 3",
        "pin 13 high",
        "Spin 4821 times",
        "ZIP code 80331",
        "exit code 12345",
        "Error code: 404123",
    ],
)
def test_what_stands_beside_such_a_label_and_is_no_password(line: str) -> None:
    assert MATCHER.find(line) == []


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Password:", "password"),
        ("Password", "password"),
        ("Passw0rd:", "password"),
        ("New password *", "password"),
        ("Confirm password", "password"),
        ("[sudo] password for anna:", "password"),
        ("anna@web-01's password:", "password"),
        ("Username    Password", "password"),
        ("Passwort", "password"),
        ("Contraseña", "password"),
        ("Mot de passe", "password"),
        ("CVV", "password"),
        ("PIN", "password"),
        ("Security code", "password"),
        ("API key", "key"),
        ("Secret access key", "key"),
        ("AWS_SECRET_ACCESS_KEY=", "key"),
        ("Stream Key:", "key"),
        ("Access token", "key"),
        ("Client secret", "key"),
        ("Card number", "card-number"),
        ("Social Security Number", "ssn"),
        ("IBAN", "iban"),
        ("Phone", "phone"),
        ("E-mail", "email"),
    ],
)
def test_labels(text: str, category: str) -> None:
    assert MATCHER.label(text) == category


@pytest.mark.parametrize(
    "text",
    ["", "Forgot password?", "Change password", "Show password", "No password", "Passwords", "Primary key",
     "Public key",
     "keyboard", "Compass", "Spin", "Username", "Sign in", "Press any key", "Your password has been changed"],
)  # fmt: skip
def test_what_is_no_label(text: str) -> None:
    assert MATCHER.label(text) is None


@pytest.mark.parametrize("text", ["hunter2", "Tr0ub4dor&3", "swordfish", "4821", "xK9#mQ2$vL", "P@ss|word!"])
def test_a_password_below_its_label_is_nearly_any_token(text: str) -> None:
    assert [(match.start, match.end) for match in MATCHER.value("password", text)] == [(0, len(text))]


@pytest.mark.parametrize(
    "text",
    ["", "••••••••", "********", "Enter your password", "required", "show", "forgot?", "Forgot password?", "Username",
     "Password", "correct horse battery staple", "Sign in", "This field is required", "(hidden)", "<password>",
     "Cancel", "Min. 8 characters", "None"],
)  # fmt: skip
def test_what_stands_below_a_label_and_is_no_password(text: str) -> None:
    assert MATCHER.value("password", text) == []


@pytest.mark.parametrize(
    ("category", "text", "secret"),
    [
        ("password", "hunter2 Show", "hunter2"),
        ("key", "live_123456_abcdefGHI", "live_123456_abcdefGHI"),
        ("key", "deadbeefdeadbeef Copy", "deadbeefdeadbeef"),
        ("card-number", "4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("ssn", "078051120", "078051120"),
        ("phone", "4155552671", "4155552671"),
        ("iban", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("vat", "DE136695977", "DE136695977"),
        ("email", "anna@example.com", "anna@example.com"),
    ],
)
def test_less_is_asked_of_what_stands_below_a_label(category: str, text: str, secret: str) -> None:
    (match,) = MATCHER.value(category, text)
    assert match.category == category
    assert text[match.start : match.end] == secret
