"""A chat site that tells every tab of its one account what happens in all of its chats."""

from tests.sites.broadcast.site import Announcing, BroadcastSite, build_profile, write_answer

__all__ = ["Announcing", "BroadcastSite", "build_profile", "write_answer"]
