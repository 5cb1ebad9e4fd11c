"""Notifications, and the intents that a tap on one sends."""

from stand_ins.java import Java, stand_in


@stand_in("android.app.NotificationChannel")
class NotificationChannel(Java):
    def __init__(self, id, name, importance):
        self._id, self._name, self._importance = id, name, importance


@stand_in("android.app.NotificationManager")
class NotificationManager(Java):
    def __init__(self):
        self._channels, self._shown, self._allowed = {}, {}, True

    def createNotificationChannel(self, channel):
        self._channels[channel._id] = channel

    def areNotificationsEnabled(self):
        return self._allowed

    def notify(self, tag, id, notification):
        self._shown[tag, id] = notification

    def cancel(self, tag, id):
        self._shown.pop((tag, id), None)


@stand_in("android.app.Notification$Builder")
class Builder(Java):
    def __init__(self, context, channel=None):
        self._made = {"channel": channel, "actions": []}

    def setContentTitle(self, title):
        self._made["title"] = title

    def setContentText(self, text):
        self._made["text"] = text

    def setSmallIcon(self, icon):
        self._made["icon"] = icon

    def setAutoCancel(self, on):
        self._made["auto"] = on

    def setContentIntent(self, pending):
        self._made["opens"] = pending

    def addAction(self, action):
        self._made["actions"].append(action)

    def build(self):
        return self._made


@stand_in("android.app.Notification$Action$Builder")
class ActionBuilder(Java):
    def __init__(self, icon, title, pending):
        self._made = (title, pending)

    def build(self):
        return self._made


@stand_in("android.net.Uri")
class Uri(Java):
    @staticmethod
    def parse(text):
        return text


@stand_in("android.content.Intent")
class Intent(Java):
    def __init__(self, action, data=None):
        self._action, self._data, self._extras, self._flags = action, data, {}, 0

    def setPackage(self, name):
        self._package = name

    def addFlags(self, flags):
        self._flags |= flags

    def setType(self, kind):
        self._type = kind

    def putExtra(self, name, value):
        self._extras[name] = value

    def getDataString(self):
        return self._data

    @staticmethod
    def createChooser(intent, title):
        return ("chooser", intent, title)


@stand_in("android.app.PendingIntent")
class PendingIntent(Java):
    @staticmethod
    def getActivity(context, code, intent, flags):
        return (intent._data, flags)
