"""The streamer: takes frames in over ZeroMQ and fans them out over HTTP.

How a frame travels: `feed` receives it, `hub` finds who watches, `part` encodes it once,
`client` decides what each viewer may get now, `connection` moves the bytes; `handlers` speak
HTTP, `notifier` tells the producers. `service` starts and ends all of them.
"""
