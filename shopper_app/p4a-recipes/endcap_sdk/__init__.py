"""The SDK as it stands in this project, beside the app."""

from pythonforandroid.recipe import IncludedFilesBehaviour, PyProjectRecipe


class EndcapSdkRecipe(IncludedFilesBehaviour, PyProjectRecipe):
    version = "0.1.0"
    url = None
    src_filename = "../../../sdk"  # from this folder
    depends = ["python3"]  # noqa: RUF012  # as python-for-android reads it


recipe = EndcapSdkRecipe()
