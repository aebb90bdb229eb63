"""Who watches what, and what each may still get. No I/O, no clock.

The hub routes parts to clients; a part encodes a frame once for all of them; a client is the policy
between the parts and one socket.
"""
