"""Selector profiles: what a chat page looks like, as data."""

from automation.profiles.loader import load_profile as load_profile
from automation.profiles.model import AttachmentRules as AttachmentRules
from automation.profiles.model import NewChat as NewChat
from automation.profiles.model import SelectorProfile as SelectorProfile
from automation.profiles.model import SiteWords as SiteWords
from automation.profiles.selector import Selector as Selector
from automation.profiles.selector import Selectors as Selectors
from automation.profiles.validation import parse_profile as parse_profile
