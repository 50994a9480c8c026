"""Random chat pages: a seed gives a page, the profile that its marks lead to, and three turns with what is right.

``plan`` holds the dimensions, one choice of each by seed; ``static/`` has one small script for each of them.
``python -m tests.sites.random_pages SEED…`` runs seeds against this checkout's gateway, ``--serve`` only shows the pages.
"""

from tests.sites.random_pages.plan import PagePlan, plan_page
from tests.sites.random_pages.profiles import build_profile
from tests.sites.random_pages.site import RandomPages, plan_site_turns

__all__ = ["PagePlan", "RandomPages", "build_profile", "plan_page", "plan_site_turns"]
