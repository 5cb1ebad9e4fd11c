"""The page speaks: every sentence in every language, none written into a template or script."""

import re
from pathlib import Path

import httpx
import pytest

from endcap.messages import ALERT_KINDS
from endcap_lite import words

PACKAGE = Path(words.__file__).parent
PLACEHOLDER = re.compile(r"{\w+}")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_each_language_says_all_that_english_says(language):
    for name, english in words.sections("en").items():
        other = words.sections(language)[name]
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert sorted(PLACEHOLDER.findall(other[key])) == sorted(PLACEHOLDER.findall(text)), key
            assert other[key].strip()


def test_each_sentence_is_used():
    code = (
        "".join(path.read_text() for path in (PACKAGE / "templates").iterdir())
        + (PACKAGE / "static/lite.js").read_text()
        + "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    )
    unused = [key for key in words.catalogue("en") if not re.search(rf"\b{key}\b", code)]
    assert unused == []


def test_the_script_gets_just_the_sentences_it_says():
    code = (PACKAGE / "static/lite.js").read_text()
    from_server = {"bad_code", "claimed", "too_many", *ALERT_KINDS}
    given = words.sections("en")["script"].keys()
    assert {name for name in given if not re.search(rf"'{name}'|words\.{name}\b", code)} <= from_server
    said = set(re.findall(r"(?:say|fill)\(\s*'(\w+)'", code)) | set(re.findall(r"words\.(\w+)", code)) | from_server
    assert said <= given


@pytest.mark.parametrize("path", ["/", "/offline"])
def test_the_pseudo_language_shows_that_no_text_is_written_into_the_page(lite, path):
    html = httpx.get(f"{lite.url}{path}?lang=en-XA").text
    body = re.sub(r"<(style|script).*?</\1>", "", html[html.index("</head>") :], flags=re.DOTALL)
    texts = [text.strip() for text in re.findall(r">([^<]+)<", body) if text.strip()]
    known = {
        "Riverside store",
        "Coffee &amp; tea",
        "Bakery",
        *(words.catalogue(each)["name"] for each in words.LANGUAGES),
    }
    assert len(texts) > 15
    assert [text for text in texts if not re.fullmatch(r"\[.*~+\]", text) and text not in known] == []


@pytest.mark.parametrize(
    ("accepted", "asked", "language", "direction"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "", "de", "ltr"),
        ("ar-EG", "", "ar", "rtl"),
        ("fr", "", "en", "ltr"),
        ("", "", "en", "ltr"),
        ("de", "?lang=ar", "ar", "rtl"),
        ("de", "?lang=xx", "de", "ltr"),
    ],
)
def test_the_page_comes_in_the_language_asked_for(lite, accepted, asked, language, direction):
    html = httpx.get(lite.url + "/" + asked, headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}" dir="{direction}"' in html
    assert words.catalogue(language)["lead"] in html


@pytest.mark.parametrize(
    ("agent", "names"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", ["Website Settings", "Location Services"]),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9)", ["Permissions", "For the phone"]),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0)", ["icon before the address", "privacy settings"]),
    ],
)
def test_help_after_a_refusal_names_both_the_site_and_the_device(lite, agent, names):
    text = httpx.get(lite.url + "/help?lang=en", headers={"User-Agent": agent}).text
    assert all(name in text for name in names)
