"""Android by pyjnius: positions, permissions, the OS's geofences and a foreground service.

    source = endcap.device.android.AndroidSource()
    state = endcap.device.android.Permissions().state()

What no test here can show (Doze, vendors that kill services, delivery of the OS's geofences) stands in
docs/embedding.md.
"""

from endcap.device.android.fences import AndroidFences, Transitions
from endcap.device.android.permissions import Permissions
from endcap.device.android.service import stay_in_front
from endcap.device.android.source import AndroidSource

__all__ = ["AndroidFences", "AndroidSource", "Permissions", "Transitions", "stay_in_front"]
