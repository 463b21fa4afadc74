"""For all tests: properties are checked on a shared machine, so no example is failed for being slow."""

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
