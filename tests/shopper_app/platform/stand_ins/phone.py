"""The activity and the voice."""

from stand_ins.java import WORLD, Java, stand_in
from stand_ins.notifications import Intent, NotificationManager
from stand_ins.screen import Resources, Vibrator, Window


@stand_in("android.content.pm.ApplicationInfo")
class ApplicationInfo(Java):
    icon = 7


@stand_in("android.app.Activity")
class Activity(Java):
    def __init__(self):
        self._started, self._window, self._intent = [], Window(), Intent("main", "endcap://offer/a1")
        self._manager, self._vibrator = NotificationManager(), Vibrator()
        self._resources = Resources()

    def getResources(self):
        return self._resources

    def getSystemService(self, name):
        return {"notification": self._manager, "vibrator": self._vibrator}[name]

    def getApplicationInfo(self):
        return ApplicationInfo()

    def getPackageName(self):
        return "dev.endcap.shopper"

    def getIntent(self):
        return self._intent

    def getWindow(self):
        return self._window

    def startActivity(self, intent):
        self._started.append(intent)

    def runOnUiThread(self, runnable):
        runnable.run()


@stand_in("java.lang.String")
class String(Java):
    def __new__(cls, text):
        return text


@stand_in("java.util.Locale")
class Locale(Java):
    @staticmethod
    def forLanguageTag(tag):
        return tag


@stand_in("android.speech.tts.TextToSpeech")
class TextToSpeech(Java):
    def __init__(self, context, listener):
        self._said, self._listener = [], listener
        WORLD["voice"] = self

    def setLanguage(self, locale):
        self._language = locale
        return 0 if locale in ("en", "de") else -2

    def speak(self, text, mode, parameters, utterance):
        self._said.append((text, self._language))
        return 0

    def stop(self):
        self._said.append("stop")


@stand_in("android.os.Build$VERSION")
class Version(Java):
    SDK_INT = 34


@stand_in("org.kivy.android.PythonActivity")
class PythonActivity(Java):
    mActivity = Activity()
