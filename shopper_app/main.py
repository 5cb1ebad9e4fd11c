"""The phone's entry point: python-for-android runs `main.py`."""

from endcap_shopper.__main__ import main

main([])
