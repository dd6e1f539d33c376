"""All stories."""

from tests.crash import stories, stories_desk
from tests.crash.story import STORIES

__all__ = ["STORIES", "stories", "stories_desk"]
