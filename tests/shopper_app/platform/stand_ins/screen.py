"""The window and what covers it, the colours, and the vibrator."""

from stand_ins.java import Java, stand_in


@stand_in("android.os.Vibrator")
class Vibrator(Java):
    def __init__(self):
        self._buzzed = []

    def hasVibrator(self):
        return True

    def vibrate(self, *what):
        self._buzzed.append(what)


@stand_in("android.os.VibrationEffect")
class VibrationEffect(Java):
    @staticmethod
    def createWaveform(timings, repeat):
        return ("waveform", tuple(timings), repeat)


@stand_in("android.view.WindowManager$LayoutParams")
class LayoutParams(Java):
    screenBrightness = -1.0


@stand_in("android.graphics.Insets")
class Insets(Java):
    top, right, bottom, left = 63, 0, 48, 0


@stand_in("android.view.WindowInsets$Type")
class InsetsType(Java):
    @staticmethod
    def systemBars():
        return 1 | 2 | 4

    @staticmethod
    def displayCutout():
        return 128


@stand_in("android.view.WindowInsets")
class WindowInsets(Java):
    def getInsets(self, kinds):
        return {135: Insets()}[kinds]


@stand_in("android.view.View")
class View(Java):
    def __init__(self):
        self._insets = WindowInsets()

    def getRootWindowInsets(self):
        return self._insets


@stand_in("android.content.res.Configuration")
class Configuration(Java):
    uiMode = 0x11  # of a telephone, by day


@stand_in("android.content.res.Resources")
class Resources(Java):
    def __init__(self):
        self._configuration = Configuration()

    def getConfiguration(self):
        return self._configuration


@stand_in("android.view.Window")
class Window(Java):
    def __init__(self):
        self._attributes, self._flags, self._view = LayoutParams(), 0, View()

    def getDecorView(self):
        return self._view

    def getAttributes(self):
        return self._attributes

    def setAttributes(self, attributes):
        self._attributes = attributes

    def addFlags(self, flags):
        self._flags |= flags

    def clearFlags(self, flags):
        self._flags &= ~flags
