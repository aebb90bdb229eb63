"""The relay: the stable meeting point of several producers and several streamers.

Each channel is libzmq's own XSUB/XPUB proxy. Subscriptions travel through it to the
producers, so that a frame nobody watches leaves no producer.
"""
