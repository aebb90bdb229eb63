"""A model of many machines: a tree of relays and streamer nodes, up to a million viewers."""
