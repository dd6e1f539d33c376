"""All stories."""

from tests.crash import stories, stories_commands, stories_desk, stories_web
from tests.crash.story import STORIES

__all__ = ["STORIES", "stories", "stories_commands", "stories_desk", "stories_web"]
