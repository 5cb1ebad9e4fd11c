import errno
import json
import os
import stat

import pytest

from endcap.consent import Consent, Purpose
from endcap.errors import BadConfig
from endcap.testing import NOON, ManualClock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "consent.json"


@pytest.fixture
def consent(path):
    return Consent(path, ManualClock())


def test_nothing_is_allowed_and_nothing_is_on_disk_at_first(consent, path):
    assert not any(consent.allows(purpose) for purpose in Purpose)
    assert not path.parent.exists()


def test_each_purpose_is_granted_on_its_own(consent):
    consent.grant(Purpose.LOCATION, text_version="2026-11")
    assert consent.granted == {Purpose.LOCATION}


def test_a_grant_outlives_the_process_with_its_proof(consent, path):
    consent.grant(Purpose.LOCATION, Purpose.PROMOTIONS, text_version="2026-11", proof="switch on screen 3")
    again = Consent(path)
    assert again.granted == {Purpose.LOCATION, Purpose.PROMOTIONS}
    assert again.text_version == "2026-11"
    assert (again.records[0].at, again.records[0].proof) == (NOON, "switch on screen 3")


def test_a_revocation_is_in_the_folder_on_disk_when_the_call_returns(consent, path, monkeypatch):
    consent.grant(Purpose.LOCATION, text_version="1")
    sync, synced = os.fsync, []

    def note(opened):
        synced.append((stat.S_ISDIR(os.fstat(opened).st_mode), Consent(path).granted))
        sync(opened)

    monkeypatch.setattr(os, "fsync", note)
    consent.revoke()
    assert synced[-1] == (True, frozenset())


def test_where_folders_cannot_be_synced_consent_is_given_and_revoked_all_the_same(consent, path, monkeypatch):
    sync = os.fsync

    def refuse_folders(opened):
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(opened)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    consent.grant(Purpose.LOCATION, text_version="1")
    assert consent.granted == Consent(path).granted == {Purpose.LOCATION}
    consent.revoke()
    assert [record.action for record in Consent(path).records] == ["grant", "revoke"]


def test_only_her_own_account_may_read_the_proof(consent, path):
    consent.grant(Purpose.LOCATION, text_version="1")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700


def test_revoking_one_purpose_leaves_the_others(consent, path):
    consent.grant(*Purpose, text_version="1")
    consent.revoke(Purpose.ANALYTICS)
    assert Consent(path).granted == {Purpose.LOCATION, Purpose.PROMOTIONS}


def test_revoking_without_a_name_takes_back_everything_and_keeps_the_log(consent, path):
    consent.grant(*Purpose, text_version="1")
    consent.revoke()
    again = Consent(path)
    assert (again.granted, again.text_version) == (frozenset(), "")
    assert [record.action for record in again.records] == ["grant", "revoke"]


def test_watchers_hear_of_each_change(consent):
    heard = []
    consent.watch(heard.append)
    consent.grant(Purpose.LOCATION, text_version="1")
    consent.revoke()
    consent.revoke()  # nothing left to take back
    assert heard == [{Purpose.LOCATION}, frozenset()]


def test_a_revocation_that_cannot_be_written_removes_the_consent(consent, path):
    consent.grant(Purpose.LOCATION, text_version="1")
    path.with_suffix(".new").mkdir()  # where the draft would go
    consent.revoke()
    assert not consent.allows(Purpose.LOCATION)
    assert not Consent(path).allows(Purpose.LOCATION)


def test_a_grant_that_cannot_be_kept_is_none(consent, path):
    path.with_suffix(".new").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        consent.grant(Purpose.LOCATION, text_version="1")
    assert consent.granted == frozenset()


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"log":[{"action":"grant"}]}', '{"log":[{"action":"maybe"}]}', "\xff"]
)
def test_a_damaged_file_allows_nothing(path, text):
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    consent = Consent(path)
    assert consent.granted == frozenset()
    consent.grant(Purpose.LOCATION, text_version="2")
    assert [each["text_version"] for each in json.loads(path.read_text())["log"]] == ["2"]


@pytest.mark.parametrize(
    ("purposes", "arguments", "named"),
    [
        ((), {"text_version": "1"}, "purposes"),
        ((Purpose.LOCATION,), {"text_version": ""}, "text_version"),
        ((Purpose.LOCATION,), {"text_version": "1", "proof": "x" * 4097}, "proof"),
    ],
)
def test_a_grant_without_substance_is_refused(consent, purposes, arguments, named):
    with pytest.raises(BadConfig) as fault:
        consent.grant(*purposes, **arguments)
    assert fault.value.setting == named
