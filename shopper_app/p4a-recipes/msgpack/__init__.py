"""msgpack in pure Python: ably imports it, and neither a wheel nor a recipe for Android has it at this version."""

from pythonforandroid.recipe import PyProjectRecipe


class MsgpackRecipe(PyProjectRecipe):
    version = "1.2.4"
    url = "https://github.com/msgpack/msgpack-python/archive/refs/tags/v{version}.tar.gz"
    depends = ["python3", "setuptools"]  # noqa: RUF012  # as python-for-android reads it

    def get_recipe_env(self, arch, **more):
        return super().get_recipe_env(arch, **more) | {"MSGPACK_PUREPYTHON": "1"}


recipe = MsgpackRecipe()
