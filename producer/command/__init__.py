"""The command `partcast-producer`: publishes a source, stops a stream, shows events."""
