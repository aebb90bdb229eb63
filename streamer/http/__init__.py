"""The HTTP side: what is asked, how it is answered, and the viewers' sockets."""
