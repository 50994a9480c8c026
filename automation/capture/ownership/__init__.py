"""Tells whose text is on the wire: which of a page's streams is this turn's answer, and how one goes on in another. Pure."""
