"""Android by pyjnius, over the SDK's bridge. What no test here can show stands in docs/app.md."""

from __future__ import annotations

from pathlib import Path

from endcap_shopper.platform.android.display import AndroidDisplay
from endcap_shopper.platform.android.links import AndroidLinks, AndroidSharing
from endcap_shopper.platform.android.notifier import AndroidNotifier
from endcap_shopper.platform.android.screen import AndroidBrightness, AndroidVibrator
from endcap_shopper.platform.android.secrets import KeystoreSecrets
from endcap_shopper.platform.android.speech import AndroidSpeech
from endcap_shopper.platform.ports import Platform


def android(folder: Path) -> Platform:
    """This phone; `folder` is the app's own."""
    return Platform(
        "android",
        AndroidNotifier(),
        AndroidVibrator(),
        AndroidBrightness(),
        AndroidDisplay(),
        KeystoreSecrets(folder),
        AndroidLinks(),
        AndroidSpeech(),
        AndroidSharing(),
    )
