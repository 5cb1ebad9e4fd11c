"""The window: theme, widgets and screens. The only rooms besides `app` that know Kivy."""
