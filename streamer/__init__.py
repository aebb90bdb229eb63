"""The streamer: takes frames in over ZeroMQ and fans them out over HTTP.

How a frame travels: `channels` has the feed that receives it; `fanout` has the hub that finds who
watches, the part that is encoded once for all, and the client that decides what each viewer may
get now; `http` has the handlers that viewers ask, and the connection that moves the bytes. The
notifier in `channels` tells the producers who came and went. `service` starts and ends all of
them, `workers` several of these, `relay` stands between many.
"""
