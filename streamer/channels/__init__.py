"""The two ZeroMQ channels: frames come in by the feed, events go out by the notifier."""
